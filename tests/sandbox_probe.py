"""What hostile code would try inside the sandbox: started in place of a reader, it tells how far it got.

Each attempt is made by Python and, past all of Python's own checks, by the C library.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.ingestion.sandbox_child import run

_LIBC = ctypes.CDLL(None, use_errno=True)


def _native(name: str, *arguments: Any) -> None:
    if getattr(_LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _c_write(path: str) -> None:
    _native("open", path.encode(), os.O_WRONLY | os.O_CREAT, 0o600)


def _c_shell(_path: str) -> None:
    if _LIBC.system(b"true"):
        raise OSError("system")


def _c_lookup(_path: str) -> None:
    found = ctypes.c_void_p()
    if _LIBC.getaddrinfo(b"example.org", b"80", None, ctypes.byref(found)):
        raise OSError("getaddrinfo")


ATTEMPTS: dict[str, Callable[[str], object]] = {
    "python socket": lambda _: socket.socket(),
    "python connect": lambda _: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "python lookup": lambda _: socket.getaddrinfo("example.org", 80),
    "python program": lambda _: subprocess.run(["true"], check=False),
    "python shell": lambda _: os.system("true"),
    "python fork": lambda _: os.fork(),
    "python write": lambda path: Path(path, "written").write_text("x"),
    "python delete": lambda path: Path(path, "secret").unlink(),
    "python folder": lambda path: Path(path, "folder").mkdir(),
    "native socket": lambda _: _native("socket", socket.AF_INET, socket.SOCK_STREAM, 0),
    "native datagram": lambda _: _native("socket", socket.AF_INET, socket.SOCK_DGRAM, 0),
    "native local socket": lambda _: _native("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0),
    "native lookup": _c_lookup,
    "native exec": lambda _: _native("execv", b"/bin/true", (ctypes.c_char_p * 2)(b"true", None)),
    "native shell": _c_shell,
    "native fork": lambda _: _native("fork"),
    "native kill": lambda _: _native("kill", os.getppid(), 0),
    "native write": _c_write,
    "native delete": lambda path: _native("unlink", f"{path}/secret".encode()),
    "native rename": lambda path: _native("rename", f"{path}/secret".encode(), f"{path}/stolen".encode()),
    "native trace": lambda _: _native("ptrace", 16, os.getppid(), None, None),
    "native read": lambda path: _native("open", f"{path}/secret".encode(), os.O_RDONLY),
}


def probe(_data: bytes, request: dict[str, Any]) -> None:
    """Try everything with the folder of the request, which holds a file `secret`."""
    outcomes = {name: _outcome(attempt, request["folder"]) for name, attempt in ATTEMPTS.items()}
    sys.stdout.buffer.write(json.dumps(outcomes).encode() + b"\n")


def _outcome(attempt: Callable[[str], object], folder: str) -> str:
    try:
        attempt(folder)
    except OSError:
        return "refused"
    return "done"


if __name__ == "__main__":
    run(probe)
