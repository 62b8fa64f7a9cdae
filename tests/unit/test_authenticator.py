"""How callers are told apart before anything else happens."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from app.api.auth import Authenticator
from app.knowledge.keys import ApiKeys
from app.principal import Principal
from tests.live import make_settings


class HeldUp:
    """Keys in a database to which somebody writes for long: it can be read meanwhile."""

    def __init__(self) -> None:
        self.is_free = threading.Event()

    def verify(self, key: str) -> Principal:
        return Principal("north", key, frozenset(("read",)), key)

    def note_use(self, key_id: str) -> None:
        self.is_free.wait(20)


async def test_who_writes_to_the_database_for_long_keeps_nobody_out(tmp_path: Path) -> None:
    keys = HeldUp()
    with ThreadPoolExecutor(2) as pool:
        authenticator = Authenticator(make_settings(tmp_path), cast(ApiKeys, keys), pool, None)
        try:
            for number in range(4):
                headers = [(b"authorization", f"Bearer llmops_{number}_x".encode())]
                scope = {"type": "http", "method": "GET", "headers": headers}
                caller = await asyncio.wait_for(authenticator.identify(scope), 5)
                assert caller.key_id == f"llmops_{number}_x"
        finally:
            keys.is_free.set()
