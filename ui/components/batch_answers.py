"""What became of the questions of a batch, to look at and to take home."""

from __future__ import annotations

from functools import partial
from typing import Literal

import streamlit as st

from app.schemas import BatchResult, JobInfo
from ui.client import Client
from ui.components.answer import show_run
from ui.components.batches import ANSWERS_PAGE
from ui.components.paging import choose_page
from ui.components.problems import problems_in_words
from ui.components.source_view import show_opened_source
from ui.notices import carry_out
from ui.run import finished_run
from ui.safe_text import safe_label
from ui.wording import counted

_PER_PAGE = 20
_LABEL_CHARS = 110
_ICONS = {"done": ":material/check_circle:", "failed": ":material/error:", "cancelled": ":material/block:"}
_WAITING = ":material/hourglass_top:"
_NOT_FOUND = ":material/search_off:"


@st.fragment
def show_answers(client: Client, job: JobInfo) -> None:
    """Unfolding an answer draws this part of the page anew, nothing else."""
    with problems_in_words():
        st.markdown(f"**{_sum_up(job)}**")
        _show_actions(client, job)
        rows = st.container()
        number = choose_page(job.progress.total, per_page=_PER_PAGE, parameter=ANSWERS_PAGE, scope=job.job_id)
        with rows:
            _show_results(client, job, number)


def _sum_up(job: JobInfo) -> str:
    questions = counted(job.progress.total, "question")
    if job.state == "cancelled":
        # How many of them had been answered is not told: the progress counts those that were given up as well.
        return f"Cancelled before all of {questions} were answered"
    return f"{job.progress.done:,} of {questions} worked off"


def _show_results(client: Client, job: JobInfo, number: int) -> None:
    results = list(client.batch_results(job.job_id, limit=_PER_PAGE, offset=(number - 1) * _PER_PAGE))
    for result in results:
        _show_result(job, result)
    show_opened_source(client, lambda: [result.answer for result in results if result.answer])


def _show_actions(client: Client, job: JobInfo) -> None:
    with st.container(horizontal=True, gap="small"):
        _offer_file(client, job, "csv", "text/csv")
        _offer_file(client, job, "json", "application/json")
        if job.state in ("failed", "cancelled"):
            st.button(
                "Answer the rest",
                icon=":material/refresh:",
                key="resume",
                on_click=_resume,
                args=(client, job),
            )


def _offer_file(client: Client, job: JobInfo, form: Literal["csv", "json"], media_type: str) -> None:
    st.download_button(
        f"Download {form.upper()}",
        # Fetched when it is asked for, so that looking at the page costs nothing of it.
        data=partial(client.batch_file, job.job_id, form),
        file_name=f"answers-{job.job_id[:8]}.{form}",
        mime=media_type,
        icon=":material/download:",
        on_click="ignore",
    )


def _show_result(job: JobInfo, result: BatchResult) -> None:
    label = f"{result.number}\\. {safe_label(result.question, limit=_LABEL_CHARS)}"
    row = st.expander(
        label,
        icon=_icon_of(result),
        key=f"result-{job.job_id}-{result.number}",
        on_change="rerun",
    )
    if row.open:
        with row:
            _show_outcome(result)


def _icon_of(result: BatchResult) -> str:
    if result.answer is not None and result.answer.refused:
        return _NOT_FOUND
    return _ICONS.get(result.state, _WAITING)


def _show_outcome(result: BatchResult) -> None:
    if len(result.question) > _LABEL_CHARS:
        st.text(result.question)
    if result.answer is not None:
        show_run(finished_run(result.answer))
    elif result.problem is not None:
        st.error(safe_label(result.problem.detail, limit=400), icon=":material/error:")
    else:
        st.caption("This question was not answered.")


def _resume(client: Client, job: JobInfo) -> None:
    carry_out(lambda: client.resume_job(job.job_id), done="Going on with the rest")
