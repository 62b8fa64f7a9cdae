"""Where an answer stands in the documents."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import Answer, Citation
from ui.safe_text import one_line, safe_label
from ui.source_links import source_link


def show_sources(answer: Answer) -> None:
    if not answer.citations:
        return
    with st.expander(_summary(answer.citations), icon=":material/menu_book:"):
        for citation in answer.citations:
            _show_source(citation, source_link(answer.run_id, citation.marker))


def describe_source(citation: Citation) -> str:
    """Where it is, whether it was verified, how well it fits and whether it is suspicious, in one line of Markdown."""
    page = f", page {citation.page}" if citation.page is not None else ""
    mark = (
        ":green-badge[:material/check: verified]"
        if citation.verified
        else ":orange-badge[:material/question_mark: not verified]"
    )
    suspicious = " :red-badge[:material/warning: suspicious]" if citation.flags else ""
    return (
        f"**\\[{citation.marker}\\] {safe_label(citation.document_name)}**{page} {mark}{suspicious} "
        f":small[:gray[match {citation.score:.0%}]]"
    )


def _summary(citations: Sequence[Citation]) -> str:
    sources = "1 source" if len(citations) == 1 else f"{len(citations)} sources"
    return f"{sources} · {sum(citation.verified for citation in citations)} verified"


def _show_source(citation: Citation, link: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(describe_source(citation), width="stretch")
        # A link like the markers in the text: a button for each source of a long conversation would slow the page.
        st.link_button("Open", link, icon=":material/find_in_page:")
    with st.container(border=True):
        st.text(f"“{one_line(citation.quote)}”")
