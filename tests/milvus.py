"""Milvus Lite as a server on a port of this machine, so that several may use it and it may go away and come back."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from milvus_lite.adapter.grpc.server import start_server_in_thread


class MilvusOnPort:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: tuple[Any, Any] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        server, database, _ = start_server_in_thread(str(self._folder), "127.0.0.1", self._port)
        self._running = server, database

    def stop(self) -> None:
        if self._running is not None:
            server, database = self._running
            server.stop(grace=0).wait()
            database.close()
            self._running = None

    def close(self) -> None:
        self.stop()
