"""One demo-mode server with a small knowledge base, shared by the tests that only ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.live import make_settings, running

HANDBOOK = """# Employee handbook

## Notice period

The notice period is six weeks to the end of a quarter. During probation it is two weeks.

## Holidays

Every employee has 28 days of paid holiday a year. Unused days lapse on 31 March of the following year.
"""

LEASE = """Lease of the Bremen warehouse

The monthly rent is 14,200 euros and is due on the third working day. The tenant pays a deposit of 42,600 euros.
The lease runs until 31 December 2031. Liability of the landlord is limited to intent and gross negligence.
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(make_settings(tmp_path_factory.mktemp("server"))) as client:
        documents: list[dict[str, Any]] = [
            {"text": HANDBOOK, "name": "handbook.md"},
            {"text": LEASE, "name": "lease.txt", "metadata": {"kind": "contract"}},
        ]
        client.post("/index", json={"documents": documents}).raise_for_status()
        yield client


@pytest.fixture
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server of its own, empty, for tests that change the knowledge base."""
    with running(make_settings(tmp_path_factory.mktemp("fresh"))) as client:
        yield client
