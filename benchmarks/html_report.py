"""The report as one page to open in a browser: every table, the plot, and the machine it was measured on."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS, Cell, Table, show_cell

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0.5rem 0 2rem }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #8884; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left }
img { max-width: 100%; background: white }
dt { float: left; clear: left; width: 10rem; color: #888 }
dd { margin-left: 11rem }
"""


def write_html(
    name: str, title: str, tables: Iterable[Table], *, facts: Mapping[str, Any], picture: Path | None
) -> Path:
    """Write `benchmarks/results/<name>.html`, which needs no other file."""
    parts = [
        f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>{escape(title)}</title>",
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1>",
        _definitions(facts),
        *([_image(picture)] if picture is not None else []),
        *map(_table, tables),
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.html"
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _definitions(facts: Mapping[str, Any]) -> str:
    items = (f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _image(picture: Path) -> str:
    encoded = base64.b64encode(picture.read_bytes()).decode("ascii")
    return f"<img alt='The figures of the tables below as plots' src='data:image/png;base64,{encoded}'>"


def _table(table: Table) -> str:
    head = _row("th scope=col", "th", table.columns)
    rows = "\n".join(_row("td", "td", row) for row in table.rows)
    return f"<h2>{escape(table.title)}</h2>\n<table><thead>{head}</thead>\n<tbody>{rows}</tbody></table>"


def _row(opening: str, closing: str, cells: Iterable[Cell]) -> str:
    return "<tr>" + "".join(f"<{opening}>{escape(show_cell(cell))}</{closing}>" for cell in cells) + "</tr>"
