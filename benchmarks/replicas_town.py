"""Three servers and two workers on one PostgreSQL, behind nginx: processes that can be killed one by one."""

from __future__ import annotations

import math
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, LiteralString

import httpx
import psycopg

from app.settings import EMBEDDED_EMBEDDING_MODEL
from benchmarks.datasets import PROJECT
from benchmarks.speed_server import environment_below, free_port
from tests.postgres import Cluster

SHARED: Final = ("originals", "page_images")
"""Folders of a data directory that all processes must have in common; the others are each one's own."""
_READY_WITHIN_S: Final = 300.0
_POSTGRES: Final = ("max_connections=300",)
_NGINX: Final = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;{user}
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 100m; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream replicas {{ random; {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://replicas; proxy_set_header Host $host; proxy_read_timeout 120s; proxy_buffering off;
      add_header X-Replica $upstream_addr always;
    }}
  }}
}}
"""


@dataclass
class Member:
    """One process of the installation, with a data directory and a log of its own."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    address: str | None = None
    """Host and port of a server; None for a worker."""
    killed: list[tuple[float, float]] = field(default_factory=list)
    """When it was killed and when it was gone: until then the system takes connections for it and resets them."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=PROJECT, env=dict(self.environment), stdout=log, stderr=log
            )

    def kill(self) -> None:
        """At once, with nothing put in order."""
        assert self.process is not None
        began = time.monotonic()
        self.killed.append((began, math.inf))
        self.process.kill()
        self.process.wait(timeout=30)
        self.killed[-1] = (began, time.monotonic())

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
            self.process.kill()
            self.process.wait(timeout=30)

    def is_ready(self) -> bool:
        """Whether a server answers, all caught up; a worker has no door at which to ask."""
        if self.address is None:
            return self.process is not None and self.process.poll() is None
        try:
            answer = httpx.get(f"http://{self.address}/health/ready", timeout=10, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def wait_until_ready(self) -> float:
        """Gives the seconds that it took. Raises AssertionError."""
        began = time.monotonic()
        while not self.is_ready():
            gone = self.process is None or self.process.poll() is not None
            if gone or time.monotonic() - began > _READY_WITHIN_S:
                raise AssertionError(f"{self.name} did not become ready:\n{self.log.read_text()[-3_000:]}")
            time.sleep(0.05)
        return time.monotonic() - began


@dataclass(frozen=True)
class Town:
    """Everything that runs. `balancer` is the address behind which any replica answers."""

    balancer: str
    replicas: list[Member]
    workers: list[Member]
    database_url: str
    postgres_pid: int
    shared: Path

    @property
    def members(self) -> list[Member]:
        return self.replicas + self.workers

    def query(self, statement: LiteralString) -> list[Any]:
        """The first column of what the database says."""
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as connection:
            return [row[0] for row in connection.execute(statement)]


@contextmanager
def open_town(replicas: int = 3, workers: int = 2, **settings: str) -> Iterator[Town]:
    """Start everything and wait until it answers; `settings` are variables of the environment of all processes."""
    with TemporaryDirectory(prefix="llmops-replicas-") as place, running_postgres() as (url, pid):
        folder, shared = Path(place), Path(place) / "shared"
        takes_in = settings | {"LLMOPS_INGESTION_WORKERS": "0", "LLMOPS_BATCH_CONCURRENCY": "0"}
        servers = [make_server(folder / f"replica-{n}", shared, url, takes_in) for n in range(replicas)]
        helpers = [make_worker(folder / f"worker-{n}", shared, url, settings) for n in range(workers)]
        try:
            for member in servers + helpers:  # one after another: they share few cores
                member.start()
                member.wait_until_ready()
            with _running_nginx(folder, [server.address or "" for server in servers]) as balancer:
                yield Town(balancer, servers, helpers, url, pid, shared)
        finally:
            for member in servers + helpers:
                member.stop()


@contextmanager
def running_postgres() -> Iterator[tuple[str, int]]:
    """A server of its own that keeps what it has acknowledged: the address of an empty database, and the process."""
    cluster = Cluster(_POSTGRES)
    try:
        address = cluster.start()
        with psycopg.connect(f"{address.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE replicas")
        yield f"{address}/replicas", cluster.pid
    finally:
        cluster.remove()


def make_server(folder: Path, shared: Path, database_url: str, settings: Mapping[str, str]) -> Member:
    """Not started yet."""
    port = free_port()
    command = (sys.executable, "-m", "app.cli", "serve", "--host", "127.0.0.1", "--port", str(port))
    environment = _environment(folder, shared, database_url) | dict(settings)
    return Member(folder.name, command, environment, folder / "output", f"127.0.0.1:{port}")


def make_worker(folder: Path, shared: Path, database_url: str, settings: Mapping[str, str]) -> Member:
    """Not started yet."""
    command = (sys.executable, "-m", "app.cli", "worker")
    environment = _environment(folder, shared, database_url) | dict(settings)
    return Member(folder.name, command, environment, folder / "output")


def _environment(folder: Path, shared: Path, database_url: str) -> dict[str, str]:
    """A data directory of the process's own in which the shared folders lie as a volume would be mounted."""
    data = folder / "data"
    data.mkdir(parents=True)
    for name in SHARED:
        (shared / name).mkdir(parents=True, exist_ok=True)
        (data / name).symlink_to(shared / name)
    environment = environment_below(folder) | {
        "LLMOPS_DATABASE_URL": database_url,
        "LLMOPS_EMBEDDING_MODEL": EMBEDDED_EMBEDDING_MODEL,
        "LLMOPS_EMBEDDING_THREADS": "1",
        "USE_DEMO_MODE": "true",
        "LOG_LEVEL": "WARNING",
    }
    del environment["PYTHONPYCACHEPREFIX"]  # starts are warm
    return environment


@contextmanager
def _running_nginx(folder: Path, addresses: list[str]) -> Iterator[str]:
    """A request goes to a random server, and on to another only where it was not sent yet; gives the address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "nginx is missing: install the package nginx-light"
    port = free_port()
    servers = " ".join(f"server {address} max_fails=1 fail_timeout=1s;" for address in addresses)
    user = f" user {pwd.getpwuid(0).pw_name};" if os.getuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, user=user, servers=servers, port=port))
    command = (program, "-c", str(configuration), "-e", str(folder / "nginx.log"))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/live", folder / "nginx.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str, log: Path) -> None:
    for _ in range(100):
        with suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"nginx does not answer:\n{log.read_text() if log.exists() else ''}")


def clients_of(members: list[Member], **options: Any) -> dict[str, httpx.Client]:
    """For each server a client of its own, by its address."""
    return {
        str(member.address): httpx.Client(base_url=f"http://{member.address}", trust_env=False, **options)
        for member in members
    }
