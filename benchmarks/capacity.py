"""What an installation needs for so many chunks and searches: memory, processors, disk and money, for each tier.

The constants were measured on this project's machine, 2 shared cores; docs/scaling.md says where and how. They are of
chunks of 800 characters and vectors of 384 numbers.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from benchmarks.report import Cell, Table

Tier = Literal["one server", "replicas"]
TIERS: Final[tuple[Tier, ...]] = ("one server", "replicas")

EXACT_CHUNKS: Final = 50_000
"""Up to here vectors are searched as they are, beyond it as bytes, of which so many newest ones are still whole."""
_NUMBERS: Final = 384
_BASE_MB: Final = 250.0
_WORKER_MB: Final = 300.0
_BESIDE_INDEX_MB: Final = 45.0
"""What a process held with a million chunks beside its base and the file of its vectors."""
_DATABASE_MB: Final = {"one server": 3_600.0, "replicas": 3_600.0}
"""Of a million chunks."""
_SNAPSHOTS_MB: Final = 480.0
"""Of a million chunks, for each process."""
_SEARCH_CPU_MS: Final = ((10_000, 11.5), (100_000, 23.0), (1_000_000, 41.0))
"""Chunks, and milliseconds of one core for a search among them over HTTP."""
_DATABASE_CPU_MS: Final = {"one server": 0.0, "replicas": 4.0}
"""Of the database server, for a search; SQLite's is in that of the process."""
INGESTION_CPU_MS: Final = 25.0
"""For a chunk, nearly all of it embedding."""
_BUSY: Final = 0.7
"""Share of the cores that searches may take, as the autoscaler's target."""
_HOURS: Final = 730.0


@dataclass(frozen=True, slots=True)
class Prices:
    """For a core and a GB of memory an hour, and a GB of disk a month; what they are in depends on who asks."""

    core_hour: float = 0.04
    memory_gb_hour: float = 0.005
    disk_gb_month: float = 0.10


@dataclass(frozen=True, slots=True)
class Needs:
    """`replicas` of two cores each. `ingestion_core_h` is needed once for all chunks."""

    tier: Tier
    chunks: int
    replicas: int
    cores: float
    memory_gb: float
    disk_gb: float
    ingestion_core_h: float
    a_month: float


def plan(
    tier: Tier, chunks: int, searches_per_s: float, prices: Prices | None = None, *, least: int = 3
) -> Needs:
    """What is needed at the busiest moment of `searches_per_s`; there are never fewer than `least` replicas."""
    prices = prices or Prices()
    busy = searches_per_s * search_cpu_ms(chunks) / 1000 / _BUSY
    replicas = 1 if tier == "one server" else max(least, math.ceil(busy / 2))
    database_cores = searches_per_s * _DATABASE_CPU_MS[tier] / 1000 / _BUSY
    cores = max(busy, 2.0) if tier == "one server" else 2.0 * replicas + max(1.0, database_cores)
    database_gb = _DATABASE_MB[tier] * chunks / 1e9
    memory_gb = replicas * replica_mb(chunks) / 1000 + (0 if tier == "one server" else _WORKER_MB / 1000)
    if tier == "replicas":
        memory_gb += max(1.0, database_gb / 4)  # a quarter of the database in PostgreSQL's cache
    disk_gb = database_gb + replicas * _SNAPSHOTS_MB * chunks / 1e9
    hourly = cores * prices.core_hour + memory_gb * prices.memory_gb_hour
    return Needs(
        tier,
        chunks,
        replicas,
        round(cores, 1),
        round(memory_gb, 2),
        round(disk_gb, 2),
        round(chunks * INGESTION_CPU_MS / 3.6e6, 1),
        round(hourly * _HOURS + disk_gb * prices.disk_gb_month, 2),
    )


def replica_mb(chunks: int) -> float:
    """Memory of one server process."""
    whole = min(chunks, EXACT_CHUNKS) * _NUMBERS * 4 / 2**20
    if chunks <= EXACT_CHUNKS:
        return _BASE_MB + whole
    return _BASE_MB + whole + chunks * _NUMBERS / 2**20 + _BESIDE_INDEX_MB * chunks / 1e6


def search_cpu_ms(chunks: int) -> float:
    """On a line over the logarithm of the size between those that were measured, in proportion above them."""
    if chunks <= _SEARCH_CPU_MS[0][0]:
        return _SEARCH_CPU_MS[0][1]
    for (few, low), (many, high) in pairwise(_SEARCH_CPU_MS):
        if chunks <= many:
            return low + (high - low) * math.log(chunks / few) / math.log(many / few)
    largest, cost = _SEARCH_CPU_MS[-1]
    return cost * chunks / largest


def tabulate(sizes: Sequence[int], searches_per_s: float, prices: Prices | None = None) -> Table:
    """A row for each tier and size."""
    columns = (
        *("tier", "chunks", "replicas", "cores", "memory, GB", "disk, GB"),
        *("core hours to ingest", "a month"),
    )
    needs = [plan(tier, chunks, searches_per_s, prices) for chunks in sizes for tier in TIERS]
    return Table(f"For {searches_per_s:g} searches a second", columns, [_row(one) for one in needs])


def _row(needs: Needs) -> list[Cell]:
    measures = (needs.cores, needs.memory_gb, needs.disk_gb, needs.ingestion_core_h)
    return [
        *(needs.tier, f"{needs.chunks:,}", needs.replicas),
        *(f"{one:.1f}" for one in measures),
        f"{needs.a_month:.0f}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    default = Prices()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=[100_000, 1_000_000, 2_000_000])
    parser.add_argument("--searches", type=float, default=20.0, help="a second, at the busiest moment")
    parser.add_argument("--core-hour", type=float, default=default.core_hour)
    parser.add_argument("--memory-gb-hour", type=float, default=default.memory_gb_hour)
    parser.add_argument("--disk-gb-month", type=float, default=default.disk_gb_month)
    chosen = parser.parse_args(arguments)
    prices = Prices(chosen.core_hour, chosen.memory_gb_hour, chosen.disk_gb_month)
    print(tabulate(chosen.chunks, chosen.searches, prices).render())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
