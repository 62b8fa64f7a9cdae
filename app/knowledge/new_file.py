"""Small files that several processes may want to make at once."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without hard links say; a full disk says something else, and must not leave half a file."""


def write_unless_there(file: Path, text: str) -> None:
    """Whoever finds the file finds it whole: it is written aside, and given its name unless another was faster.

    Where a file system has no hard links, it is written in its place, and may be found before it is whole.

    Raises:
        OSError
    """
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-") as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            try:
                os.link(draft.name, file)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                _write_in_place(file, text)


def _write_in_place(file: Path, text: str) -> None:
    with file.open("x") as made:
        made.write(text)
        made.flush()
        os.fsync(made.fileno())
