"""A real server in a thread, on a free port, for tests that speak HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.settings import Settings
from server import create_app


def make_settings(folder: Path, **overrides: Any) -> Settings:
    """Settings of a test: nothing is read from the environment's `.env`, everything is written below `folder`."""
    values: dict[str, Any] = {"data_dir": folder / "data", "log_dir": folder / "logs", "_env_file": None}
    return Settings(**(values | overrides))


@contextmanager
def running(settings: Settings) -> Iterator[httpx.Client]:
    """Serve `settings` until the block ends; the client's `base_url` is the server's."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None, lifespan="on")
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
