"""A private PostgreSQL server for a test run, and databases in it.

With `TEST_DATABASE=postgres` every knowledge base that a test opens lies in a database of its own instead of an SQLite
file, so that the same tests hold for both. `database_url(folder)` is where a test says which one: it names the same
database for the same folder, in this process and in those that it starts.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import psycopg

from app.knowledge.database import open_database

_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
_SERVER = "TEST_POSTGRES_SERVER"
_MADE_UP = "made_up"


def is_asked_for() -> bool:
    return os.environ.get("TEST_DATABASE") == "postgres"


def database_url(folder: Path) -> str:
    """The address of the knowledge base whose data directory is `folder`."""
    return postgres_url(folder) if is_asked_for() else f"sqlite:///{folder / 'llmops.db'}"


def postgres_url(folder: Path) -> str:
    """The same on PostgreSQL, whatever is asked for. A new database has its tables already."""
    name = "kb_" + hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:24]
    _make_template()
    with _administration() as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if there is None:
            # Another process of the same test may be as fast.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {_MADE_UP}")
    return f"{server()}/{name}"


def empty_database(name: str) -> str:
    """A new database without tables, whose texts are ordered as a language orders them, not as bytes are."""
    with _administration() as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
        )
    return f"{server()}/{name}"


def server() -> str:
    """The server's address without a database; it is started for the first who asks."""
    if _SERVER not in os.environ:
        os.environ[_SERVER] = Cluster().start()
    return os.environ[_SERVER]


@cache
def _make_template() -> None:
    with _administration() as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_MADE_UP]).fetchone():
            return
    open_database(empty_database(_MADE_UP)).close()


def _administration() -> closing[psycopg.Connection[tuple[object, ...]]]:
    address = server().replace("postgresql+psycopg", "postgresql")
    return closing(psycopg.connect(f"{address}/postgres", autocommit=True))


class Cluster:
    """A server of its own in a temporary folder, which goes with this process."""

    def __init__(self, options: tuple[str, ...] = _OPTIONS) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        if os.getuid() == 0:  # as whom PostgreSQL does not run
            owner = pwd.getpwnam("nobody")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._call("initdb", "-D", str(self._folder / "data"), "-U", "test", "-A", "trust", "-E", "UTF8")
        atexit.register(self.remove)

    def start(self) -> str:
        """Serve until `stop` or `remove`; gives the address."""
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}", *self._options]
        arguments = [part for setting in settings for part in ("-c", setting)]
        command = _as_unprivileged(
            _program("postgres"), "-D", str(self._folder / "data"), "-p", str(self._port), *arguments
        )
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self._wait()
        return f"postgresql+psycopg://test@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the server's first process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Stop at once, as if the machine had failed."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait(timeout=30)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        address = f"postgresql://test@127.0.0.1:{self._port}/postgres"
        for _ in range(300):
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            try:
                psycopg.connect(address, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError((self._folder / "log").read_text())

    def _call(self, program: str, *arguments: str) -> None:
        command = _as_unprivileged(_program(program), *arguments)
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"{name} is missing: install the package postgresql"
    return path


def _as_unprivileged(*command: str) -> list[str]:
    if os.getuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
