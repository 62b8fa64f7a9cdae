"""Start the API and the user interface, wait until both answer, and stop both when either ends or a signal says so.

`PORT` and `UI_PORT` move them. The first start indexes the sample documents.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import NoReturn

import httpx

from app.commands.remote import bearer
from app.errors import ConfigurationError
from app.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "examples" / "documents"
ADD_SAMPLES = ".venv/bin/llmops index examples/documents"
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.1
_SHOWN_LINES = 15
_LOG_BYTES = 5 * 1024 * 1024


class CannotRun(Exception):
    """What keeps the installation from running, in words for its user."""


@dataclass
class Service:
    """One child process, whose output goes to a log file of its own."""

    name: str
    url: str
    ready_path: str
    process: subprocess.Popen[bytes]
    log_file: Path

    def is_ready(self) -> bool:
        """Whether it answers. A process that has ended never will.

        Raises:
            CannotRun: the process has ended; the message holds its last lines.
        """
        if self.process.poll() is not None:
            raise CannotRun(self.obituary())
        try:
            return httpx.get(self.url + self.ready_path, timeout=5).is_success
        except httpx.TransportError:
            return False

    def obituary(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        last = "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:])
        return (
            f"the {self.name} ended with exit code {self.process.returncode}; its last lines:\n{last}\n"
            "`.venv/bin/llmops doctor` looks for the cause; docs/troubleshooting.md knows the usual ones"
        )

    def stop(self) -> None:
        """Ask it to end, and end it with everything it started when it takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def main() -> None:
    os.chdir(ROOT)
    settings = load_settings()
    port, ui_port = read_port("PORT", settings.port), read_port("UI_PORT", 8501)
    if port == ui_port:
        raise CannotRun(f"PORT and UI_PORT are both {port}; they must differ")
    for variable, number in (("PORT", port), ("UI_PORT", ui_port)):
        require_free(settings.host, number, variable)
    # Listening on every address still means that this machine reaches it on the loopback one.
    reachable = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104  # nosec B104
    url, ui_url = f"http://{reachable}:{port}", f"http://{reachable}:{ui_port}"
    with ExitStack() as stack:
        api = stack.enter_context(
            started(
                "API",
                url,
                "/health/ready",
                ["serve", f"--host={settings.host}", f"--port={port}"],
                settings.log_dir,
            )
        )
        ui_arguments = ["ui", f"--host={settings.host}", f"--port={ui_port}", f"--api={url}"]
        ui = stack.enter_context(started("UI", ui_url, "/_stcore/health", ui_arguments, settings.log_dir))
        wait_until_ready([api, ui])
        index_samples(url, bearer(settings.client_key))
        say_where(api, ui, settings.log_dir)
        raise CannotRun(wait_for_the_first_to_end([api, ui]).obituary())


def read_port(variable: str, default: int) -> int:
    text = os.environ.get(variable, "") or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise CannotRun(f"{variable}={text!r} is not accepted: it must be a port from 1 to 65535")
    return int(text)


def require_free(host: str, port: int, variable: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"cannot listen on {host}:{port} ({error.strerror})"
            raise CannotRun(f"{reason}; {variable}={port + 10} make run takes another port") from None


@contextmanager
def started(
    name: str, url: str, ready_path: str, arguments: Sequence[str], log_dir: Path
) -> Iterator[Service]:
    """Run `llmops ARGUMENTS` until the block ends.

    The child has a session of its own: Ctrl-C reaches this process alone, which then stops its children in order.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    log_file = log_dir / f"run-{name.lower()}.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    service = Service(name, url, ready_path, process, log_file)
    copier = Thread(target=copy_output, args=(process, log_file), daemon=True)
    copier.start()
    try:
        yield service
    finally:
        service.stop()
        copier.join(timeout=1)


def copy_output(process: subprocess.Popen[bytes], log_file: Path) -> None:
    """Write what the child prints to a file that does not grow without bound."""
    handler = RotatingFileHandler(
        log_file, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", errors="replace"
    )
    if log_file.stat().st_size:
        handler.doRollover()
    assert process.stdout is not None  # noqa: S101  # it was opened as a pipe
    for line in process.stdout:
        text = line.decode("utf-8", "replace").rstrip()
        handler.emit(logging.LogRecord("run", logging.INFO, "", 0, text, None, None))
    handler.close()


def wait_until_ready(services: Sequence[Service]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    waiting = list(services)
    while waiting:
        waiting = [service for service in waiting if not service.is_ready()]
        if waiting and time.monotonic() > deadline:
            names = " and ".join(service.name for service in waiting)
            raise CannotRun(
                f"{names} did not answer within {_START_TIMEOUT_S:.0f} s; see {waiting[0].log_file}"
            )
        time.sleep(_POLL_S if waiting else 0)


def index_samples(url: str, headers: Mapping[str, str]) -> None:
    """Give an empty knowledge base something to be asked about, where this process may."""
    with httpx.Client(base_url=url, timeout=300, headers=headers) as client:
        stats = client.get("/stats")
        if not stats.is_success:
            # Not by LLMOPS_API_KEY: with it the user interface lets everybody in.
            say(f"the samples are left out: {reason_of(stats)}. `{ADD_SAMPLES}` adds them")
            return
        if stats.json()["documents"]:
            return
        paths = sorted(path for path in SAMPLES.iterdir() if path.is_file())
        say(f"indexing {len(paths)} sample documents")
        files = [("files", (path.name, path.read_bytes())) for path in paths]
        response = client.post("/upload", params={"wait": "true"}, files=files)
        if not response.is_success:
            say(f"the samples could not be indexed: {reason_of(response)}")
            return
        for document in response.json()["documents"]:
            if document["status"] != "indexed":
                say(f"{document['name']} could not be indexed: {document['error']}")


def reason_of(refusal: httpx.Response) -> str:
    detail: str = refusal.json()["detail"]
    return detail


def say_where(api: Service, ui: Service, log_dir: Path) -> None:
    mode = httpx.get(f"{api.url}/health", timeout=30).json()["mode"]
    engine = (
        "demo mode: no chat model is configured" if mode == "demo" else "answers come from the chat model"
    )
    say(f"UI   {ui.url}")
    say(f"API  {api.url}    documentation {api.url}/docs    playground {api.url}/agent/playground/")
    say(f"{engine}; logs in {log_dir}/; Ctrl-C stops both")


def wait_for_the_first_to_end(services: Sequence[Service]) -> Service:
    while True:
        for service in services:
            if service.process.poll() is not None:
                return service
        time.sleep(_POLL_S * 5)


def say(message: str) -> None:
    print(message, flush=True)


def stop_on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    for handled in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(handled, signal.SIG_IGN)
    say("stopping")
    sys.exit(0)


if __name__ == "__main__":
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(wanted, stop_on_signal)
    try:
        main()
    except (CannotRun, ConfigurationError) as failure:
        sys.exit(f"error: {failure}")
