"""A thread belongs to one run at a time, within a process and between processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import ThreadBusy
from app.thread_locks import ThreadLocks

HOLD = """
import sys, time
from pathlib import Path
from app.thread_locks import ThreadLocks
with ThreadLocks(Path(sys.argv[1])).claim("shared"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def locks(tmp_path: Path) -> Iterator[ThreadLocks]:
    with closing(ThreadLocks(tmp_path / "threads.lock")) as locks:
        yield locks


def test_a_thread_is_free_again_after_its_run(locks: ThreadLocks) -> None:
    for _ in range(2):
        with locks.claim("one"), locks.claim("another"), pytest.raises(ThreadBusy), locks.claim("one"):
            pass


def test_a_thread_of_another_process_is_busy_until_that_process_dies(
    locks: ThreadLocks, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "threads.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ThreadBusy), locks.claim("shared"):
            pass
        with locks.claim("free"):
            pass
        other.kill()
    with locks.claim("shared"):
        pass
