"""Files on their way into the knowledge base: how far each is, how to stop it, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.schemas import DocumentInfo, JobInfo
from ui.client import Client, ServerRefused
from ui.components.problems import problems_in_words
from ui.components.uploads import outcome_of, show_outcome
from ui.following import TICK_S, events_of, expect_whole_page
from ui.notices import carry_out, show_notices
from ui.safe_text import safe_label
from ui.wording import counted, describe_progress, done_share, is_finished

_FOLLOWED = "followed_jobs"
_SHOWN = 10
_NAMED = 5


def follow(job_id: str) -> None:
    """Say of this job what became of it, when it has finished."""
    _followed()[job_id] = None


def show_reading(client: Client, *, changeable: bool) -> None:
    """What is being read, whoever handed it in, and what became of the files of this visit.

    All of it stands on the service, so another tab, or this one loaded again, goes on with it.
    """
    jobs = _current_jobs(client)
    if any(not is_finished(job) for job in jobs):
        expect_whole_page()
        _watch(client, changeable=changeable)
    elif jobs:
        _show_finished(jobs)
        _offer_next(client, jobs, changeable=changeable)


def _followed() -> dict[str, JobInfo | None]:
    """The jobs of this visit, in their order, each as it was last seen."""
    followed: dict[str, JobInfo | None] = st.session_state.setdefault(_FOLLOWED, {})
    return followed


def _current_jobs(client: Client) -> list[JobInfo]:
    followed = _followed()
    # The service lists the newest first, and works off the oldest first.
    listed = {job.job_id: job for job in reversed(client.jobs()) if job.progress.unit != "questions"}
    for job_id, seen in followed.items():
        followed[job_id] = listed.get(job_id) or _look_up(client, job_id, seen)
    others = [job for job_id, job in listed.items() if job_id not in followed and not is_finished(job)]
    return [*others, *(job for job in followed.values() if job is not None)]


def _look_up(client: Client, job_id: str, seen: JobInfo | None) -> JobInfo | None:
    """A job that is too old for the service's list, as when many files were dropped at once."""
    if seen is not None and is_finished(seen):
        return seen
    try:
        return client.job(job_id)
    except ServerRefused:
        return None


@st.fragment(run_every=TICK_S)
def _watch(client: Client, *, changeable: bool) -> None:
    with problems_in_words():
        show_notices()
        jobs = _current_jobs(client)
        unfinished = [job for job in jobs if not is_finished(job)]
        if not unfinished:
            st.rerun()
        done = len(jobs) - len(unfinished)
        st.markdown(f"**Reading {counted(len(jobs), 'file')}**" + (f", {done} done" if done else ""))
        slots = [_show_row(client, job, changeable=changeable) for job in unfinished[:_SHOWN]]
        if len(unfinished) > _SHOWN:
            st.caption(f"and {len(unfinished) - _SHOWN} more that wait")
        _show_finished([job for job in jobs if job.state == "failed"])
        _follow_first(client, unfinished[0], slots[0])


def _show_row(client: Client, job: JobInfo, *, changeable: bool) -> DeltaGenerator:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container():
            slot = st.empty()
            _show_progress(job, slot)
        if changeable:
            st.button(
                "Cancel",
                key=f"cancel-{job.job_id}",
                icon=":material/close:",
                on_click=_cancel,
                args=(client, job.job_id),
            )
    return slot


def _show_progress(job: JobInfo, slot: DeltaGenerator) -> None:
    slot.progress(done_share(job), f"{safe_label(_name(job), limit=60)} · {describe_progress(job)}")


def _follow_first(client: Client, job: JobInfo, slot: DeltaGenerator) -> None:
    """Draw each event of the job that comes first; the others are drawn anew at the next tick."""
    for state in events_of(client, job):
        _show_progress(state, slot)


def _show_finished(jobs: Sequence[JobInfo]) -> None:
    """Whatever is to be said of a file by itself, and one line for all of which there is nothing to say."""
    # Of a file that was read twice counts what became of it last.
    documents = list({doc.document_id: doc for job in jobs for doc in job.documents}.values())
    plain = [document for document in documents if _is_plain(document)]
    if plain:
        names = ", ".join(f"**{safe_label(document.name, limit=60)}**" for document in plain[:_NAMED])
        more = f" and {len(plain) - _NAMED} more" if len(plain) > _NAMED else ""
        st.success(f"Ready for your questions: {names}{more}", icon=":material/check_circle:")
    for document in documents:
        if not _is_plain(document):
            show_outcome(outcome_of(document.name, document))


def _is_plain(document: DocumentInfo) -> bool:
    return document.status == "indexed" and not (
        document.duplicate or document.warnings or document.reindexing
    )


def _offer_next(client: Client, jobs: Sequence[JobInfo], *, changeable: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button("Dismiss", key="dismiss_finished", on_click=_dismiss)
        if changeable and (again := _unsuccessful(jobs)):
            st.button(
                "Try those again",
                key="read_again",
                icon=":material/refresh:",
                on_click=_resume,
                args=(client, again),
            )


def _unsuccessful(jobs: Sequence[JobInfo]) -> list[str]:
    """The jobs to try again; a later one takes the place of those before it that had the same document."""
    newest = {document.document_id: job.job_id for job in jobs for document in job.documents}
    current = set(newest.values())
    return [job.job_id for job in jobs if job.state in ("failed", "cancelled") and job.job_id in current]


def _name(job: JobInfo) -> str:
    first, *others = [document.name for document in job.documents] or ["A file that was deleted"]
    return f"{first} and {len(others)} more" if others else first


def _cancel(client: Client, job_id: str) -> None:
    follow(job_id)
    carry_out(lambda: client.cancel_job(job_id), done="Cancelled")


def _resume(client: Client, job_ids: Sequence[str]) -> None:
    for job_id in job_ids:
        follow(job_id)
        carry_out(partial(client.resume_job, job_id), done="Reading it again")


def _dismiss() -> None:
    _followed().clear()
