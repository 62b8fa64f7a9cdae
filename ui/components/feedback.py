"""What a reader does with a finished answer: say what it was worth, take it along, go on from it."""

from __future__ import annotations

import streamlit as st

from app.schemas import MAX_COMMENT_CHARS, Answer
from ui.client import Client
from ui.components.copy_button import show_copy_button
from ui.components.fork import offer_fork
from ui.conversation import Conversation, Turn
from ui.notices import carry_out, show_notices
from ui.state import Session


@st.fragment
def show_feedback(
    client: Client, session: Session, conversation: Conversation, turn: Turn, answer: Answer
) -> None:
    """By itself: a thumb draws nothing else anew, and stops no answer that is being written."""
    given = turn.feedback
    key = f"thumbs-{answer.run_id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_copy_button(answer.answer, key=f"copy-{answer.run_id}")
        st.feedback(
            "thumbs",
            key=key,
            default=None if given is None else int(given.score > 0),
            on_change=_give_score,
            args=(client, turn, answer, key),
        )
        if given is not None:
            _offer_comment(client, turn, answer)
        offer_fork(client, session, conversation, turn, answer)
    show_notices()


def _give_score(client: Client, turn: Turn, answer: Answer, key: str) -> None:
    thumb = st.session_state[key]
    if thumb is None:
        if carry_out(lambda: client.withdraw_feedback(answer.run_id), done="Taken back"):
            turn.feedback = None
    else:
        comment = turn.feedback.comment if turn.feedback else None
        _give(client, turn, answer, is_good=bool(thumb), comment=comment)


def _give(client: Client, turn: Turn, answer: Answer, *, is_good: bool, comment: str | None) -> None:
    def give() -> None:
        turn.feedback = client.give_feedback(answer.run_id, 1 if is_good else -1, comment)

    carry_out(give, done="Thank you")


def _offer_comment(client: Client, turn: Turn, answer: Answer) -> None:
    assert turn.feedback is not None  # noqa: S101  # of what was given
    key = f"comment-{answer.run_id}"
    with st.popover("Comment", icon=":material/comment:", type="tertiary"):
        st.text_area(
            "What was good, or missing?", turn.feedback.comment or "", key=key, max_chars=MAX_COMMENT_CHARS
        )
        st.button("Send", key=f"send-{key}", on_click=_give_comment, args=(client, turn, answer, key))


def _give_comment(client: Client, turn: Turn, answer: Answer, key: str) -> None:
    if turn.feedback is not None:
        written = st.session_state[key].strip()
        _give(client, turn, answer, is_good=turn.feedback.score > 0, comment=written or None)
