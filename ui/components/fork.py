"""Going on elsewhere: a copy of the conversation up to one of its answers."""

from __future__ import annotations

import streamlit as st

from app.schemas import Answer
from ui.client import Client
from ui.conversation import Conversation, Turn
from ui.notices import carry_out
from ui.state import Session, open_thread


def offer_fork(
    client: Client, session: Session, conversation: Conversation, turn: Turn, answer: Answer
) -> None:
    """To be called in a part of the page that is drawn by itself: the rest stays as it is until the copy is there."""

    def fork() -> None:
        count = conversation.count_answered(turn)
        open_thread(session, client.fork(conversation.thread_id, after_turn=count).thread_id)

    pressed = st.button(
        "Fork from here",
        key=f"fork_from-{answer.run_id}",
        icon=":material/call_split:",
        type="tertiary",
        help="Go on in a copy that ends with this answer; this conversation stays as it is",
    )
    if pressed and carry_out(fork, done="This is the copy"):
        st.rerun()
