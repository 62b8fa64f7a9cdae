"""Finds out what to search for next: what the passages found so far lead to, and the question still lacks.

"Where was the performer of X born?" needs the passage about X to tell the performer, and then one about the performer.
Without a model each new name of the best passages is searched for beside what of the question they do not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import BaseModel, Field

from app.chains.calculator import Calculation, calculate_all
from app.chains.decompose import distinct
from app.chains.fallback import prefer_model
from app.chains.markers import disarm_markers
from app.chains.prompts import FOLLOW_PROMPT, fence_sources, fresh_nonce
from app.chains.records import Evidence
from app.errors import ModelError
from app.knowledge.records import Chunk
from app.models.chat import ChatModel
from app.models.terms import STOPWORDS, terms

MAX_FOLLOW_UPS = 12
_ASKED_OF_MODEL = 4
_PAGES_OF_MODEL = 2
_CALCULATED_FOR_MODEL = 8
_NAMES_SHOWN = 40
_SHOWN_TO_MODEL = 20
_READ_PASSAGES = 5
_NAMES_EACH = 3
"""On musique100 two names find a tenth less, and more queries than twelve find nothing more."""

_WORD = re.compile(r"[\w'’-]+")
_NAME = re.compile(
    r"[^\W\d_a-zà-öø-ÿ][\w’'.-]*(?:\s+(?:(?:of|the|de|la|von|van|and|&)\s+)?[^\W\d_a-zà-öø-ÿ][\w’'.-]*)*"
)


class PageRange(BaseModel):
    """Pages of a document, to be read as a whole."""

    document: str = Field(description="The document's name, as it is given")
    first: int
    last: int


class NextSteps(BaseModel):
    """What is still to be done before the question can be answered; nothing when all is known."""

    searches: list[str] = Field(description="At most four questions that stand alone")
    pages: list[PageRange] = Field(description="At most two, where a passage breaks off or points to them")
    calculations: list[str] = Field(
        description="At most eight: arithmetic with numbers of the sources, as (1450 - 1300) / 1300 * 100"
    )


@dataclass(frozen=True, slots=True)
class Further:
    """What the next round does, nothing when all is known; `degraded` holds codes of `app.errors`."""

    queries: tuple[str, ...]
    pages: tuple[PageRange, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    degraded: tuple[str, ...] = ()


async def look_further(
    question: str, evidence: Evidence, *, model: ChatModel | None, documents: Sequence[str] = ()
) -> Further:
    """Let the model say what is missing, or follow the names of the best passages; `evidence` is best first.

    `documents` are the names of those that the model may read pages of.
    """

    async def by_demo(failure: ModelError | None = None) -> Further:
        return Further(follow_names(question, evidence), degraded=(failure.code,) if failure else ())

    if model is None or not evidence:
        return await by_demo()
    return await prefer_model(lambda: _ask(question, evidence, model, documents), by_demo)


def follow_names(question: str, evidence: Evidence) -> tuple[str, ...]:
    """At most twelve queries, each a name that the question does not hold with the rest of the question."""
    asked = set(terms(question))
    queries: dict[str, None] = {}
    for hit in evidence[:_READ_PASSAGES]:
        rest = " ".join(_missing_words(question, hit.chunk))
        names = list(_new_names(hit.chunk, asked))
        queries |= dict.fromkeys(f"{rest} {name}".strip() for name in names[:_NAMES_EACH])
    return tuple(queries)[:MAX_FOLLOW_UPS]


async def _ask(question: str, evidence: Evidence, model: ChatModel, documents: Sequence[str]) -> Further:
    nonce = fresh_nonce()
    shown = [(number, hit.chunk) for number, hit in enumerate(evidence[:_SHOWN_TO_MODEL], start=1)]
    messages = FOLLOW_PROMPT.format_messages(
        nonce=nonce,
        sources=fence_sources(shown, nonce),
        question=disarm_markers(question),
        documents=disarm_markers("; ".join(" ".join(name.split()) for name in documents[:_NAMES_SHOWN])),
    )
    steps = await model.structured(messages, NextSteps)
    return Further(
        distinct(steps.searches)[:_ASKED_OF_MODEL],
        tuple(steps.pages[:_PAGES_OF_MODEL]),
        tuple(calculate_all(steps.calculations[:_CALCULATED_FOR_MODEL])),
    )


def _missing_words(question: str, chunk: Chunk) -> Iterator[str]:
    """The question's words without those that the passage holds: what it has told need not be searched for again."""
    told = set(terms(f"{chunk.text} {chunk.document_name}"))
    for word in _WORD.findall(question):
        meaning = set(terms(word))
        if not (meaning and meaning <= told):
            yield word


def _new_names(chunk: Chunk, asked: set[str]) -> Iterator[str]:
    """The document's name, then the names in its text, each once, of those that the question does not hold."""
    in_text = (found.group().strip(" .'’-") for found in _NAME.finditer(chunk.text))
    for name in dict.fromkeys([_title(chunk), *in_text]):
        words = " ".join(word for word in name.split() if word.casefold() not in STOPWORDS)
        if words and not set(terms(words)) <= asked:
            yield words


def _title(chunk: Chunk) -> str:
    name = PurePosixPath(chunk.document_name)
    return chunk.document_title or (
        name.stem if 1 < len(name.suffix) <= len(".jsonl") else chunk.document_name
    )
