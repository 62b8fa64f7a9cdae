"""What one browser session remembers between two runs of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from app.schemas import AgentChoice, Identifier, ModeChoice
from ui.address import keep
from ui.catching_up import catch_up
from ui.client import Client
from ui.conversation import Conversation, Turn

_KEY = "llmops"
_THREAD_PARAMETER = "thread"


@dataclass(frozen=True)
class UploadOutcome:
    """What became of one file; `message` may hold text of others and is shown literally."""

    name: str
    succeeded: bool
    message: str


@dataclass
class Session:
    conversation: Conversation | None = None
    agent: AgentChoice = "auto"
    mode: ModeChoice = "auto"
    approve_plans: bool = False
    pending_question: str | None = None
    # The turn whose place the pending question takes.
    instead_of: Turn | None = None
    pending_plan: Sequence[str] = ()
    uploads: list[UploadOutcome] = field(default_factory=list)
    # Part of the upload field's key: a new number empties the field.
    upload_round: int = 0

    def ask_next(self, question: str) -> None:
        """Ask it as if it had been typed."""
        self.pending_question = question

    def ask_instead(self, turn: Turn, question: str) -> None:
        """Let another question, or the same again, take the place of a turn and of what came after it."""
        self.instead_of, self.pending_question = turn, question

    def take_pending_question(self) -> str | None:
        question, self.pending_question = self.pending_question, None
        return question

    def take_pending_plan(self) -> Sequence[str]:
        plan, self.pending_plan = self.pending_plan, ()
        return plan


def current_session() -> Session:
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Session()
    session: Session = st.session_state[_KEY]
    return session


def open_conversation(client: Client, session: Session) -> Conversation:
    """The conversation that the page's address names, so that reloading the page brings it back."""
    named = _thread_in_address()
    current = session.conversation
    if named is not None and (current is None or current.thread_id != named):
        current = Conversation(named)
    elif current is None:
        current = Conversation()
    if session.instead_of is not None:
        current = _without(client, current, session.instead_of)
        session.instead_of = None
    catch_up(client, current)
    if not current.has_plan:
        session.pending_plan = ()
    _open(session, current)
    return current


def open_thread(session: Session, thread_id: str) -> None:
    """Turn to a conversation of the list."""
    _open(session, Conversation(thread_id))
    session.pending_question = None


def start_conversation(session: Session) -> None:
    _open(session, Conversation())
    session.pending_question = None


def _open(session: Session, conversation: Conversation) -> None:
    session.conversation = conversation
    keep(_THREAD_PARAMETER, conversation.thread_id)


def _without(client: Client, conversation: Conversation, turn: Turn) -> Conversation:
    """The conversation as it was before a turn; where that was answered a copy, beside which it stays."""
    if turn not in conversation.turns:
        return conversation
    kept = conversation.turns[: conversation.turns.index(turn)]
    if not any(later.run.answer for later in conversation.turns[len(kept) :]):
        conversation.turns = kept
        return conversation
    answered = conversation.count_answered(kept[-1]) if kept else conversation.earlier
    if not answered:
        return Conversation()
    return Conversation(client.fork(conversation.thread_id, after_turn=answered).thread_id)


def _thread_in_address() -> str | None:
    named = st.query_params.get(_THREAD_PARAMETER)
    try:
        return TypeAdapter(Identifier).validate_python(named)
    except ValidationError:
        return None
