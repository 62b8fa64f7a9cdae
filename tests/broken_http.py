"""A server whose connections break as a test wants it, for the tests of clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JOB = {
    "job_id": "1",
    "state": "running",
    "status": "running",
    "progress": {"done": 0, "total": 1, "stage": "parsing", "unit": "documents"},
    "documents": [],
    "created_at": "2026-11-27T08:00:00Z",
}
DONE = {**JOB, "state": "done", "status": "done"}
Reply = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[str, list[BaseHTTPRequestHandler]]]:
    """A server that answers each request by the next reply; its address and the requests so far."""
    asked: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self)
            replies[len(asked) - 1](self)
            self.close_connection = True

        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""


def reply(body: str, *, status: int = 200, media_type: str = "application/json", missing: int = 0) -> Reply:
    """An answer; the last `missing` bytes that it promises never come."""

    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(body.encode()) + missing))
        request.send_header("X-Request-ID", "theirs")
        request.end_headers()
        request.wfile.write(body.encode())

    return send


def events(*sent: tuple[str, str, object], missing: int = 0) -> Reply:
    blocks = (
        f"id: {number}\r\nevent: {name}\r\ndata: {json.dumps(data)}\r\n\r\n" for number, name, data in sent
    )
    return reply(": ping\r\n\r\n" + "".join(blocks), media_type="text/event-stream", missing=missing)
