"""A thread belongs to one run at a time, within a process and between processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import ThreadBusy
from app.thread_locks import FileThreadLocks

HOLD = """
import asyncio, sys, time
from pathlib import Path
from app.thread_locks import FileThreadLocks
async def hold():
    async with FileThreadLocks(Path(sys.argv[1])).claim("shared"):
        print("held", flush=True)
        time.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def locks(tmp_path: Path) -> Iterator[FileThreadLocks]:
    with closing(FileThreadLocks(tmp_path / "threads.lock")) as locks:
        yield locks


async def test_a_thread_is_free_again_after_its_run(locks: FileThreadLocks) -> None:
    for _ in range(2):
        async with locks.claim("one"), locks.claim("another"):
            with pytest.raises(ThreadBusy):
                await locks.require_free("one")


async def test_a_thread_of_another_process_is_busy_until_that_process_dies(
    locks: FileThreadLocks, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "threads.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:  # noqa: ASYNC220
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ThreadBusy):
            await locks.require_free("shared")
        await locks.require_free("free")
        other.kill()
    await locks.require_free("shared")
