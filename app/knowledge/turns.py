"""Tenants take turns: one who has very much to be done keeps no other waiting behind it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.tenancy import tenant_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one owner: since when, and how much of his is being worked on. `later` is what can wait."""

    owner: str
    running: int
    since: datetime
    later: bool = False


class Turns:
    """Who is next: for whom the least is being done, then who had no turn of this process for the longest time.

    The first counts what all processes do; the second keeps one worker alone from serving one tenant alone.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._last: dict[str, int] = {}

    def order(self, waiting: Iterable[Waiting]) -> list[str]:
        ranked = sorted(
            waiting, key=lambda one: (one.later, one.running, self._last.get(one.owner, 0), one.since)
        )
        return [one.owner for one in ranked]

    def took(self, owner: str) -> None:
        """Note that it was his turn."""
        self._last[owner] = next(self._numbers)


def by_tenant(collections: Iterable[tuple[str, int, datetime | None, bool]]) -> list[Waiting]:
    """The rows of collections as those of their tenants.

    A row has the stored name, how many of its documents are being worked on, since when the oldest of the others
    waits, if any does, and whether all that waits can wait.
    """
    found: dict[str, list[tuple[int, datetime | None, bool]]] = {}
    for name, running, since, later in collections:
        found.setdefault(tenant_of(name), []).append((running, since, later))
    return [
        Waiting(
            tenant,
            sum(running for running, _, _ in rows),
            min(since for _, since, _ in rows if since is not None),
            later=all(later for _, since, later in rows if since is not None),
        )
        for tenant, rows in found.items()
        if any(since is not None for _, since, _ in rows)
    ]
