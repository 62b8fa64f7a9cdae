"""Health, stock, models and limits of the service."""

from __future__ import annotations

import streamlit as st

from app.schemas import Health, Info, Stats
from ui.client import Client
from ui.components.answer import agent_title
from ui.safe_text import safe_label
from ui.wording import counted, readable_size

_CHECKS = {"store": "Knowledge base", "threads": "Conversations", "vectors": "Search by meaning"}


def show_health(health: Health) -> None:
    engine = "answers quote the documents" if health.mode == "demo" else "a language model answers"
    if health.status == "ok":
        st.success(f"**The service is well**; {engine}.", icon=":material/check_circle:")
        return
    if health.status == "degraded":
        st.warning("**The service answers with less than it has.**", icon=":material/warning:")
        show = st.warning
    else:
        st.error("**The service cannot answer at the moment.**", icon=":material/error:")
        show = st.error
    for name, state in health.checks.items():
        if state != "ok":
            show(f"{_CHECKS.get(name, safe_label(name))}: {safe_label(state, limit=300)}")


def show_stock(stats: Stats) -> None:
    figures = {
        "Documents": f"{stats.documents:,}",
        "Passages": f"{stats.chunks:,}",
        "Collections": f"{len(stats.collections):,}",
        "Size of the files": readable_size(stats.bytes) if stats.bytes else "0",
    }
    # Not in columns, which stand one below the other on a narrow screen.
    with st.container(horizontal=True, gap="small"):
        for label, value in figures.items():
            st.metric(label, value, border=True, width=160)
    if len(stats.collections) > 1:
        st.caption(
            " · ".join(
                f"{safe_label(name)}: {counted(number, 'document')}"
                for name, number in stats.collections.items()
            )
        )


def show_engines(info: Info) -> None:
    if info.chat_model:
        st.markdown(f"Answers come from **{safe_label(info.chat_model)}**.")
    else:
        st.markdown("No language model is configured: the **demo engine** answers by quoting the documents.")
    st.markdown(f"Documents are searched with **{safe_label(info.embedding_model)}**.")
    for agent in info.agents:
        st.markdown(f"- **{agent_title(agent.name)}**: {safe_label(agent.description, limit=200)}")


def show_limits(client: Client, info: Info) -> None:
    limits = info.limits
    parts = [f"Version {safe_label(info.version)}, at {safe_label(client.api_url)}"]
    if "max_upload_mb" in limits:
        parts.append(f"files up to {limits['max_upload_mb']:,.0f} MB")
    if "max_question_chars" in limits:
        parts.append(f"questions up to {limits['max_question_chars']:,.0f} characters")
    if "request_timeout_s" in limits:
        parts.append(f"an answer may take {limits['request_timeout_s']:,.0f} s")
    st.caption(" · ".join(parts))
