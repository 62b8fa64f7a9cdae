"""Says what was measured: a table to read, JSON to keep and a plot to look at, with the machine it was measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.datasets import PROJECT
from benchmarks.timing import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS = PROJECT / "benchmarks" / "results"

_PACKAGES = ("faiss-cpu", "langchain-core", "langgraph", "numpy", "onnxruntime", "pypdfium2", "tantivy")

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]

    def render(self) -> str:
        """Markdown: it reads well in a terminal and can be pasted into the docs."""
        cells = [list(self.columns), *([show_cell(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        lines = [_line(row, widths) for row in cells]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([f"### {self.title}", "", lines[0], rule, *lines[1:], ""])


def tabulate(title: str, measurements: Sequence[Measurement]) -> Table:
    columns = ("measured", "unit", "service", "bare", "service / bare", "better is", "bare means")
    rows = [
        [
            one.name,
            one.unit,
            one.value,
            one.baseline,
            one.ratio,
            "more" if one.more_is_better else "less",
            one.baseline_name,
        ]
        for one in measurements
    ]
    return Table(title, columns, rows)


def as_json(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    return [asdict(one) | {"ratio": one.ratio} for one in measurements]


def describe_machine() -> dict[str, Any]:
    """What the figures depend on, beside the code."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": _memory_mb(),
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _commit(),
        "packages": {package: version(package) for package in _PACKAGES},
    }


def write_json(name: str, payload: dict[str, Any]) -> Path:
    """Write `benchmarks/results/<name>.json`; the last run replaces the one before."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def new_figure(columns: int, *, width: float = 7.0, height: float = 4.5) -> Figure:
    """A figure with `columns` empty axes side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height), layout="constrained")
    figure.subplots(1, columns)
    return figure


def save_figure(figure: Figure, name: str) -> Path:
    """Write `benchmarks/results/<name>.png`; a figure made without pyplot draws with Agg, which needs no display."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.png"
    figure.savefig(path, dpi=110)
    return path


def show_cell(cell: Cell) -> str:
    """With as many digits as say something."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1_000 else f"{cell:.3f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    aligned = [first, *(cell.strip().rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
    return f"| {' | '.join(aligned)} |"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_mb() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
