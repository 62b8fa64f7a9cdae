"""The batches that the service knows; the page's address names the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import JobInfo
from ui.address import keep
from ui.client import Client
from ui.wording import counted

_CHOSEN = "batch"
ANSWERS_PAGE = "answers_page"


def find_batches(client: Client) -> list[JobInfo]:
    """The newest first."""
    return [job for job in client.jobs() if job.progress.unit == "questions"]


def choose_batch(found: Sequence[JobInfo]) -> JobInfo | None:
    """The batch that the address names, else the newest; None when there was never one."""
    batches = {job.job_id: job for job in found}
    named = st.query_params.get(_CHOSEN)
    if not batches:
        return None
    ids = list(batches)
    # By the address, so that a batch that was just handed in is the one looked at.
    key = f"chosen-{named}"
    chosen = st.selectbox(
        "Batches so far",
        ids,
        index=ids.index(named) if named in batches else 0,
        key=key,
        format_func=lambda job_id: _describe(batches[job_id]),
        filter_mode=None,
        # Before the page is drawn: with an address written later, the next choice would come from a field that is gone.
        on_change=_open_chosen,
        args=(key,),
    )
    if chosen != named:
        open_batch(chosen)
    return batches[chosen]


def open_batch(job_id: str) -> None:
    keep(_CHOSEN, job_id)
    keep(ANSWERS_PAGE, None)


def _open_chosen(key: str) -> None:
    open_batch(st.session_state[key])


def _describe(job: JobInfo) -> str:
    return f"{job.created_at:%d %b %Y, %H:%M} · {counted(job.progress.total, 'question')}"
