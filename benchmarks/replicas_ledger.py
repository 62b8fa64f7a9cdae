"""What replicas have promised, what was cut off by a kill, and what was broken."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.replicas_town import Member
from benchmarks.soak_clients import NO_ANSWER, Ledger


@dataclass
class Promises(Ledger):
    """A `Ledger` in which every look at a replica that contradicts what another has acknowledged is `broken`."""

    broken: list[str] = field(default_factory=list)
    deleted_at: dict[str, float] = field(default_factory=dict)
    """When the deletion of a document was acknowledged, by its name."""
    cut_off: Counter[str] = field(default_factory=Counter)
    """Requests without an answer at the end of whose process, by route."""
    done: Counter[str] = field(default_factory=Counter)
    """Operations by kind."""
    checks: Counter[str] = field(default_factory=Counter)
    until_indexed_s: list[float] = field(default_factory=list)
    by_route: dict[str, list[float]] = field(default_factory=dict)

    def answered(self, route: str, status: int, seconds: float, body: str = "") -> None:
        self.count(route, status, seconds, body)
        with self.lock:
            self.by_route.setdefault(route, []).append(seconds)

    def unanswered(self, route: str, began: float, members: Iterable[Member], what: str) -> None:
        """A request got no answer: a kill excuses that, anything else does not."""
        ended = time.monotonic()
        if any(was_killed(member, began, ended) for member in members):
            with self.lock:
                self.cut_off[route] += 1
        else:
            self.count(route, NO_ANSWER, ended - began, what)

    def check(self, kind: str, is_kept: bool, what: str) -> bool:
        with self.lock:
            self.checks[kind] += 1
            if not is_kept:
                self.broken.append(f"{kind}: {what}")
        return is_kept

    def note_deleted(self, name: str) -> None:
        self.note(name, self.deleted)
        with self.lock:
            self.deleted_at[name] = time.monotonic()

    def gone_before(self, names: Iterable[str], moment: float) -> list[str]:
        """Those of the documents that were deleted before this moment."""
        with self.lock:
            return [name for name in names if self.deleted_at.get(name, moment) < moment]


@dataclass
class Budget:
    """So many operations for all clients together."""

    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0


def was_killed(member: Member, began: float, ended: float) -> bool:
    """Whether the member was on its way out at any moment of a request."""
    return any(began <= gone and killed <= ended for killed, gone in member.killed)


def quantile_ms(seconds: Sequence[float], share: float) -> int:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000)
