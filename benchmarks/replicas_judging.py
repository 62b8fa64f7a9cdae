"""Whether many processes were one service: what each replica says in the end, held against what was promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.replicas_ledger import Promises, quantile_ms
from benchmarks.replicas_town import Town, clients_of
from benchmarks.soak_clients import Ledger
from benchmarks.soak_judging import Documents, compare_documents, judge_promises

_TAKEN_OVER_WITHIN_S: Final = 30.0
"""In which another worker goes on with what a killed one was at, besides what the work itself takes."""
_WORK_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ends:
    """What the replicas say by name, and which files of originals belong to no document or are missing."""

    by_replica: Mapping[str, Documents]
    files_left: list[str]
    files_missing: list[str]


def compare_replicas(town: Town, promises: Promises) -> Ends:
    """A server is started anew first, since a start finishes what kills have left between database and files."""
    one = town.replicas[0]
    one.stop()
    one.start()
    one.wait_until_ready()
    found = {}
    for address, client in clients_of(town.replicas, timeout=60).items():
        with client:
            found[address] = compare_documents(client, promises)
    hashes = set(town.query("SELECT sha256 FROM documents WHERE has_original <> 0"))
    files = {path.name for path in (town.shared / "originals").glob("??/*") if not path.name.startswith(".")}
    names = {member.address: member.name for member in town.replicas}
    by_replica = {str(names[address]): documents for address, documents in found.items()}
    return Ends(by_replica, sorted(files - hashes), sorted(hashes - files))


def judge(promises: Promises, ends: Ends) -> list[str]:
    """The promises that do not hold, in words; none of them means that many processes were one service."""
    failures = (
        [f"{len(promises.broken)} looks at another replica: {promises.broken[:5]}"] if promises.broken else []
    )
    failures += judge_promises(promises)
    for name, documents in ends.by_replica.items():
        failures += [f"{name}: {what}" for what in judge_promises(Ledger(), documents)]
    if ends.files_left:
        failures.append(f"{len(ends.files_left)} files of documents that are gone")
    if ends.files_missing:
        failures.append(f"{len(ends.files_missing)} documents without their file")
    slowest = max(promises.until_indexed_s, default=0.0)
    if slowest > _TAKEN_OVER_WITHIN_S + _WORK_S:
        failures.append(f"a document waited {slowest:.0f} s for a worker")
    return failures


def summarise(promises: Promises, ends: Ends, took_s: float) -> dict[str, Any]:
    indexed = promises.until_indexed_s or [0.0]
    return {
        "done": dict(promises.done),
        "took_s": round(took_s),
        "requests": sum(promises.answers.values()),
        "checks": dict(promises.checks),
        "broken": promises.broken[:50],
        "cut_off": dict(promises.cut_off),
        "unexpected": promises.unexpected[:20],
        "answers": sorted((route, status, count) for (route, status), count in promises.answers.items()),
        "stored": len(promises.stored),
        "deleted": len(promises.deleted),
        "unsure": len(promises.unsure),
        "until_indexed_ms": [quantile_ms(indexed, share) for share in (0.5, 0.95, 0.99, 1)],
        "latency_ms": {
            route: [len(seconds), *(quantile_ms(seconds, share) for share in (0.5, 0.95, 0.99, 1))]
            for route, seconds in sorted(promises.by_route.items())
        },
        "ends": asdict(ends),
    }
