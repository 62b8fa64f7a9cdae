"""One evaluation: whether it is good enough, what was measured, on what."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.schemas import Evaluation, EvaluationInfo
from ui.components.evaluation_charts import draw_figures, draw_rankings, draw_refusals
from ui.measures import (
    OWN_SETS,
    RANKING_MEASURES,
    Figure,
    figures_of,
    measure_title,
    method_title,
    set_title,
)
from ui.safe_text import safe_label
from ui.wording import counted

_KINDS = {
    "look-alike": "questions that sound as if the documents answered them",
    "other corpus": "questions about something else",
}
_OWN_SIZES = {
    "samples": "questions about the sample documents",
    "follow-ups": "follow-ups",
    "routing": "requests for the router",
}


def show_evaluation(evaluation: Evaluation) -> None:
    figures = figures_of(evaluation)
    show_verdict(evaluation, figures)
    st.caption(_describe(evaluation))
    _show_own(evaluation, [one for one in figures if one.set_name in OWN_SETS])
    _show_rankings(evaluation)
    _show_refusals(evaluation)
    with st.expander(f"All {counted(len(figures), 'figure')}", icon=":material/table_rows:"):
        _show_figures(figures, "All figures with their sets and thresholds")
    with st.expander("What was asked", icon=":material/quiz:"):
        _show_sets(evaluation)


def show_verdict(info: EvaluationInfo, figures: Sequence[Figure]) -> None:
    """A figure below its threshold is named, wherever it stands on the page."""
    if not info.compared:
        st.info("No thresholds are set for these models, so nothing was judged.", icon=":material/info:")
    elif not info.failed:
        st.success(
            f"**All of {counted(info.compared, 'threshold')} are met.**", icon=":material/check_circle:"
        )
    else:
        st.error(
            f"**{info.failed} of {counted(info.compared, 'figure')} are below their thresholds.**",
            icon=":material/error:",
        )
        below = [one for one in figures if one.is_below]
        if below:
            _show_figures(below, "Figures below their thresholds")


def _describe(evaluation: Evaluation) -> str:
    sets = "smaller sets" if evaluation.profile == "quick" else "whole sets"
    minutes, seconds = divmod(round(evaluation.seconds), 60)
    answered = (
        f"answers by {safe_label(evaluation.chat_model)}"
        if evaluation.chat_model
        else "answers by the demo engine"
    )
    parts = [
        f"{evaluation.created_at:%d %b %Y, %H:%M} UTC",
        sets,
        f"took {minutes} min {seconds} s" if minutes else f"took {seconds} s",
        f"searched with {safe_label(evaluation.embedding_model)}",
        answered,
    ]
    parts += [f"commit {safe_label(evaluation.commit)}"] if evaluation.commit else []
    return " · ".join([*parts, safe_label(evaluation.machine)] if evaluation.machine else parts)


def _show_own(evaluation: Evaluation, figures: Sequence[Figure]) -> None:
    if not figures:
        return
    st.subheader("Samples", anchor=False)
    sizes = {one.name: one.questions for one in evaluation.sets}
    asked = [f"{sizes[name]:,} {things}" for name, things in _OWN_SIZES.items() if name in sizes]
    st.caption(f"What the project brings along, with known answers: {', '.join(asked)}.")
    draw_figures(figures)
    _show_figures(figures, "Figures of the sample documents with their thresholds")


def _show_rankings(evaluation: Evaluation) -> None:
    rankings = evaluation.rankings
    if not rankings:
        return
    st.subheader("What is found", anchor=False)
    st.caption("The service beside simple methods on the same texts, in the same run.")
    measure = st.selectbox(
        "Measure",
        RANKING_MEASURES,
        index=1,
        format_func=measure_title,
        key="ranking_measure",
        filter_mode=None,
    )
    draw_rankings(rankings, measure)
    by_set: dict[str, dict[str, str]] = {}
    for one in rankings:
        row = by_set.setdefault(one.set_name, {"Set": safe_label(set_title(one.set_name))})
        row[safe_label(method_title(one.method))] = f"{getattr(one, measure):.3f}"
    st.table(
        list(by_set.values()),
        border="horizontal",
        hide_index=True,
        alt=f"{measure_title(measure)} of each method, by set",
    )


def _show_refusals(evaluation: Evaluation) -> None:
    if not evaluation.refusals:
        return
    st.subheader("What is refused", anchor=False)
    st.caption(
        "What would be refused and answered if the demo engine's reader had to be surer, or less sure, than it is."
    )
    draw_refusals(evaluation.refusals)
    for curve in evaluation.refusals:
        refused, answered = curve.configured
        kind = safe_label(_KINDS.get(curve.kind, curve.kind))
        st.markdown(
            f"- As configured, {refused:.0%} of {kind} are refused, and {answered:.0%} of the answerable are answered."
        )


def _show_figures(figures: Sequence[Figure], alt: str) -> None:
    st.table(
        [
            {
                "Set": safe_label(set_title(one.set_name)),
                "Figure": safe_label(one.title),
                "Value": f"{one.value:.3f}",
                "At least": "" if one.least is None else f"{one.least:.3f}",
                "Reached": "" if one.least is None else "no" if one.is_below else "yes",
            }
            for one in figures
        ],
        border="horizontal",
        hide_index=True,
        alt=alt,
    )


def _show_sets(evaluation: Evaluation) -> None:
    st.table(
        [
            {
                "Set": safe_label(set_title(one.name)),
                "Questions": f"{one.questions:,}",
                "Documents": "" if one.documents is None else f"{one.documents:,}",
            }
            for one in evaluation.sets
        ],
        border="horizontal",
        hide_index=True,
        alt="How many questions were asked of how many documents, by set",
    )
