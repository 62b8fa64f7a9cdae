"""The conversation from top to bottom: sidebar, turns, input."""

from __future__ import annotations

import streamlit as st

from app.schemas import Info
from ui.client import Client
from ui.components.conversation import (
    answer_question,
    offer_next_step,
    resume_research,
    show_turns,
)
from ui.components.sidebar import show_sidebar
from ui.components.source_view import show_opened_source
from ui.components.threads import show_threads
from ui.components.uploads import receive_files, show_outcomes, upload_limit_mb
from ui.components.welcome import show_welcome
from ui.notices import show_notices
from ui.permissions import may_change
from ui.state import Session, current_session, open_conversation


def show_chat(client: Client) -> None:
    show_notices()
    session = current_session()
    conversation = open_conversation(client, session)
    # The turns come first: they stay readable when the service goes away in the middle of a conversation.
    show_turns(client, conversation, session)
    show_opened_source(client, conversation.answers)
    welcome, newest, next_step, outcomes = st.empty(), st.container(), st.empty(), st.container()
    info = client.info()
    documents = client.documents()
    with st.sidebar:
        threads = show_sidebar(client, session, info, documents)
    message = _take_message(client, session, info)
    plan = session.take_pending_plan()
    with outcomes:
        show_outcomes(session)
    if message or plan:
        # What was offered before would stay in the browser until the answer is complete.
        welcome.empty()
        next_step.empty()
    with newest:
        if message:
            answer_question(client, session, conversation, message)
        elif plan:
            resume_research(client, session, conversation, plan)
    if conversation.turns:
        with next_step.container():
            offer_next_step(client, session, conversation)
    else:
        with welcome.container():
            show_welcome(client, session, info, documents)
    # Last, so that it has the conversation that has just begun.
    with threads:
        show_threads(client, session)


def _take_message(client: Client, session: Session, info: Info) -> str | None:
    """What the reader asks now, typed or chosen; files that came with it are indexed first.

    With a question, what was said of earlier uploads has been read.
    """
    typed = st.chat_input(
        "Ask about your documents",
        key="question",
        max_chars=int(info.limits.get("max_question_chars", 8_000)),
        accept_file="multiple" if may_change(info) else False,
        file_type=info.extensions or None,
        max_upload_size=upload_limit_mb(info),
        submit_mode="disable",
    )
    text, files = (typed, []) if typed is None or isinstance(typed, str) else (typed.text, typed.files)
    question = session.take_pending_question() if text is None else text.strip()
    if question:
        session.uploads = []
    if files:
        receive_files(client, session, files)
        if not question:
            st.rerun()
    return question or None
