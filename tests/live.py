"""Real servers on free ports, for tests that speak HTTP: in a thread, or in a process that can be killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from langserve import RemoteRunnable

from app.settings import Settings
from server import create_app
from tests.postgres import database_url


def make_settings(folder: Path, **overrides: Any) -> Settings:
    """Settings of a test: nothing is read from the environment's `.env`, everything is written below `folder`."""
    values: dict[str, Any] = {"data_dir": folder / "data", "log_dir": folder / "logs", "_env_file": None}
    values |= overrides
    return Settings(**({"database_url": database_url(values["data_dir"])} | values))


@contextmanager
def running(settings: Settings, port: int = 0) -> Iterator[httpx.Client]:
    """Serve `settings` until the block ends; the client's `base_url` is the server's."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@contextmanager
def remote(server: httpx.Client, path: str) -> Iterator[RemoteRunnable[Any, Any]]:
    """A LangServe route of the server, whose connections are closed at the end of the block."""
    key = {name: value for name, value in server.headers.items() if name == "authorization"}
    runnable: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/{path}/", timeout=60, headers=key)
    with runnable.sync_client:
        yield runnable


@contextmanager
def spawned(folder: Path, *program: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """A server in a process of its own, ready; it is killed at the end of the block if it still lives.

    `program` is the module that serves, with its arguments; uvicorn, if none is named.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "LLMOPS_DATA_DIR": str(folder / "data"),
        "LLMOPS_DATABASE_URL": database_url(folder / "data"),
        "LLMOPS_LOG_DIR": str(folder / "logs"),
    }
    program = program or ("uvicorn", "--factory", "server:create_app")
    command = [sys.executable, "-m", *program, "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait_until_ready(client)
            yield client, process
    finally:
        process.kill()
        process.wait(timeout=20)


def _wait_until_ready(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")
