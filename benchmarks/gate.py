"""Compares figures with the least that `baseline.json` accepts, so that a change that makes things worse fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASELINE = Path(__file__).with_name("baseline.json")


@dataclass(frozen=True)
class Verdict:
    """`failures` names each figure below its threshold; `skipped` says why nothing was compared, if so."""

    thresholds: Mapping[str, float]
    failures: tuple[str, ...]
    skipped: str | None = None

    @property
    def compared(self) -> int:
        return len(self.thresholds)


def load_baseline(path: Path = BASELINE) -> dict[str, Any]:
    """`configuration` says what the thresholds hold for; `samples`, `full` and `quick` map figures to thresholds."""
    baseline: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return baseline


def compare(
    figures: Mapping[str, float],
    baseline: Mapping[str, Any],
    *,
    profile: str,
    configuration: Mapping[str, Any],
    samples: bool = True,
) -> Verdict:
    """Check the figures that were measured; `profile` is `full` or `quick`.

    Thresholds of an evaluation set that was not measured are left out. Those of the samples are required unless
    `samples` says that they were not asked for: a figure that is missing has failed.
    """
    if configuration != baseline["configuration"]:
        return Verdict(
            {}, (), f"thresholds are stored for {baseline['configuration']}, not for {dict(configuration)}"
        )
    required: dict[str, float] = baseline["samples"] if samples else {}
    optional = {name: least for name, least in baseline[profile].items() if name in figures}
    thresholds = required | optional
    failures = [
        f"{name} = {figures.get(name)} is below {least}"
        for name, least in thresholds.items()
        if not figures.get(name, -1.0) >= least
    ]
    return Verdict(thresholds, tuple(failures))
