"""What goes wrong during a soak, each at its time and undone again."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.datasets import PROJECT

LIBFAKETIME: Final = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""Of Debian's package `libfaketime`."""
_JUMP: Final = "+3600"
_BLOCK: Final = b"\0" * 2**20


@dataclass(frozen=True, slots=True)
class Fault:
    """Begins and ends at these shares of the whole time."""

    name: str
    begins: float
    ends: float
    begin: Callable[[], None]
    end: Callable[[], None]


class Workers:
    """Processes of `llmops worker`, of which the oldest can be killed and another started in its place."""

    def __init__(self, count: int, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.processes = [self._start() for _ in range(count)]

    def kill_one(self) -> None:
        oldest = self.processes.pop(0)
        oldest.kill()
        oldest.wait(timeout=30)

    def start_one(self) -> None:
        self.processes.append(self._start())

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=60)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "app.cli", "worker"]
        return subprocess.Popen(
            command, cwd=PROJECT, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own at `folder`, in memory; only root can make one. Raises CalledProcessError."""
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "llmops-soak", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Leave no room on the disk of `file`."""
    with suppress(OSError), file.open("wb", buffering=0) as hole:
        while hole.write(_BLOCK):
            pass
    with suppress(OSError), file.open("ab", buffering=0) as hole:
        while hole.write(b"\0"):
            pass


def with_clock(environment: Mapping[str, str], clock: Path) -> dict[str, str]:
    """What a process needs to take its time of day from `clock`, while durations stay real."""
    if LIBFAKETIME is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "Debian's package libfaketime")
    set_clock(clock, "+0")
    return dict(environment) | {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(clock: Path, offset: str) -> None:
    aside = clock.with_suffix(".new")
    aside.write_text(offset)
    aside.replace(clock)


def plan_faults(model: httpx.Client, workers: Workers, disk: Path, clock: Path) -> list[Fault]:
    """One after another, with time between them to recover; the last fifth of the time is quiet."""

    def model_is(mode: str) -> Callable[[], None]:
        return lambda: _control(model, mode)

    def clock_says(offset: str) -> Callable[[], None]:
        return lambda: set_clock(clock, offset)

    hole = disk / "full"
    nothing = lambda: None  # noqa: E731
    return [
        Fault("model answers 429", 0.16, 0.21, model_is("429"), model_is("ok")),
        Fault("model answers 500", 0.24, 0.29, model_is("500"), model_is("ok")),
        Fault("model hangs", 0.32, 0.37, model_is("hang"), model_is("ok")),
        Fault("worker killed", 0.42, 0.45, workers.kill_one, workers.start_one),
        Fault("disk full", 0.50, 0.54, lambda: fill(hole), lambda: hole.unlink(missing_ok=True)),
        Fault("clock an hour ahead", 0.60, 0.68, clock_says(_JUMP), clock_says("+0")),
        Fault("worker killed again", 0.74, 0.77, workers.kill_one, workers.start_one),
        Fault("quiet", 0.80, 1.0, nothing, nothing),
    ]


def _control(model: httpx.Client, mode: str) -> None:
    model.post("/control", json={"mode": mode}).raise_for_status()
