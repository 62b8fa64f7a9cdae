"""Checks a draft: afterwards markers and citations correspond one to one, each quote is where it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from app.chains.injection import find_suspicions
from app.chains.locate import locate
from app.chains.markers import marker_positions, normalise_markers, quote_plainly, renumber, without_markers
from app.chains.records import Draft, Quote, Verified
from app.errors import UnknownDocument
from app.knowledge.records import Chunk
from app.models.sentences import is_table_row, split_sentences
from app.models.terms import numbers, terms, words
from app.schemas import Citation

ENOUGH_OVERLAP = 0.4
"""Share of a claim's content words that its chunk must hold: fewer, and it is about something else."""

_PAIR_GAIN = 0.15
_CLAIM_CHARS = 1_000
_MOST_CLAIMS = (
    12  # that one marker is looked at for: a draft that cites one chunk more often says little new by it
)
_CONTINUES = re.compile(r"[,;:)a-zß-öø-ÿ]")
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{12,})[\"”“»]")


def verify(draft: Draft, *, text_of: Callable[[str], str]) -> Verified:
    """Drop markers without a source or with invented words, number the rest as they occur and find their quotes.

    Images become their description.

    `text_of` gives the stored text of a document id and may raise `UnknownDocument`: the document was deleted
    meanwhile, and what it is cited for stays unverified. A quote is `verified` when it stands literally in
    that text at its span, and the cited chunk shares enough words with the claim and holds all its numbers but
    those that were calculated.
    """
    by_marker: dict[int, list[Quote]] = {}
    for quote in draft.quotes:
        by_marker.setdefault(quote.marker, []).append(quote)
    text = normalise_markers(draft.text, by_marker.keys())
    claims: dict[int, list[_Claim]] = {}
    for marker, claim in _claims(text):
        claims.setdefault(marker, []).append(claim)
    supports = {
        marker: _best_support(by_marker[marker], found, draft.calculated) for marker, found in claims.items()
    }
    if invented := {marker for marker, found in supports.items() if found.is_invented}:
        text = normalise_markers(text, supports.keys() - invented)
        left = {marker for marker, _ in marker_positions(text)}  # what is removed may make code of another
        supports = {marker: found for marker, found in supports.items() if marker in left}
    texts = _StoredTexts(text_of)
    citations = [_cite(number, found, texts) for number, found in enumerate(supports.values(), start=1)]
    order = {marker: number for number, marker in enumerate(supports, start=1)}
    return Verified(renumber(text, order).strip(), citations)


@dataclass(frozen=True)
class _Claim:
    """What a marker closes: the sentence before it, and all that was written since the marker before."""

    sentence: str
    statement: str


@dataclass(frozen=True)
class _Support:
    """The passage of a chunk that supports a claim best; `start` counts from the chunk's beginning."""

    quote: Quote
    start: int
    end: int
    strength: float
    is_enough: bool

    @property
    def is_invented(self) -> bool:
        """Whether neither the words that the model named are there, nor anything else that supports its claim."""
        return self.quote.is_doubtful and not self.is_enough


class _StoredTexts:
    """Stored texts of one verification, each read once; None for a document that is gone."""

    def __init__(self, text_of: Callable[[str], str]) -> None:
        self._text_of = text_of
        self._texts: dict[str, str | None] = {}

    def get(self, document_id: str) -> str | None:
        if document_id not in self._texts:
            try:
                self._texts[document_id] = self._text_of(document_id)
            except UnknownDocument:
                self._texts[document_id] = None
        return self._texts[document_id]


def _claims(text: str) -> Iterator[tuple[int, _Claim]]:
    """Each marker of a normalised text and its first claims, be the marker before or behind the full stop.

    A claim never reaches back past another marker, even where a full stop is missing, as behind the row of a table;
    only a sentence that evidently goes on behind a marker is taken as a whole.
    """
    begin = end = 0
    seen: Counter[int] = Counter()
    for marker, position in marker_positions(text):
        since = text[end:position].strip()
        if since and not _CONTINUES.match(since):
            begin = end
        end = text.index("]", position) + 1
        seen[marker] += 1
        if seen[marker] > _MOST_CLAIMS:
            continue
        statement = without_markers(text[max(begin, position - _CLAIM_CHARS) : position]).strip()
        spans = split_sentences(statement)
        yield marker, _Claim(statement[slice(*spans[-1])] if spans else "", statement)


def _best_support(quotes: Sequence[Quote], claims: Sequence[_Claim], calculated: Set[str]) -> _Support:
    supports = (_support(quote, claim, calculated) for quote in quotes for claim in claims)
    return max(supports, key=lambda support: (support.is_enough, support.strength))


def _support(quote: Quote, claim: _Claim, calculated: Set[str]) -> _Support:
    chunk = quote.chunk
    wanted = _wanted(claim.sentence)
    cited = _cited_words(claim.sentence, quote)
    span = next((found for text in cited if (found := locate(text, chunk.text)) is not None), None)
    if span is None:
        span = _best_passage(chunk.text, wanted)
    strength = _overlap(wanted, chunk.text[slice(*span)])
    is_enough = _is_own_quote(claim, quote) if quote.text else False
    is_enough = is_enough or _is_supported(claim.sentence, wanted, chunk, calculated)
    return _Support(quote, *span, strength, is_enough)


def _is_own_quote(claim: _Claim, quote: Quote) -> bool:
    """Whether a draft states what it extracted and nothing else, so that there is nothing to doubt.

    A model's draft has no quotes of its own.
    """
    plain = quote_plainly(quote.text)
    shown = quote.shown or plain
    is_part = shown == plain or all(piece in plain for piece in shown.split("; "))
    return quote.text in quote.chunk.text and is_part and claim.statement.endswith(shown)


def _cited_words(claim: str, quote: Quote) -> Iterable[str]:
    """Wordings to look for: the draft's own quote, then what the claim puts between quotation marks."""
    if quote.text:
        yield quote.text
    yield from sorted(_QUOTED.findall(claim), key=len, reverse=True)


def _wanted(claim: str) -> dict[str, float]:
    """Content words of a claim; numbers count double, since they are what a reader checks."""
    bag = set(terms(claim)) or set(words(claim))
    return {term: 2.0 if term[0].isdigit() else 1.0 for term in bag}


def _overlap(wanted: dict[str, float], text: str) -> float:
    """Share of the wanted words that stand in `text`, in [0, 1]."""
    present = set(terms(text)) | set(words(text))
    total = sum(wanted.values())
    return sum(weight for term, weight in wanted.items() if term in present) / total if total else 0.0


def _best_passage(text: str, wanted: dict[str, float]) -> tuple[int, int]:
    """The sentence, or two neighbours where the second adds enough, that share most with the claim."""
    spans = split_sentences(text)
    if not spans:
        return 0, len(text)
    single = [_overlap(wanted, text[start:end]) for start, end in spans]
    best = max(range(len(spans)), key=lambda at: (single[at], -at))
    chosen, strength = spans[best], single[best] + _PAIR_GAIN
    for first, second in ((best - 1, best), (best, best + 1)):
        if first >= 0 and second < len(spans):
            pair = spans[first][0], spans[second][1]
            overlap = _overlap(wanted, text[slice(*pair)])
            if overlap > strength:
                chosen, strength = pair, overlap
    return chosen


def _is_supported(claim: str, wanted: dict[str, float], chunk: Chunk, calculated: Set[str]) -> bool:
    about = f"{chunk.document_name} {chunk.section or ''} {chunk.text}"
    has_numbers = numbers(_without_list_number(claim)) - calculated <= numbers(about)
    return has_numbers and _overlap(wanted, about) >= ENOUGH_OVERLAP


def _without_list_number(claim: str) -> str:
    return claim if is_table_row(claim) else re.sub(r"^\W*\d{1,2}[.)]\s+", "", claim)


def _cite(number: int, support: _Support, texts: _StoredTexts) -> Citation:
    chunk = support.quote.chunk
    quote = chunk.text[support.start : support.end]
    stored = texts.get(chunk.document_id)
    start, end = chunk.char_start + support.start, chunk.char_start + support.end
    if stored is not None and stored[start:end] != quote:
        span = locate(quote, stored)
        start, end = span or (start, end)
        quote = stored[start:end] if span else quote
    is_literal = stored is not None and stored[start:end] == quote
    return Citation(
        marker=number,
        document_id=chunk.document_id,
        document_name=chunk.document_name,
        chunk_id=chunk.part_at(start, end).chunk_id,
        page=chunk.page,
        char_start=start,
        char_end=end,
        quote=quote,
        score=min(1.0, max(0.0, support.quote.score)),
        verified=is_literal and support.is_enough,
        flags=find_suspicions(chunk.text),
    )
