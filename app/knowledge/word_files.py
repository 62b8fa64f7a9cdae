"""The files of a lexical index: which of them make up its last commit, and whether this release can go on with them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.knowledge.working_folder import link

_STATE = "meta.json"
_MANAGED = ".managed.json"
_ATTEMPTS = 20


def made_by() -> dict[str, Any]:
    """A release that cuts or writes words in another way must not go on with what this one has written."""
    here = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    named = (here / f"{name}.py" for name in ("lexical", "languages", "broken_words"))
    for source in sorted([*named, *here.glob("word_*.py")]):
        digest.update(source.read_bytes())
    return {"tantivy": version("tantivy"), "sources": digest.hexdigest()}


def copy_commit(index: Path, folder: Path) -> None:
    """Put the last commit of an index into an empty folder, in the time that a few dozen links take.

    Segments are never changed once they are written, but merging takes their files away: then the next state counts.

    Raises:
        OSError
    """
    for _ in range(_ATTEMPTS):
        state = (index / _STATE).read_bytes()
        with suppress(FileNotFoundError):
            copied = [link(path, folder) for path in _segment_files(index, json.loads(state))]
            # Files are taken away only after the state was replaced by one that does without them.
            if (index / _STATE).read_bytes() == state:
                (folder / _STATE).write_bytes(state)
                (folder / _MANAGED).write_text(json.dumps([*copied, _STATE]))
                return
        for path in folder.iterdir():
            path.unlink()
    raise OSError("the index is being merged all the time")


def restore_commit(snapshot: Path, folder: Path) -> None:
    """Make an index to go on with of what `copy_commit` has put there. Raises OSError."""
    for path in snapshot.iterdir():
        if path.name in (_STATE, _MANAGED):
            shutil.copyfile(path, folder / path.name)  # replaced at each commit
        else:
            link(path, folder)


def _segment_files(index: Path, state: dict[str, Any]) -> Iterator[Path]:
    for segment in state["segments"]:
        stem = segment["segment_id"].replace("-", "")
        deletes = segment["deletes"]
        yield from (path for path in index.glob(f"{stem}.*") if path.suffix != ".del")
        if deletes:
            yield index / f"{stem}.{deletes['opstamp']}.del"
