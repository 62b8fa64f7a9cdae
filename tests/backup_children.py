"""What tests of backups run in processes of their own, to kill them or to give them no room."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from app.errors import StorageUnavailable
from app.knowledge.archive import Manifest
from app.knowledge.backup import back_up
from app.knowledge.restore import Restored, restore

NO_ROOM = 7


def backup_of(folder: Path, target: Path, replace: bool = False) -> Manifest:
    return back_up(f"sqlite:///{folder / 'llmops.db'}", folder, target, replace=replace)


def restore_to(folder: Path, source: Path, replace: bool = False) -> Restored:
    return restore(source, f"sqlite:///{folder / 'llmops.db'}", folder, replace=replace)


def back_up_in_little_space(limit: int, live: Path, target: Path) -> None:
    """Files may not grow beyond `limit` bytes, which fails as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        backup_of(live, target, replace=True)
    except StorageUnavailable:
        os._exit(NO_ROOM)


def restore_in_little_space(limit: int, data: Path, source: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        restore_to(data, source)
    except StorageUnavailable:
        os._exit(NO_ROOM)


def back_up_and_restore(live: Path, backups: Path, source: Path, data: Path) -> None:
    (backups / "begun").touch()
    backup_of(live, backups / "b.tar", replace=True)
    restore_to(data, source)
    time.sleep(60)
