"""Follows a job from within a part of the page that is drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from app.schemas import JobInfo
from ui.client import Client

TICK_S = 1.0
# As long as this a click waits for its turn when nothing happens.
_PATIENCE_S = 0.8
_WHOLE_PAGE = "drawing_whole_page"


def expect_whole_page() -> None:
    """To be called when the whole page is drawn, right before the part that follows a job."""
    st.session_state[_WHOLE_PAGE] = True


def events_of(client: Client, job: JobInfo) -> Iterator[JobInfo]:
    """Each state of a job for about a second, until the part of the page is drawn again.

    None while the whole page is drawn: what it shows no longer stays in the browser until it has ended.
    """
    if not st.session_state.pop(_WHOLE_PAGE, False):
        yield from client.follow_job(job.job_id, patience_s=_PATIENCE_S)
