"""A folder for one process alone, for an index whose files only one process may write."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from uuid import uuid4

_LOCKS = ".lock"


class WorkingFolder:
    """Lies beside those of the other processes below `parent`; those whose process is dead are removed.

    The system lets go of a lock when its process dies, however it dies, so a lock that can be had tells of a death.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        name = uuid4().hex
        self.path = parent / name
        self._lock_path = parent / f"{name}{_LOCKS}"
        with (parent / "lock").open("ab") as gate:
            # Otherwise another process that is starting might take this for dead before it is locked.
            fcntl.flock(gate, fcntl.LOCK_EX)
            _remove_dead(parent)
            self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path.mkdir()

    def clear(self) -> None:
        shutil.rmtree(self.path)
        self.path.mkdir()

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if not self.path.exists():  # else whoever starts next tries again
            self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)


def link(source: Path, folder: Path) -> str:
    """Have a file that nobody changes in the folder too, without a second copy where the disk can do that; its name.

    Raises:
        FileNotFoundError, OSError
    """
    try:
        os.link(source, folder / source.name)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, folder / source.name)
    return source.name


def _remove_dead(parent: Path) -> None:
    for path in parent.glob(f"*{_LOCKS}"):
        file = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            for folder in parent.glob(f"{path.stem}*/"):
                shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)
        finally:
            os.close(file)
