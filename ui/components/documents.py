"""The list of documents, with what is known of each and a way to delete it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import DocumentInfo
from ui.client import Client, ServerRefused
from ui.safe_text import safe_label
from ui.wording import describe_document

_FILTER_FROM = 8
_SHOWN = 50
_POLL_S = 2

_ICONS = {"indexed": ":material/description:", "failed": ":material/error:", "cancelled": ":material/block:"}
_WAITING = ":material/hourglass_top:"


def show_documents(client: Client, documents: Sequence[DocumentInfo], *, changeable: bool) -> None:
    if not documents:
        st.caption("None yet. Drop a file above." if changeable else "None yet.")
        return
    wanted = _filter(documents)
    for document in wanted[:_SHOWN]:
        _show_document(client, document, changeable=changeable)
    if len(wanted) > _SHOWN:
        st.caption(f"and {len(wanted) - _SHOWN} more; filter by name to see them")
    if any(document.status not in _ICONS for document in documents):
        _watch(client, [document.status for document in documents])


def _filter(documents: Sequence[DocumentInfo]) -> list[DocumentInfo]:
    if len(documents) <= _FILTER_FROM:
        return list(documents)
    part = st.text_input("Filter by name", key="document_filter", placeholder=f"{len(documents)} documents")
    return [document for document in documents if part.casefold() in document.name.casefold()]


def _show_document(client: Client, document: DocumentInfo, *, changeable: bool) -> None:
    with st.popover(
        safe_label(document.name, limit=40),
        icon=_ICONS.get(document.status, _WAITING),
        type="tertiary",
        wrap=False,
        key=f"document-{document.document_id}",
    ):
        st.markdown(f"**{safe_label(document.name, limit=200)}**")
        st.caption(describe_document(document))
        if document.error:
            st.error(safe_label(document.error.detail, limit=300))
        for warning in document.warnings:
            st.warning(safe_label(warning, limit=300))
        if changeable and st.button(
            "Delete for good", key=f"delete-{document.document_id}", icon=":material/delete:"
        ):
            _delete(client, document)


def _delete(client: Client, document: DocumentInfo) -> None:
    try:
        client.delete(document.document_id)
    except ServerRefused as refusal:
        if refusal.status != 404:
            st.error(safe_label(str(refusal), limit=300))
            return
    st.rerun()


@st.fragment(run_every=_POLL_S)
def _watch(client: Client, drawn: list[str]) -> None:
    """Draw the page anew when a document that was being read has changed its state."""
    if [document.status for document in client.documents()] != drawn:
        st.rerun()
