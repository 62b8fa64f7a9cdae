"""How much of the service one caller may have, and by what callers are told apart who have no key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.limits import RequestLimits, _who
from app.principal import Principal
from tests.live import make_settings


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_all_addresses_of_a_network_of_ipv6_are_one_caller(host: str, who: str) -> None:
    assert _who({"client": (host, 1)}) == f"address {who}"


async def test_one_key_does_not_take_all_places_for_requests(tmp_path: Path) -> None:
    """Ten are open and stay so: five of a key is as many as it may have."""
    is_free = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await is_free.wait()

    limits = RequestLimits(wait, make_settings(tmp_path, max_open_requests=10))
    refusals: list[int] = []

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            refusals.append(message["status"])

    async def receive() -> Message:
        return {"type": "http.request"}

    def ask(key_id: str) -> asyncio.Task[None]:
        caller = Principal("north", "n", frozenset(("read",)), key_id)
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/stats",
            "headers": [],
            "state": {"principal": caller},
        }
        return asyncio.create_task(limits(scope, receive, note))

    greedy = [ask("greedy") for _ in range(8)]
    await asyncio.sleep(0.05)
    assert refusals == [429] * 3
    other = ask("other")
    await asyncio.sleep(0.05)
    assert len(refusals) == 3
    is_free.set()
    await asyncio.gather(*greedy, other)
    assert not limits._open_of
