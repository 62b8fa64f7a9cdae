"""Folders that work is done in before its result is renamed into place; what a kill leaves of one, the next removes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from uuid import uuid4


@contextmanager
def open_workspace(parent: Path, prefix: str, mode: int = 0o700) -> Iterator[Path]:
    """A new folder for this process alone, which is gone at the end unless it was renamed.

    Its process holds a lock on it for as long as it lives. Others of the same prefix without one were abandoned.
    """
    for folder in parent.glob(f"{escape(prefix)}*"):
        _remove_if_abandoned(folder)
    folder = parent / f"{prefix}{uuid4().hex}"
    folder.mkdir(mode)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
