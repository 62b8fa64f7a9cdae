"""Taking in files and pasted text. Files are read in the background; nobody has to wait here."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.schemas import DEFAULT_COLLECTION, Info
from ui.client import Client, ServerRefused, Upload
from ui.components.reading import follow
from ui.components.uploads import upload_limit_mb
from ui.notices import carry_out, note_failure
from ui.safe_text import safe_label

_ROUND = "intake_round"
_NAME, _TEXT = "pasted_name", "pasted_text"


def show_intake(client: Client, info: Info, collection: str | None) -> None:
    files, text = st.tabs(["Upload files", "Paste text"])
    where = f"Goes into the collection **{safe_label(collection or DEFAULT_COLLECTION)}**."
    with files:
        _take_files(client, info, collection, where)
    with text:
        _take_text(client, collection, where)


def _take_files(client: Client, info: Info, collection: str | None, where: str) -> None:
    # A new number in its key empties the field.
    turn = st.session_state.setdefault(_ROUND, 0)
    files = st.file_uploader(
        "Drop files here",
        type=info.extensions or None,
        accept_multiple_files=True,
        key=f"files-{turn}",
        max_upload_size=upload_limit_mb(info),
        help=f"Read are {', '.join(ending.lstrip('.') for ending in info.extensions)}.",
    )
    st.caption(where)
    if files:
        _send(client, files, collection)
        st.session_state[_ROUND] = turn + 1
        st.rerun()


def _send(client: Client, files: Sequence[UploadedFile], collection: str | None) -> None:
    """Each file is a job of its own, so that it can be watched and cancelled by itself."""
    bar = st.progress(0.0)
    for number, file in enumerate(files):
        bar.progress(number / len(files), f"Sending {safe_label(file.name, limit=40)}")
        upload = Upload(file.name, file.getvalue(), file.type or "application/octet-stream")
        try:
            follow(client.submit(upload, collection=collection))
        except ServerRefused as refusal:
            note_failure(f"{file.name}: {refusal}")
    bar.empty()


def _take_text(client: Client, collection: str | None, where: str) -> None:
    with st.form("paste_text", border=False):
        st.text_input("Title", key=_NAME, max_chars=255, placeholder="Notes of Monday's meeting")
        st.text_area("Text", key=_TEXT, height=200)
        st.caption(where)
        st.form_submit_button(
            "Add this text",
            on_click=_add_text,
            args=(client, collection),
            icon=":material/add:",
        )


def _add_text(client: Client, collection: str | None) -> None:
    name, text = st.session_state[_NAME].strip() or "Pasted text", st.session_state[_TEXT]
    if not text.strip():
        note_failure("There is no text to add yet.")
    elif carry_out(
        lambda: client.add_text(text, name=name, collection=collection), done=f"{name} can be asked about"
    ):
        st.session_state[_NAME] = st.session_state[_TEXT] = ""
