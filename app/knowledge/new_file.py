"""Small files that several processes may want to make at once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def write_unless_there(file: Path, text: str) -> None:
    """Whoever finds the file finds it whole: it is written aside, and given its name unless another was faster.

    Raises:
        OSError
    """
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-") as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, file)
