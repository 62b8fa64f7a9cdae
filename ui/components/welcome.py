"""The first screen of a conversation: what this is, and something to start with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import streamlit as st

from app.schemas import DocumentInfo, Info
from ui.client import Client
from ui.components.uploads import show_uploader
from ui.permissions import explain_reading_only, may_change
from ui.safe_text import safe_label
from ui.state import Session

_EXAMPLES = 4
_SAMPLE_QUESTIONS = {
    "larkfield-annual-report-2025.pdf": "How much was spent on research and development?",
    "employee-handbook.md": "What is the notice period after probation?",
    "calibration-services-agreement.txt": "Summarise the calibration services agreement",
    "product-catalogue.json": "Which discount do universities get?",
}


def show_welcome(client: Client, session: Session, info: Info, documents: Sequence[DocumentInfo]) -> None:
    st.title("Ask your documents", anchor=False)
    ready = [document for document in documents if document.status == "indexed"]
    if not ready:
        _invite(client, session, info)
        return
    count = "one document" if len(ready) == 1 else f"{len(ready)} documents"
    st.markdown(f"Answers come from {count} and show the passages that they stand on. For example:")
    columns = st.columns(2)
    for number, question in enumerate(islice(example_questions(ready), _EXAMPLES)):
        columns[number % 2].button(
            safe_label(question, limit=120),
            key=f"example-{number}",
            width="stretch",
            on_click=session.ask_next,
            args=(question,),
        )


def _invite(client: Client, session: Session, info: Info) -> None:
    """There is nothing to ask about yet."""
    if may_change(info):
        st.markdown("Add a document, then ask about it. Every answer shows the page that it stands on.")
        show_uploader(client, session, info, key="welcome")
    else:
        st.markdown(
            "There are no documents yet to ask about. Every answer will show the page that it stands on."
        )
        explain_reading_only()


def example_questions(documents: Sequence[DocumentInfo]) -> list[str]:
    """Something that can really be asked about these documents; the samples have questions of their own."""
    return [
        _SAMPLE_QUESTIONS.get(document.name, f"Summarise {document.name}")
        for document in sorted(documents, key=lambda document: document.name not in _SAMPLE_QUESTIONS)
    ]
