"""Asking once more: the same question, another one in its place, or one that the answer leads to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.conversation import Turn
from ui.safe_text import safe_label
from ui.state import Session

_SUGGESTION_CHARS = 200


def offer_retry(session: Session, turn: Turn) -> None:
    """A button below a turn that got no answer."""
    st.button(
        "Ask again",
        key=f"ask_again-{turn.key}",
        icon=":material/refresh:",
        on_click=session.ask_instead,
        args=(turn, turn.question),
    )


def offer_another_question(session: Session, turn: Turn) -> None:
    """A field, behind a button, in which the turn's question can be changed and asked in its place."""
    with st.popover("Edit", icon=":material/edit:", type="tertiary", key=f"edit-{turn.key}"):
        key = f"instead-{turn.key}"
        st.text_area("Ask this instead", turn.question, key=key, height="content")
        st.caption("An answered question stays in the list of conversations, with what came after it.")
        st.button(
            "Ask",
            key=f"ask_instead-{turn.key}",
            icon=":material/send:",
            on_click=_ask_written,
            args=(session, turn, key),
        )


def offer_suggestions(session: Session, questions: Sequence[str], number: int) -> None:
    """Buttons below the newest answer, one for each question that could come next."""
    if not questions:
        return
    st.caption("You could ask next:")
    for place, question in enumerate(questions):
        st.button(
            safe_label(question, limit=_SUGGESTION_CHARS),
            key=f"suggestion-{number}-{place}",
            icon=":material/arrow_forward:",
            on_click=session.ask_next,
            args=(question,),
        )


def _ask_written(session: Session, turn: Turn, key: str) -> None:
    question = str(st.session_state[key]).strip()
    if question:
        session.ask_instead(turn, question)
