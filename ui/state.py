"""What one browser session remembers between two runs of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from app.schemas import AgentChoice, Identifier, ModeChoice
from ui.client import Client
from ui.run import Run, finished_run

_KEY = "llmops"
_THREAD_PARAMETER = "thread"


@dataclass(eq=False)
class Turn:
    question: str
    run: Run


@dataclass
class Conversation:
    thread_id: str = field(default_factory=lambda: uuid4().hex)
    turns: list[Turn] = field(default_factory=list)


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
    pending_question: str | None = None
    uploads: list[UploadOutcome] = field(default_factory=list)
    # Part of the upload field's key: a new number empties the field.
    upload_round: int = 0

    def ask_again(self, turn: Turn) -> None:
        """Replace a turn that got no answer by another attempt."""
        if self.conversation and turn in self.conversation.turns:
            self.conversation.turns.remove(turn)
        self.pending_question = turn.question

    def take_pending_question(self) -> str | None:
        question, self.pending_question = self.pending_question, None
        return question


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
        past = client.turns(named)
        current = Conversation(named, [Turn(turn["question"], finished_run(turn["answer"])) for turn in past])
    elif current is None:
        current = Conversation()
    session.conversation = current
    st.query_params[_THREAD_PARAMETER] = current.thread_id
    return current


def start_conversation(session: Session) -> None:
    session.conversation = Conversation()
    session.pending_question = None
    st.query_params[_THREAD_PARAMETER] = session.conversation.thread_id


def _thread_in_address() -> str | None:
    named = st.query_params.get(_THREAD_PARAMETER)
    try:
        return TypeAdapter(Identifier).validate_python(named)
    except ValidationError:
        return None
