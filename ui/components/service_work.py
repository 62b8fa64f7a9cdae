"""What the service works on, and what went wrong lately."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import JobInfo, Stats
from ui.client import Client
from ui.safe_text import safe_label
from ui.wording import counted, describe_progress, done_share, is_finished

_SHOWN = 5


def show_queue(stats: Stats, jobs: Sequence[JobInfo]) -> None:
    st.subheader("Queue", anchor=False)
    # The service lists the newest first, and works off the oldest first.
    working = [job for job in reversed(jobs) if not is_finished(job)]
    if not working and not stats.unfinished:
        st.markdown("Nothing is waiting.")
        return
    batches = sum(job.progress.unit == "questions" for job in working)
    documents, batches_said = counted(stats.unfinished, "document"), counted(batches, "batch", "batches")
    st.markdown(f"{documents} and {batches_said} in progress.")
    for job in working[:_SHOWN]:
        st.progress(done_share(job), f"{_kind(job)} · {describe_progress(job)}")
    if len(working) > _SHOWN:
        st.caption(f"and {len(working) - _SHOWN} more")


def show_failures(client: Client) -> None:
    st.subheader("Recent errors", anchor=False)
    failed = client.find_documents(statuses=["failed"], limit=_SHOWN)
    if not failed.total:
        st.markdown("No document has failed.")
        return
    for document in failed.documents:
        reason = document.error.detail if document.error else "it could not be read"
        st.warning(
            f"**{safe_label(document.name)}**, {document.created_at:%d %b, %H:%M}: "
            f"{safe_label(reason, limit=300)}",
            icon=":material/error:",
        )
    if failed.total > len(failed.documents):
        st.caption(f"and {failed.total - len(failed.documents):,} more, on the page of the documents")


def _kind(job: JobInfo) -> str:
    if job.progress.unit == "questions":
        return "Batch"
    return safe_label(job.documents[0].name, limit=60) if job.documents else "Files"
