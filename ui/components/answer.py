"""One answer: its text, who gave it in which mode, and what it stands on."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.schemas import Answer
from ui.components.sources import show_sources
from ui.run import Run
from ui.safe_text import linked_markdown, safe_label, split_code
from ui.source_links import source_links

AGENT_TITLES = {"qa": "Question answering", "research": "Research", "summarize": "Summary"}

_DEGRADED = {
    "model_unavailable": "the language model could not be reached",
    "model_rate_limited": "the language model's quota is exhausted",
    "model_timeout": "the language model did not answer in time",
    "model_misbehaved": "the language model's answer was unusable",
    "embeddings_unavailable": "the embedding model failed, so the search went by words alone",
    "vectors_unavailable": "the engine for vectors did not answer, so the search went by words alone",
}


def agent_title(name: str) -> str:
    return AGENT_TITLES.get(name, name.replace("_", " ").capitalize())


def show_live(run: Run, slot: DeltaGenerator) -> None:
    """Draw an answer that is still growing, under the step that the agent is in."""
    with slot.container():
        doing = safe_label(run.step or "Choosing an agent", limit=120)
        who = f"{safe_label(agent_title(run.agent))}: " if run.agent else ""
        st.caption(f":shimmer[{who}{doing}…]")
        if run.progress is not None:
            st.progress(run.progress)
        _show_text(run.text, {})


def show_run(run: Run) -> None:
    """Draw a run that has ended: answered, failed, or stopped by the reader."""
    _show_text(run.text, source_links(run.answer) if run.answer else {})
    if run.answer is not None:
        _show_degraded(run.answer)
        _show_origin(run.answer, run.reason)
        show_sources(run.answer)
    elif run.waits:
        st.caption("The plan waits for your approval.")
    elif run.failure is not None:
        st.error(safe_label(run.failure, limit=300), icon=":material/error:")
    else:
        st.caption("Stopped before the end.")


def _show_text(text: str, links: Mapping[int, str]) -> None:
    for segment in split_code(text):
        if segment.is_code:
            st.code(segment.text, language=None, wrap_lines=True)
        else:
            st.markdown(linked_markdown(segment.text, links), anchors=False)


def _show_degraded(answer: Answer) -> None:
    if answer.degraded:
        reasons = "; ".join(_DEGRADED.get(code, safe_label(code)) for code in answer.degraded)
        what = (
            "The demo engine answered instead" if answer.mode == "demo" else "Answered with less than usual"
        )
        st.warning(f"{what}: {reasons}.", icon=":material/warning:")


def _show_origin(answer: Answer, reason: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.mode == "demo":
            st.badge("Demo engine", icon=":material/format_quote:", color="gray", help=_DEMO_HELP)
        else:
            st.badge(safe_label(answer.model), icon=":material/smart_toy:", color="blue")
        st.badge(safe_label(agent_title(answer.agent)), icon=":material/alt_route:", color="violet")
        if answer.refused:
            st.badge("Not found in the documents", icon=":material/search_off:", color="orange")
        if "total" in answer.timings_ms:
            st.caption(f"{answer.timings_ms['total'] / 1000:.1f} s", width="content")
    if reason:
        st.caption(f"Why this agent: {safe_label(reason, limit=200)}")


_DEMO_HELP = "Answers by quoting the documents; no language model wrote this."
