"""The evaluations that the service knows; the page's address names the one that is looked at."""

from __future__ import annotations

import streamlit as st

from app.schemas import EvaluationInfo
from ui.address import keep
from ui.client import Client
from ui.safe_text import one_line

_CHOSEN = "evaluation"


def choose_evaluation(client: Client) -> EvaluationInfo | None:
    """The run that the address names, else the newest; None where there is none."""
    runs = {run.name: run for run in client.evaluations()}
    if not runs:
        return None
    names = list(runs)
    named = st.query_params.get(_CHOSEN)
    # By the address and by what is newest, so that a newer run takes the place of one that nobody has chosen.
    key = f"chosen-{named}-{names[0]}"
    chosen = st.selectbox(
        "Evaluations so far",
        names,
        index=names.index(named) if named in runs else 0,
        key=key,
        format_func=lambda name: _describe(runs[name]),
        filter_mode=None,
        on_change=_keep_chosen,
        args=(key, names[0]),
    )
    return runs[chosen]


def _keep_chosen(key: str, newest: str) -> None:
    """The newest is what the bare address stands for."""
    chosen = st.session_state[key]
    keep(_CHOSEN, None if chosen == newest else chosen)


def explain_evaluations() -> None:
    st.markdown(
        "No evaluation has been kept in this service's data directory yet. One measures how well questions about the "
        "sample documents are answered, and takes about half a minute. It needs a checkout of the project:"
    )
    st.code(".venv/bin/llmops eval", language=None)
    st.caption(
        "With evaluation data, or a language model, it measures more and takes longer: see docs/evaluation.md. "
        "Your documents are neither read nor changed."
    )


def _describe(run: EvaluationInfo) -> str:
    engine = one_line(run.chat_model or "demo engine")
    return f"{run.created_at:%d %b %Y, %H:%M} · {run.profile} · {engine}"
