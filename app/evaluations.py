"""What `make eval` has measured, kept in the data directory so that the server it is about can show it.

One file for each run, named by its moment. Nothing of anybody's documents is in them: an evaluation opens a service of
its own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from logging import getLogger
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydantic import ValidationError

from app.errors import UnknownEvaluation
from app.schemas import Evaluation, EvaluationInfo

log = getLogger("llmops.api")

FOLDER: Final = "evaluations"
_NAME: Final = re.compile(r"[0-9]{8}t[0-9]{6}z-[a-z]{1,16}")


def name_evaluation(moment: datetime, profile: str) -> str:
    """Names sort as their moments do."""
    return f"{moment.astimezone(UTC):%Y%m%dt%H%M%Sz}-{profile}"


class Evaluations:
    """Files of `folder`, which need not exist. A name is one of ours or unknown, never a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, evaluation: Evaluation) -> Path:
        """Write it aside and rename it: who reads meanwhile finds all of it or nothing. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._path(evaluation.name)
        aside = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            aside.write_text(evaluation.model_dump_json(indent=2) + "\n", encoding="utf-8")
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return target

    def recent(self, limit: int) -> list[EvaluationInfo]:
        """The newest runs, newest first; what cannot be read is left out."""
        read = (self._read(name) for name in sorted(self._names(), reverse=True))
        newest = islice((found for found in read if found is not None), limit)
        return [
            EvaluationInfo.model_validate(found.model_dump(include=set(EvaluationInfo.model_fields)))
            for found in newest
        ]

    def get(self, name: str) -> Evaluation:
        """Raises UnknownEvaluation: there is none of this name, or it cannot be read."""
        found = self._read(name) if _NAME.fullmatch(name) else None
        if found is None:
            raise UnknownEvaluation(f"There is no evaluation {name!r}")
        return found

    def _names(self) -> list[str]:
        return [path.stem for path in self._folder.glob("*.json") if _NAME.fullmatch(path.stem)]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> Evaluation | None:
        """None where there is no such file, or one that a hand or another version has written."""
        try:
            text = self._path(name).read_bytes()
            return Evaluation.model_validate_json(text, extra="ignore")
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            log.warning("evaluation_unreadable", extra={"evaluation": name})
            return None
