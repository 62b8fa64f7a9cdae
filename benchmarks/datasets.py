"""Reads the evaluation data, which stays outside the project because its licences differ."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "de", "es", "ru", "ar", "zh")

Unit = Literal["document", "page"]
Judgements = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Source:
    """One document to index, either as text or as a file; relevance judgements call it `key`."""

    key: str
    name: str
    text: str | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Query:
    query_id: str
    question: str
    answers: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class RetrievalSet:
    """Sources, queries and, under one name each, what is relevant to every query (keys by query id).

    A find counts for its document's key, or for `key#pN` where judgements are about pages.
    """

    name: str
    sources: tuple[Source, ...]
    queries: tuple[Query, ...]
    judgements: Mapping[str, Judgements]
    unit: Unit = "document"


@dataclass(frozen=True)
class ExcerptQuestion:
    """A question and the character spans of its document that hold everything wanted."""

    question: str
    document: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ExcerptSet:
    sources: tuple[Source, ...]
    questions: tuple[ExcerptQuestion, ...]


def find_evaluation_data() -> Path | None:
    """The folder named by `LLMOPS_EVALDATA`, or the one beside the project; None when there is neither."""
    folder = Path(os.environ.get("LLMOPS_EVALDATA") or PROJECT.parent / "shared" / "evaldata")
    return folder if folder.is_dir() else None


def load_retrieval_set(name: str, folder: Path) -> RetrievalSet:
    """Read one of `RETRIEVAL_SETS` from the evaluation data."""
    return RETRIEVAL_SETS[name](name, folder)


def load_excerpt_set(folder: Path) -> ExcerptSet:
    """Read `chunking_eval`: long texts, and questions with the exact spans of the wanted excerpts."""
    sources = tuple(_passages(folder / "chunking_eval"))
    questions = tuple(
        ExcerptQuestion(
            row["question"],
            row["corpus"],
            tuple((reference["start"], reference["end"]) for reference in row["references"]),
        )
        for row in _rows(folder / "chunking_eval" / "queries.jsonl")
    )
    return ExcerptSet(sources, questions)


def load_sources(name: str, folder: Path) -> list[Source]:
    """The texts of a set that has no judgements."""
    return list(_passages(folder / name))


def load_questions(name: str, folder: Path, *, kind: str | None = None) -> list[Query]:
    """The questions of a set, of one kind if `kind` is given, judged or not."""
    found = _queries(folder / name)
    return [query for query in found if kind is None or query.kind == kind]


def shrink(data: RetrievalSet, *, sources: int, queries: int) -> RetrievalSet:
    """A smaller set for a quick look: some queries, all that is relevant to them, and other sources to fill up.

    Its haystack is smaller, so its figures are higher than the whole set's and comparable to nothing but themselves.
    """
    kept = evenly(data.queries, queries)
    wanted = {key for judged in data.judgements.values() for query in kept for key in judged[query.query_id]}
    needed = [source for source in data.sources if source.key in wanted]
    others = [source for source in data.sources if source.key not in wanted]
    chosen = needed + evenly(others, max(0, sources - len(needed)))
    return replace(data, sources=tuple(chosen), queries=tuple(kept))


def evenly(items: Sequence[Any], count: int) -> list[Any]:
    """`count` of the items at even distances, the same ones on every run."""
    if count >= len(items):
        return list(items)
    return [items[index * len(items) // count] for index in range(count)]


def _load_passages(name: str, folder: Path) -> RetrievalSet:
    judgements = {name: _judgements(folder / name / "qrels.tsv")}
    return _judged(name, tuple(_passages(folder / name)), _queries(folder / name), judgements)


def _load_cranfield(name: str, folder: Path) -> RetrievalSet:
    """The second judgements leave out the paper that each query was written from, the easiest to find."""
    judgements = {
        name: _judgements(folder / name / "qrels.tsv"),
        f"{name}, no source paper": _judgements(folder / name / "qrels_no_source.tsv"),
    }
    return _judged(name, tuple(_passages(folder / name)), _queries(folder / name), judgements)


def _load_xquad(name: str, folder: Path) -> RetrievalSet:
    """`xquad-de` asks German questions of German paragraphs, and so on."""
    prefix = f"{name.rpartition('-')[2]}:"
    sources = tuple(source for source in _passages(folder / "xquad") if source.key.startswith(prefix))
    return _judged(
        name, sources, _queries(folder / "xquad"), {name: _judgements(folder / "xquad" / "qrels.tsv", prefix)}
    )


def _load_filings(name: str, folder: Path) -> RetrievalSet:
    """Whole filings as PDF in one store; the wanted find is the filing (sec10q) or the page (financebench)."""
    judgements = {name: _judgements(folder / name / "qrels.tsv")}
    sources = tuple(
        Source(path.stem, path.name, path=path) for path in sorted((folder / name / "pdfs").glob("*.pdf"))
    )
    unit: Unit = (
        "page" if any("#p" in key for keys in judgements[name].values() for key in keys) else "document"
    )
    return replace(_judged(name, sources, _queries(folder / name), judgements), unit=unit)


RETRIEVAL_SETS: dict[str, Callable[[str, Path], RetrievalSet]] = {
    "squad2": _load_passages,
    "cranfield": _load_cranfield,
    "hotpotqa100": _load_passages,
    "musique100": _load_passages,
    **{f"xquad-{language}": _load_xquad for language in LANGUAGES},
    "sec10q": _load_filings,
    "financebench": _load_filings,
}


def _judged(
    name: str, sources: tuple[Source, ...], queries: Sequence[Query], judgements: Mapping[str, Judgements]
) -> RetrievalSet:
    """Leave out queries that not all judgements know: they have no answer in the set."""
    judged = tuple(
        query for query in queries if all(query.query_id in known for known in judgements.values())
    )
    return RetrievalSet(name, sources, judged, judgements)


def _passages(folder: Path) -> Iterator[Source]:
    """A passage without a text is known by its title; Cranfield has some without either, which nobody can find."""
    for row in _rows(folder / "corpus.jsonl"):
        if text := row["text"] if row["text"].strip() else row["title"]:
            yield Source(row["id"], row["title"], text=text)


def _queries(folder: Path) -> list[Query]:
    return [
        Query(row["id"], row["question"], tuple(row["answers"]), row["type"])
        for row in _rows(folder / "queries.jsonl")
    ]


def _judgements(path: Path, prefix: str = "") -> Judgements:
    relevant: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query_id, key, score = line.split("\t")
        if float(score) > 0 and query_id.startswith(prefix):
            relevant.setdefault(query_id, set()).add(key)
    return {query_id: frozenset(keys) for query_id, keys in relevant.items()}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
