"""What runs in the background lets others go first, and keeps to itself that it does."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.pools import yield_to_others


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_a_background_thread_and_what_it_starts_come_last_and_no_other() -> None:
    def start_another() -> tuple[int, int]:
        with ThreadPoolExecutor(1) as inner:
            return niceness(), inner.submit(niceness).result()

    before = niceness()
    with ThreadPoolExecutor(1, initializer=yield_to_others) as background, ThreadPoolExecutor(1) as other:
        own, inherited = background.submit(start_another).result()
        assert own == inherited > before
        assert other.submit(niceness).result() == niceness() == before
