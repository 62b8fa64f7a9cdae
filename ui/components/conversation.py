"""Questions and answers: those of the past, and the one that is being answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.client import Client, Event, ServerRefused, ServerUnavailable
from ui.components.answer import show_live, show_run
from ui.run import Run
from ui.state import Conversation, Session, Turn

# Every redraw sends the whole text, so a long answer is not drawn for each token.
_REDRAW_S = 0.08


def show_turns(conversation: Conversation, session: Session) -> None:
    for turn in conversation.turns:
        _show_question(turn.question)
        with st.chat_message("assistant"):
            show_run(turn.run)
    if conversation.turns and session.pending_question is None:
        _offer_retry(conversation, session)


def answer_question(client: Client, session: Session, conversation: Conversation, question: str) -> None:
    """Ask, and draw what arrives.

    The turn joins the conversation before its answer: when the reader stops it or clicks elsewhere, Streamlit
    ends this function at its next call, and what was said so far must not be lost.
    """
    turn = Turn(question, Run())
    conversation.turns.append(turn)
    _show_question(question)
    with st.chat_message("assistant"):
        slot, stop = st.empty(), st.empty()
        # Any click makes Streamlit end this run of the page and draw it anew; that is all that stopping takes.
        stop.button("Stop", key=f"stop-{len(conversation.turns)}", icon=":material/stop_circle:")
        events = client.ask(
            question, thread_id=conversation.thread_id, agent=session.agent, mode=session.mode
        )
        try:
            with closing(events):
                _follow(events, turn.run, slot)
        except (ServerUnavailable, ServerRefused) as error:
            turn.run.failure = str(error)
        stop.empty()
        with slot.container():
            show_run(turn.run)
    _offer_retry(conversation, session)


def _follow(events: Iterator[Event], run: Run, slot: DeltaGenerator) -> None:
    show_live(run, slot)
    drawn_at = monotonic()
    for event in events:
        run.apply(event)
        if event.get("type") != "token" or monotonic() - drawn_at > _REDRAW_S:
            show_live(run, slot)
            drawn_at = monotonic()
    if not run.is_finished:
        run.failure = "The answer broke off before its end."


def _show_question(question: str) -> None:
    with st.chat_message("user"):
        st.text(question)


def _offer_retry(conversation: Conversation, session: Session) -> None:
    newest = conversation.turns[-1]
    if newest.run.answer is None:
        st.button(
            "Ask again",
            key=f"ask_again-{len(conversation.turns)}",
            icon=":material/refresh:",
            on_click=session.ask_again,
            args=(newest,),
        )
