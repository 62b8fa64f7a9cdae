"""How fast replicas search, one beside three on the same cores, and how soon a new one is ready."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import Any, Final

import httpx
import psycopg

from app.settings import EMBEDDED_EMBEDDING_MODEL, load_settings
from benchmarks.replicas_ledger import quantile_ms
from benchmarks.replicas_town import Member, Town, make_server, open_town, running_postgres
from benchmarks.service import say
from benchmarks.speed_scale import fill_store, size_mb
from benchmarks.speed_server import cpu_s, resident_mb
from benchmarks.synthetic import WORDS_PER_CHUNK, TextSource

_TEXTS: Final = 500
_CALLERS: Final = 6
_WARM_S: Final = 5.0
_MEANWHILE: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Load:
    """Searches that were answered: seconds of each, and how long it went on."""

    seconds: list[float]
    took_s: float


@dataclass(frozen=True, slots=True)
class _Start:
    ready_s: float
    cpu_s: float
    resident_mb: int


def measure_throughput(seconds: float) -> list[dict[str, Any]]:
    """The same callers at one replica, at three in turn, and at one once more."""
    with open_town(workers=1) as town:
        questions = _fill(town)
        return [_measure(town, replicas, questions, seconds) for replicas in (1, 3, 1)]


def _fill(town: Town) -> list[str]:
    source = TextSource()
    texts = source.chunks(_TEXTS)
    with httpx.Client(base_url=town.balancer, timeout=120, trust_env=False) as client:
        for start in range(0, _TEXTS, 50):
            documents = [{"text": text} for text in texts[start : start + 50]]
            client.post("/index", json={"documents": documents}).raise_for_status()
    return [source.question(text) for text in texts]


def _measure(town: Town, replicas: int, questions: Sequence[str], seconds: float) -> dict[str, Any]:
    chosen = town.replicas[:replicas]
    _load(chosen, questions, _WARM_S)
    before = _cpu_of(chosen), _cpu_of_postgres(town)
    load = _load(chosen, questions, seconds)
    after = _cpu_of(chosen), _cpu_of_postgres(town)
    count = len(load.seconds)
    return {
        "replicas": replicas,
        "per_s": round(count / load.took_s, 1),
        "p50_ms": quantile_ms(load.seconds, 0.5),
        "p95_ms": quantile_ms(load.seconds, 0.95),
        "cpu_ms": round((after[0] - before[0]) * 1000 / count, 2),
        "postgres_cpu_ms": round((after[1] - before[1]) * 1000 / count, 2),
    }


def _load(members: Sequence[Member], questions: Sequence[str], seconds: float) -> _Load:
    until, began = monotonic() + seconds, perf_counter()
    taken: list[float] = []

    def search_on(caller: int) -> None:
        lots = Random(caller)  # reproducible, not secret  # nosec B311
        address = members[caller % len(members)].address
        with httpx.Client(base_url=f"http://{address}", timeout=60, trust_env=False) as client:
            while monotonic() < until:
                started = perf_counter()
                asked = {"query": lots.choice(questions), "k": 5}
                client.post("/search", json=asked).raise_for_status()
                taken.append(perf_counter() - started)

    callers = [threading.Thread(target=search_on, args=(number,)) for number in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return _Load(taken, perf_counter() - began)


def _cpu_of(members: Sequence[Member]) -> float:
    return sum(cpu_s(member.process.pid) for member in members if member.process is not None)


def _cpu_of_postgres(town: Town) -> float:
    """Of the server and all its children, those that have ended included."""
    children = Path(f"/proc/{town.postgres_pid}/task/{town.postgres_pid}/children").read_text().split()
    return sum(cpu_s(pid) for pid in (town.postgres_pid, *map(int, children)))


def measure_starts(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Seconds from a process's start to ready: without snapshots, with them, and with some changes since."""
    return [_measure_starts(chunks) for chunks in sizes]


def _measure_starts(chunks: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="llmops-starts-") as place, running_postgres() as (url, _):
        folder, shared = Path(place), Path(place) / "shared"
        server = make_server(folder / "replica", shared, url, {})
        settings = load_settings(
            data_dir=folder / "replica" / "data",
            database_url=url,
            embedding_model=EMBEDDED_EMBEDDING_MODEL,
        )
        empty = _start(server)
        fill_store(settings, chunks=chunks, words=WORDS_PER_CHUNK)
        say(f"{chunks:,} chunks are stored")
        first, warm = _start(server), _start(server)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            stored = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        indexes = size_mb(settings.data_dir / "indexes")
        fill_store(settings, chunks=_MEANWHILE, words=WORDS_PER_CHUNK, seed=23)
        caught_up = _start(server)
    return {
        "chunks": chunks,
        "empty": _told(empty),
        "without_snapshots": _told(first),
        "from_snapshots": _told(warm),
        f"{_MEANWHILE}_more": _told(caught_up),
        "resident_mb_empty": empty.resident_mb,
        "resident_mb": warm.resident_mb,
        "database_mb": round(stored[0] / 2**20) if stored else None,
        "snapshots_mb": round(indexes),
    }


def _told(start: _Start) -> str:
    return f"{start.ready_s:.1f} s ({start.cpu_s:.1f} s of CPU)"


def _start(server: Member) -> _Start:
    """And stop it in order, which leaves a snapshot."""
    server.start()
    try:
        ready_s = server.wait_until_ready()
        assert server.process is not None
        used_s = cpu_s(server.process.pid)
        asked = {"query": "What is the notice period?"}
        httpx.post(f"http://{server.address}/search", json=asked, trust_env=False, timeout=60)
        return _Start(ready_s, used_s, round(resident_mb(server.process.pid)["VmRSS"]))
    finally:
        server.stop()
