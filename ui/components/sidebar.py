"""The sidebar: a new conversation, who answers, the documents, and what the service runs on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.schemas import AgentChoice, DocumentInfo, Info
from ui.client import Client
from ui.components.answer import agent_title
from ui.components.documents import show_documents
from ui.components.uploads import show_uploader
from ui.permissions import explain_reading_only, may_change
from ui.safe_text import safe_label
from ui.state import Session, start_conversation


def show_sidebar(
    client: Client, session: Session, info: Info, documents: Sequence[DocumentInfo]
) -> DeltaGenerator:
    """Draw all but the conversations, and give their place."""
    st.button(
        "New conversation",
        icon=":material/add_comment:",
        width="stretch",
        on_click=start_conversation,
        args=(session,),
    )
    _choose_agent(session, info)
    _choose_approval(session)
    _choose_mode(session, info)
    threads = st.container()
    st.subheader("Documents", anchor=False)
    changeable = may_change(info)
    if changeable:
        show_uploader(client, session, info, key="sidebar")
    else:
        explain_reading_only()
    show_documents(client, documents, changeable=changeable)
    st.divider()
    _show_engine(info)
    return threads


def _choose_agent(session: Session, info: Info) -> None:
    descriptions = {agent.name: agent.description for agent in info.agents}
    names = ["auto", *(name for name in descriptions if name != "auto")]
    chosen = st.selectbox(
        "Agent",
        names,
        key="agent",
        persist_state="session",
        format_func=lambda name: "Choose automatically" if name == "auto" else agent_title(name),
        help="\n".join(
            f"- **{agent_title(name)}**: {safe_label(text, limit=200)}" for name, text in descriptions.items()
        ),
    )
    session.agent = cast("AgentChoice", chosen)


def _choose_approval(session: Session) -> None:
    if session.agent not in ("auto", "research"):
        session.approve_plans = False
        return
    session.approve_plans = st.toggle(
        "Show me the plan of a research",
        key="approve_plans",
        persist_state="session",
        help="A research then waits until you have approved its sub-questions, or changed them.",
    )


def _choose_mode(session: Session, info: Info) -> None:
    if info.mode == "demo":
        session.mode = "auto"
        return
    quoting_only = st.toggle(
        "Demo engine only",
        key="demo_only",
        persist_state="session",
        help="Answers by quoting the documents, without sending anything to the language model.",
    )
    session.mode = "demo" if quoting_only else "auto"


def _show_engine(info: Info) -> None:
    if info.mode == "demo":
        st.caption(
            ":material/format_quote: **Demo engine**: no language model is configured, "
            "answers quote the documents."
        )
    else:
        st.caption(f":material/smart_toy: Language model: **{safe_label(info.chat_model or 'unknown')}**")
    st.caption(f"Embeddings: {safe_label(info.embedding_model)} · version {safe_label(info.version)}")
