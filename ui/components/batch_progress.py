"""A batch that is being answered."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.schemas import JobInfo
from ui.client import Client
from ui.components.problems import problems_in_words
from ui.following import TICK_S, events_of, expect_whole_page
from ui.notices import carry_out, show_notices
from ui.wording import describe_progress, done_share, is_finished


def show_batch_progress(client: Client, job: JobInfo) -> None:
    """Draw each event of the job as it comes; when it has ended, the page shows the answers instead."""
    expect_whole_page()
    _watch(client, job)


@st.fragment(run_every=TICK_S)
def _watch(client: Client, job: JobInfo) -> None:
    with problems_in_words():
        show_notices()
        slot = st.empty()
        st.button(
            "Cancel",
            key=f"cancel-{job.job_id}",
            icon=":material/close:",
            on_click=_cancel,
            args=(client, job),
        )
        _draw(slot, client.job(job.job_id))
        for state in events_of(client, job):
            _draw(slot, state)


def _draw(slot: DeltaGenerator, job: JobInfo) -> None:
    if is_finished(job):
        st.rerun()
    slot.progress(done_share(job), describe_progress(job).capitalize())


def _cancel(client: Client, job: JobInfo) -> None:
    carry_out(lambda: client.cancel_job(job.job_id), done="The batch is cancelled")
