"""Where an answer stands in the documents."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import Citation
from ui.safe_text import one_line, safe_label


def show_sources(citations: Sequence[Citation]) -> None:
    if not citations:
        return
    with st.expander(_summary(citations), icon=":material/menu_book:"):
        for citation in citations:
            _show_source(citation)


def _summary(citations: Sequence[Citation]) -> str:
    sources = "1 source" if len(citations) == 1 else f"{len(citations)} sources"
    return f"{sources} · {sum(citation.verified for citation in citations)} verified"


def _show_source(citation: Citation) -> None:
    page = f", page {citation.page}" if citation.page is not None else ""
    mark = (
        ":green-badge[:material/check: verified]"
        if citation.verified
        else ":orange-badge[:material/question_mark: not verified]"
    )
    st.markdown(
        f"**\\[{citation.marker}\\] {safe_label(citation.document_name)}**{page} {mark} "
        f":small[:gray[match {citation.score:.0%}]]"
    )
    with st.container(border=True):
        st.text(f"“{one_line(citation.quote)}”")
