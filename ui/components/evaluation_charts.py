"""What an evaluation measured, as plots.

Each has what it shows in its description, and a table beside it: screen readers are spared the single marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.schemas import RankingFigures, RefusalCurve
from ui.measures import Figure, measure_title, method_title, set_title
from ui.safe_text import one_line

Row = Mapping[str, str | float | bool | None]

_BAR_PX = 30
_GROUP_PX = 24
_FRAME_PX = 70
_CURVE_PX = 380
_LABEL_PX = 160
# Seen on the bars and beside them, in both schemes.
_THRESHOLD = "#e07000"
_SHARE = {"domain": [0, 1]}


def draw_figures(figures: Sequence[Figure]) -> None:
    """Bars, with a tick where the threshold is."""
    rows: list[Row] = [{"figure": one.label, "share": one.value, "least": one.least} for one in figures]
    names = _axis("figure")
    bars = {
        "mark": {"type": "bar", "aria": False},
        "encoding": {"y": names, "x": _amount("share", "Share, and the least that is accepted")},
    }
    ticks = {
        "mark": {"type": "tick", "aria": False, "color": _THRESHOLD, "thickness": 3},
        "encoding": {"y": names, "x": {"field": "least", "type": "quantitative"}},
    }
    said = ", ".join(f"{one.label} {one.value:.2f}" for one in figures)
    _draw(rows, {"layer": [bars, ticks]}, f"Bars: {said}", height=_FRAME_PX + _BAR_PX * len(rows))


def draw_rankings(rankings: Sequence[RankingFigures], measure: str) -> None:
    """A group of bars for each set, the service's own the first."""
    rows: list[Row] = [
        {
            "set": one_line(set_title(one.set_name)),
            "method": one_line(method_title(one.method)),
            "share": getattr(one, measure),
        }
        for one in rankings
    ]
    methods = list(dict.fromkeys(row["method"] for row in rows))
    spec = {
        "mark": {"type": "bar", "aria": False},
        "encoding": {
            "y": _axis("set"),
            "yOffset": {"field": "method", "sort": methods},
            "x": _amount("share", measure_title(measure)),
            "color": _series("method", methods),
        },
    }
    said = ", ".join(f"{row['set']} by {row['method']} {row['share']:.2f}" for row in rows)
    _draw(rows, spec, f"Bars of {measure_title(measure)}: {said}", height=_FRAME_PX + _GROUP_PX * len(rows))


def draw_refusals(curves: Sequence[RefusalCurve]) -> None:
    """Lines, with a dot where the service stands."""
    rows: list[Row] = [
        {"refused": refused, "answered": answered, "kind": one_line(curve.kind), "stands": stands}
        for curve in curves
        for stands, points in ((False, curve.points), (True, [curve.configured]))
        for refused, answered in points
    ]
    encoding = {
        "x": _amount("refused", "Unanswerable refused"),
        "y": _amount("answered", "Answerable answered"),
        "color": _series("kind", [one_line(curve.kind) for curve in curves]),
    }
    layers = [
        {
            "transform": [{"filter": "!datum.stands"}],
            "mark": {"type": "line", "aria": False},
            "encoding": encoding,
        },
        {
            "transform": [{"filter": "datum.stands"}],
            "mark": {"type": "circle", "aria": False, "size": 120, "opacity": 1},
            "encoding": encoding,
        },
    ]
    kinds = ", ".join(one_line(curve.kind) for curve in curves)
    said = f"Falling lines, one for each kind of unanswerable question, with a dot where the service stands: {kinds}"
    _draw(rows, {"layer": layers}, said, height=_CURVE_PX)


def _draw(rows: Sequence[Row], spec: dict[str, Any], said: str, *, height: int) -> None:
    st.vega_lite_chart(rows, spec, height=height, alt=one_line(said))


def _axis(field: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": _LABEL_PX},
    }


def _amount(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": _SHARE}


def _series(field: str, names: Sequence[object]) -> dict[str, Any]:
    legend = {"orient": "bottom", "columns": 2, "labelLimit": _LABEL_PX}
    return {
        "field": field,
        "type": "nominal",
        "title": None,
        "sort": names,
        "scale": {"domain": names},
        "legend": legend,
    }
