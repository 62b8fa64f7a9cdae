"""Questions and answers: those of the past, and the one that is being answered."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from time import monotonic, sleep

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.client import Client, Event, ServerRefused, ServerUnavailable
from ui.components.another_question import offer_another_question, offer_retry, offer_suggestions
from ui.components.answer import show_live, show_run
from ui.components.feedback import show_feedback
from ui.components.plan import show_plan
from ui.conversation import Conversation, Turn
from ui.run import Run
from ui.state import Session

# Every redraw sends the whole text, so a long answer is not drawn for each token.
_REDRAW_S = 0.08
_MOST_STEPS = 6
_STEP_CHARS = 30


def show_turns(client: Client, conversation: Conversation, session: Session) -> None:
    """Draw what was said last, but not the turn that is about to go on."""
    if conversation.earlier:
        st.button("Earlier turns", icon=":material/expand_less:", on_click=conversation.show_more)
    turns = conversation.turns[:-1] if session.pending_plan else conversation.turns
    for turn in turns:
        _show_question(session, turn)
        with st.chat_message("assistant"):
            show_run(turn.run)
            if turn.run.answer is not None:
                show_feedback(client, session, conversation, turn, turn.run.answer)


def answer_question(client: Client, session: Session, conversation: Conversation, question: str) -> None:
    """Ask, and draw what arrives.

    The turn joins the conversation before its answer: when the reader stops it or clicks elsewhere, Streamlit
    ends this function at its next call, and what was said so far must not be lost.
    """
    if conversation.turns:
        conversation.turns[-1].run.forget_plan()
    conversation.turns.append(Turn(question, Run()))
    events = client.ask(
        question,
        thread_id=conversation.thread_id,
        agent=session.agent,
        mode=session.mode,
        approve_plan=session.approve_plans,
    )
    _draw_newest(client, session, conversation, events)


def resume_research(
    client: Client, session: Session, conversation: Conversation, sub_questions: Sequence[str]
) -> None:
    """Let the newest turn go on with its plan, and draw what arrives."""
    newest = conversation.turns[-1]
    # Should it be stopped, the plan waits on.
    newest.run = Run(agent=newest.run.agent, plan=sub_questions)
    _draw_newest(client, session, conversation, client.resume(conversation.thread_id, sub_questions))


def _draw_newest(
    client: Client, session: Session, conversation: Conversation, events: Generator[Event | None]
) -> None:
    turn = conversation.turns[-1]
    _show_question(session, turn)
    with st.chat_message("assistant"):
        slot, stop, pulse = st.empty(), st.empty(), st.empty()
        # Any click makes Streamlit end this run of the page and draw it anew; that is all that stopping takes.
        stop.button("Stop", key=f"stop-{turn.key}", icon=":material/stop_circle:")
        try:
            with closing(events):
                _follow(events, turn.run, slot, pulse)
        except (ServerUnavailable, ServerRefused) as error:
            turn.run.failure = str(error)
        stop.empty()
        with slot.container():
            show_run(turn.run)
        if turn.run.answer is not None:
            show_feedback(client, session, conversation, turn, turn.run.answer)


def _follow(events: Iterator[Event | None], run: Run, slot: DeltaGenerator, pulse: DeltaGenerator) -> None:
    show_live(run, slot)
    drawn_at, shown = monotonic(), ""
    for event in events:
        if event is None:
            pulse.empty()  # Streamlit looks for clicks whenever something is drawn
            continue
        run.apply(event)
        if run.answer is None and (event.get("type") != "token" or monotonic() - drawn_at > _REDRAW_S):
            show_live(run, slot)
            drawn_at, shown = monotonic(), run.text
    if not run.is_finished:
        run.failure = "The answer broke off before its end."
    elif run.answer is not None and run.text.startswith(shown):
        _write_out(run, len(shown), slot)


def _write_out(run: Run, begin: int, slot: DeltaGenerator) -> None:
    """Let what came in one burst appear in a few steps, as text does that is being written."""
    steps = min(_MOST_STEPS, (len(run.text) - begin) // _STEP_CHARS)
    for step in range(1, steps + 1):
        end = begin + (len(run.text) - begin) * step // (steps + 1)
        show_live(replace(run, text=run.text[:end]), slot)
        sleep(_REDRAW_S)


def _show_question(session: Session, turn: Turn) -> None:
    with st.chat_message("user"), st.container(horizontal=True, vertical_alignment="top"):
        st.text(turn.question, width="stretch")
        offer_another_question(session, turn)


def offer_next_step(client: Client, session: Session, conversation: Conversation) -> None:
    """What the reader can do with the newest turn: go on from its answer, or get one."""
    newest, number = conversation.turns[-1], conversation.earlier + len(conversation.turns)
    if conversation.has_plan:
        show_plan(client, session, conversation)
    elif newest.run.answer is None:
        offer_retry(session, newest)
    else:
        offer_suggestions(session, newest.run.answer.suggestions, number)
