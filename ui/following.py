"""Follows a job from within a part of the page that is drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import streamlit as st

from app.schemas import JobInfo
from ui.client import Client

TICK_S = 1.0
# As long as this a click within the same part of the page waits for its turn: Streamlit does not interrupt
# what draws a part for the sake of that part.
_ATTENTION_S = 0.8
_WHOLE_PAGE = "drawing_whole_page"


def expect_whole_page() -> None:
    """To be called when the whole page is drawn, right before the part that follows a job."""
    st.session_state[_WHOLE_PAGE] = True


def events_of(client: Client, job: JobInfo) -> Iterator[JobInfo]:
    """Each state of a job for about a second, until the part of the page is drawn again.

    None while the whole page is drawn: what it shows no longer stays in the browser until it has ended.
    """
    if st.session_state.pop(_WHOLE_PAGE, False):
        return
    enough = monotonic() + _ATTENTION_S
    with closing(client.follow_job(job.job_id, patience_s=_ATTENTION_S)) as states:
        for state in states:
            yield state
            if monotonic() > enough:
                return
