"""How a client of many replicas sends a request: to whichever the balancer chooses, or to one of its own choice."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import httpx

from benchmarks.replicas_ledger import Promises
from benchmarks.replicas_town import Member, Town, clients_of
from benchmarks.soak_clients import INTENDED

_TRIES: Final = 8
_TIMEOUT_S: Final = 150.0
_CUT_OFF: Final = (502, 504)
"""What nginx says of a replica that died with a request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`replica` is the address of whoever answered; `began` is when the request was sent."""

    status: int
    body: Any
    replica: str
    began: float

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Replicas:
    """The doors to all replicas, for one client in one thread; every answer that came or did not is noted."""

    def __init__(self, town: Town, promises: Promises, random: Random) -> None:
        self._town = town
        self._promises = promises
        self._random = random
        self._balancer = httpx.Client(base_url=town.balancer, timeout=_TIMEOUT_S, trust_env=False)
        self._direct = clients_of(town.replicas, timeout=_TIMEOUT_S)

    def send(self, route: str, method: str, path: str, **body: Any) -> Reply | None:
        """To whichever replica the balancer chooses; None when a kill has cut it off."""
        began = time.monotonic()
        try:
            response = self._balancer.request(method, path, **body)
        except httpx.TransportError as error:
            self._promises.unanswered(route, began, self._town.replicas, repr(error))
            return None
        replica = response.headers.get("x-replica", "").rpartition(", ")[2]
        if response.status_code in _CUT_OFF and "application/" not in response.headers.get(
            "content-type", ""
        ):
            self._promises.unanswered(route, began, self._town.replicas, f"{response.status_code} {replica}")
            return None
        return self._noted(route, response, replica, began)

    def look(self, route: str, method: str, path: str, other_than: str, **body: Any) -> Reply:
        """At a replica of one's choice, which is another than the one that has answered before."""
        while True:
            others = [m for m in self._town.replicas if m.address != other_than]
            member = self._random.choice(others)
            began = time.monotonic()
            try:
                response = self._direct[str(member.address)].request(method, path, **body)
            except httpx.TransportError as error:
                self._note_unreachable(route, member, began, error)
                time.sleep(0.05)
                continue
            if response.status_code not in INTENDED:
                return self._noted(route, response, str(member.address), began)
            self._noted(route, response, str(member.address), began)
            time.sleep(0.5)

    def _note_unreachable(
        self, route: str, member: Member, began: float, error: httpx.TransportError
    ) -> None:
        """A replica that has been killed and is not up again has nobody at its door."""
        if not (member.killed and isinstance(error, httpx.ConnectError)):
            self._promises.unanswered(route, began, [member], f"{member.name}: {error!r}")

    def _noted(self, route: str, response: httpx.Response, replica: str, began: float) -> Reply:
        expected = response.status_code in (404, 409)  # judged by whoever has asked
        status = 200 if expected else response.status_code
        self._promises.answered(route, status, time.monotonic() - began, response.text)
        is_json = response.headers.get("content-type", "").startswith("application/")
        return Reply(response.status_code, response.json() if is_json else None, replica, began)

    def insist(self, route: str, method: str, path: str, **body: Any) -> Reply | None:
        """Send what may be sent twice until it is answered; None when the service would not take it."""
        for _ in range(_TRIES):
            reply = self.send(route, method, path, **body)
            if reply is not None and reply.status not in INTENDED:
                return reply
            time.sleep(0.5)
        return None
