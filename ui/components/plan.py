"""The plan of a research, which its reader approves, changes or discards."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.client import Client, ServerRefused
from ui.conversation import Conversation
from ui.state import Session

_MOST_QUESTIONS = 8
_MOST_CHARS = 1_000


def show_plan(client: Client, session: Session, conversation: Conversation) -> None:
    """Offer the plan of the newest turn for editing; approved, it is the session's pending plan."""
    turn = conversation.turns[-1]
    with st.form(key=f"plan-{turn.key}"):
        written = st.text_area(
            "What the research will look for, one question a line",
            "\n".join(turn.run.plan),
            key=f"sub_questions-{turn.key}",
            height="content",
        )
        with st.container(horizontal=True):
            is_approved = st.form_submit_button("Research this", icon=":material/play_arrow:")
            is_discarded = st.form_submit_button("Discard", icon=":material/close:")
    if is_discarded:
        _discard(client, conversation)
        st.rerun()
    if is_approved:
        sub_questions = [line.strip() for line in written.splitlines() if line.strip()]
        if problem := _problem_of(sub_questions):
            st.error(problem, icon=":material/error:")
        else:
            session.pending_plan = sub_questions
            st.rerun()


def _problem_of(sub_questions: Sequence[str]) -> str | None:
    if not sub_questions:
        return "There is nothing to look for: write at least one question."
    if len(sub_questions) > _MOST_QUESTIONS:
        return f"These are {len(sub_questions)} questions; a research takes at most {_MOST_QUESTIONS}."
    if max(map(len, sub_questions)) > _MOST_CHARS:
        return f"A question has more than {_MOST_CHARS:,} characters."
    return None


def _discard(client: Client, conversation: Conversation) -> None:
    try:
        client.discard_plan(conversation.thread_id)
    except ServerRefused as refusal:
        # Carried out or discarded from elsewhere: it is gone, as it should be.
        if refusal.code != "no_waiting_plan":
            raise
    conversation.turns.pop()
