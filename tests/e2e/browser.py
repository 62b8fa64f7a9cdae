"""A browser, and the user interface as a process, for tests that look at it as people do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "examples" / "documents"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def in_browser(*, timeout_s: int) -> list[pytest.MarkDecorator]:
    """The marks of a module whose tests drive a browser."""
    return [
        pytest.mark.browser,
        pytest.mark.timeout(timeout_s),
        pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package `chromium`"),
    ]


@contextmanager
def streamlit(api_url: str) -> Iterator[str]:
    """The user interface as a process of its own, in front of this service."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "ui" / "app.py"), f"--server.port={port}"]
    process = subprocess.Popen(
        command,
        env=os.environ | {"LLMOPS_API_URL": api_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(f"{url}/_stcore/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def settle(tab: Page) -> None:
    """Wait until Streamlit has drawn all of the page: a field may be replaced before."""
    tab.wait_for_selector("[data-test-script-state=notRunning]")


def wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the user interface did not start"
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within a minute")
