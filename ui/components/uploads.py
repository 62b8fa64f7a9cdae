"""Taking files from the reader and saying what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from app.schemas import DocumentInfo, Info
from ui.client import Client, ServerRefused, Upload
from ui.safe_text import safe_label
from ui.state import Session, UploadOutcome


class ReceivedFile(Protocol):
    """What Streamlit's upload field gives."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    def getvalue(self) -> bytes: ...


def show_uploader(client: Client, session: Session, info: Info, *, key: str) -> None:
    """Index files as soon as they are dropped; each by itself, so that a bad one does not stop the others."""
    files = st.file_uploader(
        "Add documents",
        type=info.extensions or None,
        accept_multiple_files=True,
        key=f"upload-{key}-{session.upload_round}",
        max_upload_size=upload_limit_mb(info),
    )
    if files:
        receive_files(client, session, files)
        session.upload_round += 1
        st.rerun()


def receive_files(client: Client, session: Session, files: Sequence[ReceivedFile]) -> None:
    session.uploads = _upload(client, files)


def upload_limit_mb(info: Info) -> int:
    return int(info.limits.get("max_upload_mb", 100))


def show_outcomes(session: Session) -> None:
    for outcome in session.uploads:
        show_outcome(outcome)
    if session.uploads:
        st.button("Dismiss", key="dismiss_uploads", on_click=session.uploads.clear)


def show_outcome(outcome: UploadOutcome) -> None:
    shown = f"**{safe_label(outcome.name)}**: {safe_label(outcome.message, limit=400)}"
    if outcome.succeeded:
        st.success(shown, icon=":material/check_circle:")
    else:
        st.error(shown, icon=":material/error:")


def _upload(client: Client, files: Sequence[ReceivedFile]) -> list[UploadOutcome]:
    outcomes: list[UploadOutcome] = []
    bar = st.progress(0.0)
    for number, file in enumerate(files):
        bar.progress(
            number / len(files), f"Reading {safe_label(file.name, limit=40)} ({number + 1} of {len(files)})"
        )
        try:
            document = client.upload(
                Upload(file.name, file.getvalue(), file.type or "application/octet-stream")
            )
        except ServerRefused as refusal:
            outcomes.append(UploadOutcome(file.name, succeeded=False, message=str(refusal)))
        else:
            outcomes.append(outcome_of(file.name, document))
    bar.empty()
    return outcomes


def outcome_of(name: str, document: DocumentInfo) -> UploadOutcome:
    if document.status == "failed":
        reason = document.error.detail if document.error else "it could not be read"
        return UploadOutcome(name, succeeded=False, message=reason)
    if document.status == "cancelled":
        return UploadOutcome(name, succeeded=False, message="was cancelled before it was read")
    if document.reindexing:
        reason = document.reindexing.error.detail if document.reindexing.error else "it was cancelled"
        message = f"was not read again, so what was read before still counts: {reason}"
        return UploadOutcome(name, succeeded=False, message=message)
    if document.duplicate:
        return UploadOutcome(name, succeeded=True, message="was already there")
    size = "1 page" if document.pages == 1 else f"{document.pages} pages" if document.pages else "read"
    message = (
        f"{size}, ready for your questions" if document.status == "indexed" else f"{size}, still being read"
    )
    return UploadOutcome(name, succeeded=True, message=". ".join([message, *document.warnings]))
