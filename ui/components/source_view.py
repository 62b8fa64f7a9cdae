"""One source of an answer, looked at closely: the quote in its paragraph, the page, the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from app.schemas import Answer, Citation, DocumentInfo
from ui.client import Client, ServerRefused, ServerUnavailable
from ui.components.problems import problems_in_words
from ui.components.sources import describe_source
from ui.quotation import SURROUNDINGS, quote_in_paragraph
from ui.safe_text import marked_html, one_line, safe_label
from ui.source_links import LINK_PREFIX, find_source

_SHOWN = "shown_source"
_PDF = "application/pdf"
_FLAGS = {
    "instruction-like": "The passage reads as if it gave orders to the assistant. It was taken as text, not obeyed.",
    "hidden-text": "The passage holds characters that nobody sees who reads the document.",
}
_HIGHLIGHTS = {
    "whole": "the quote is highlighted",
    "partial": "a part of the quote is highlighted",
}
# Streamlit runs this again when the page is drawn anew, and cleans up only when it is gone.
_JS = f"""
export default function ({{ parentElement, setTriggerValue }}) {{
  parentElement.stopListening?.();
  const open = (event) => {{
    const link = event.target.closest?.('a[href^="{LINK_PREFIX}"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    setTriggerValue("opened", link.getAttribute("href"));
  }};
  document.addEventListener("click", open, true);
  parentElement.stopListening = () => document.removeEventListener("click", open, true);
  return () => parentElement.stopListening();
}}
"""
_listen = st.components.v2.component("source_links", js=_JS)


@st.fragment
def show_opened_source(client: Client, answers: Callable[[], Sequence[Answer]]) -> None:
    """Open the source whose link is clicked; by itself, so that the page is not drawn anew and no answer stopped.

    `answers` are those that the page shows when something is clicked: one may have come since it was drawn.
    """
    opened = _listen(key="source_links", on_opened_change=lambda: None).opened
    if opened and (found := find_source(str(opened), answers())):
        answer, st.session_state[_SHOWN] = found
        _open(client, answer)


@st.dialog("Source", width="large", icon=":material/menu_book:")
def _open(client: Client, answer: Answer) -> None:
    number = st.session_state.get(_SHOWN, 0)
    citation = answer.citations[number]
    _offer_others(number, len(answer.citations))
    with problems_in_words():
        show_source(client, citation)


def _offer_others(number: int, total: int) -> None:
    def move(label: str, to: int, icon: str) -> None:
        st.button(label, icon=icon, disabled=not 0 <= to < total, on_click=_show_other, args=(to,))

    if total > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            move("Previous", number - 1, ":material/chevron_left:")
            move("Next", number + 1, ":material/chevron_right:")
            st.caption(f"{number + 1} of {total} sources", width="content")


def _show_other(number: int) -> None:
    st.session_state[_SHOWN] = number


def show_source(client: Client, citation: Citation) -> None:
    st.markdown(describe_source(citation))
    for flag in citation.flags:
        st.warning(_FLAGS.get(flag, safe_label(flag)), icon=":material/warning:")
    if not citation.verified:
        st.caption("Not verified: it was not proved that the quote bears out what the answer says.")
    document = _find_document(client, citation.document_id)
    if document is None:
        st.warning("This document was deleted since. What the answer quoted of it:", icon=":material/delete:")
        st.html(marked_html("", citation.quote, ""))
        return
    if document.media_type != _PDF or citation.page is None:
        _show_passage(client, citation, document)
        return
    passage, page = st.columns([2, 3])
    with passage:
        _show_passage(client, citation, document)
    with page:
        _show_page(client, citation, citation.page)


def _find_document(client: Client, document_id: str) -> DocumentInfo | None:
    try:
        return client.document(document_id)
    except ServerRefused as refusal:
        if refusal.code == "unknown_document":
            return None
        raise


def _show_passage(client: Client, citation: Citation, document: DocumentInfo) -> None:
    begin = max(citation.char_start - SURROUNDINGS, 0)
    text = client.text_between(citation.document_id, begin, citation.char_end + SURROUNDINGS)
    found = quote_in_paragraph(text, citation.char_start - begin, citation.char_end - begin)
    if found is None or found.quote != citation.quote:
        st.caption("The quote does not stand like this in the document:")
        st.text(f"“{one_line(citation.quote)}”")
    if found is not None:
        with st.container(border=True):
            st.html(marked_html(*found))
    st.download_button(
        "Download the original",
        # Fetched when it is asked for.
        data=partial(client.original, citation.document_id),
        file_name=one_line(document.name),
        # Not its own type: what others uploaded is to be saved, never opened by the browser.
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_page(client: Client, citation: Citation, page: int) -> None:
    try:
        image = client.page_image(
            citation.document_id, page, start=citation.char_start, end=citation.char_end
        )
    except (ServerRefused, ServerUnavailable) as problem:
        st.caption(f"Page {page} cannot be shown: {safe_label(str(problem), limit=300)}")
        return
    marked = _HIGHLIGHTS.get(image.highlight, "the quote could not be found on it")
    name = one_line(citation.document_name)
    st.image(image.png, f"Page {page}, {marked}", width="stretch", alt=f"Page {page} of {name}, {marked}")
