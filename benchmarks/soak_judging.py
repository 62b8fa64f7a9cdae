"""What a soak has shown: how processes grew, which promises were kept, which bars hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from benchmarks.soak_clients import INTENDED, NO_ANSWER, Ledger, text_of
from benchmarks.speed_server import resident_mb

GROWTH: Final = 1.1
_HANDLES: Final = 8
"""So many files or threads more than at the beginning are no leak: requests are on their way while it is counted."""
_SEARCHED: Final = 60
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """Of all processes together, `at` seconds after the beginning; `each_mb` is the memory of each that lived."""

    at: float
    each_mb: tuple[float, ...]
    files: int
    threads: int

    @property
    def processes(self) -> int:
        return len(self.each_mb)

    @property
    def resident_mb(self) -> float:
        return sum(self.each_mb)


@dataclass(frozen=True, slots=True)
class Documents:
    """What of the promises was not kept, by names of documents."""

    present: int
    lost: list[str]
    ghosts: list[str]
    duplicates: list[str]
    not_indexed: list[str]
    not_found: list[str]


def measure_processes(at: float, pids: Iterable[int]) -> Sample:
    """Linux tells; a process that ends meanwhile counts as none."""
    living = [pid for pid in pids if Path(f"/proc/{pid}/fd").exists()]
    return Sample(
        at,
        tuple(resident_mb(pid).get("VmRSS", 0.0) for pid in living),
        sum(_entries(pid, "fd") for pid in living),
        sum(_entries(pid, "task") for pid in living),
    )


def _entries(pid: int, folder: str) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/{folder}").iterdir()))
    except FileNotFoundError:
        return 0


def compare_documents(api: httpx.Client, ledger: Ledger) -> Documents:
    """Hold what is there against what was promised."""
    infos = list(_list_all(api))
    names = Counter(info["name"].removesuffix(".txt") for info in infos)
    indexed = {info["name"].removesuffix(".txt") for info in infos if info["status"] == "indexed"}
    searched = sorted(ledger.stored & indexed)[:: max(1, len(indexed) // _SEARCHED)]
    gone = sorted(ledger.deleted)[:: max(1, len(ledger.deleted) // _SEARCHED)]
    return Documents(
        present=len(infos),
        lost=sorted(ledger.stored - names.keys()),
        ghosts=sorted(ledger.deleted & names.keys()) + [name for name in gone if _is_found(api, name)],
        duplicates=sorted(name for name, count in names.items() if count > 1),
        not_indexed=[
            f"{info['name']}: {info['status']} {info['error']}"
            for info in infos
            if info["status"] != "indexed"
        ],
        not_found=[name for name in searched if not _is_found(api, name)],
    )


def judge(ledger: Ledger, samples: Sequence[Sample], documents: Documents, seconds: float) -> list[str]:
    """The bars that do not hold, in words; none of them means that the soak was passed."""
    return judge_promises(ledger, documents) + _judge_growth(samples, seconds)


def judge_promises(ledger: Ledger, documents: Documents | None = None) -> list[str]:
    """Answers that nobody had to expect, and documents that are not as they were promised to be."""
    wrong = {
        f"{status} at {route}": count
        for (route, status), count in ledger.answers.items()
        if (status >= 400 and status not in INTENDED) or status == NO_ANSWER
    }
    failures = [f"{count} times {what}" for what, count in wrong.items()]
    if documents is not None:
        for what in ("lost", "ghosts", "duplicates", "not_indexed", "not_found"):
            names = getattr(documents, what)
            if names:
                failures.append(f"{len(names)} documents {what}: {', '.join(names[:5])}")
    return failures


def _judge_growth(samples: Sequence[Sample], seconds: float) -> list[str]:
    """The last twentieth of the time beside the one that follows the first tenth."""
    whole = max(sample.processes for sample in samples)
    full = [sample for sample in samples if sample.processes == whole]
    early = [sample for sample in full if 0.1 * seconds <= sample.at < 0.15 * seconds]
    late = [sample for sample in full if sample.at >= 0.95 * seconds]
    if not early or not late:
        return ["there are no samples of the processes to compare"]
    failures = []
    before, after = (median(sample.resident_mb for sample in some) for some in (early, late))
    if after > GROWTH * before:
        failures.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    for what in ("files", "threads"):
        before, after = (median(getattr(sample, what) for sample in some) for some in (early, late))
        if after > before + _HANDLES:
            failures.append(f"{what} grew from {before:.0f} to {after:.0f}")
    return failures


def summarise(
    ledger: Ledger, samples: Sequence[Sample], documents: Documents, waited_s: float
) -> dict[str, Any]:
    slowest = sorted(ledger.seconds)
    return {
        "requests": sum(ledger.answers.values()),
        "p50_ms": round(median(slowest) * 1000),
        "p99_ms": round(slowest[int(len(slowest) * 0.99)] * 1000),
        "stored": len(ledger.stored),
        "deleted": len(ledger.deleted),
        "unsure": len(ledger.unsure),
        "settled_after_s": round(waited_s, 1),
        "documents": asdict(documents),
        "resident_mb": [round(sample.resident_mb) for sample in (samples[0], samples[-1])],
        "answers": sorted((route, status, count) for (route, status), count in ledger.answers.items()),
        "unexpected": ledger.unexpected[:20],
        "samples": [asdict(sample) for sample in samples],
    }


def _list_all(api: httpx.Client) -> Iterable[dict[str, Any]]:
    offset: int | None = 0
    while offset is not None:
        page = api.get("/documents", params={"limit": _PAGE, "offset": offset}).raise_for_status().json()
        yield from page["documents"]
        offset = page["next_offset"]


def _is_found(api: httpx.Client, name: str) -> bool:
    """Whether a search for exactly what the document says finds it."""
    asked = {"query": f"The sluice code of depot {name}", "k": 10}
    found = api.post("/search", json=asked).raise_for_status().json()["results"]
    start = text_of(name)[:60]
    return any(start in result["text"] for result in found)
