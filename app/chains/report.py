"""Writes a research report: the answer, then a section for each sub-question, gaps in the documents named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.chains.calculator import Calculation, roundings
from app.chains.clean_stream import complete
from app.chains.contradictions import find_contradictions
from app.chains.evidence import (
    DEMO_MODEL,
    ask_with_less,
    cite_quote,
    is_refusal,
    nearest,
    read_passages,
    refusal_text,
)
from app.chains.fallback import prefer_model
from app.chains.markers import disarm_markers, quote_plainly
from app.chains.prompts import REPORT_PROMPT, fence_sources, fresh_nonce
from app.chains.record_text import show_excerpt
from app.chains.records import Draft, Evidence, Finding, Question, Quote, TokenSink
from app.chains.streaming import stream_words
from app.errors import ModelError
from app.knowledge.records import Hit
from app.models.chat import ChatModel
from app.models.reader import Reader
from app.models.terms import numbers, terms

MAX_SOURCES = 60
"""Chunks that one report is written from, about 12,000 tokens; the best of each sub-question come first."""

_MAX_FOLLOWED = 24
_SAME = 0.85
"""Share of a sentence's terms from which it repeats another one."""
_SAID_ABOVE = "Nothing beyond what is said above."


async def report(
    question: Question,
    findings: Sequence[Finding],
    *,
    model: ChatModel | None,
    reader: Reader,
    calculations: Sequence[Calculation] = (),
    on_token: TokenSink | None = None,
) -> Draft:
    """Write the report from what was found for each sub-question, streamed as `answer` streams.

    A model's markers number all evidence, a chunk found twice being one source; an extracted report's number
    its sentences. A report without any evidence is a refusal.
    """

    async def by_demo(failure: ModelError | None = None) -> Draft:
        if failure is not None and on_token is not None:
            on_token.reset(failure.code)
        draft = await asyncio.to_thread(_extract, question.standalone, findings, reader, failure)
        stream_words(draft.text, on_token)
        return draft

    if model is None or not any(finding.evidence for finding in findings):
        return await by_demo()
    evidence = merge_evidence(findings)
    return await prefer_model(
        lambda: ask_with_less(
            lambda less: _ask(question, findings, less, calculations, model, on_token), evidence
        ),
        by_demo,
    )


async def _ask(
    question: Question,
    findings: Sequence[Finding],
    evidence: Evidence,
    calculations: Sequence[Calculation],
    model: ChatModel,
    on_token: TokenSink | None,
) -> Draft:
    nonce = fresh_nonce()
    messages = REPORT_PROMPT.format_messages(
        nonce=nonce,
        sources=fence_sources([(number, hit.chunk) for number, hit in enumerate(evidence, start=1)], nonce),
        question=disarm_markers(question.standalone),
        sub_questions=_listed([part.question for part in _planned(findings)]),
        calculated=f"\n\nCalculated:\n{_listed(calculations)}" if calculations else "",
    )
    text, quotes = await complete(model, messages, evidence, on_token)
    refused = is_refusal(text)
    return Draft(
        text=text,
        quotes=() if refused else quotes,
        calculated=frozenset(
            number for done in calculations for stated in roundings(done.value) for number in numbers(stated)
        ),
        evidence=tuple(evidence),
        refused=refused,
        mode="llm",
        model=model.name,
    )


def _listed(lines: Sequence[object]) -> str:
    return disarm_markers("\n".join(f"- {line}" for line in lines))


def merge_evidence(findings: Sequence[Finding]) -> tuple[Hit, ...]:
    """All evidence, each chunk once: the best of every sub-question, then the second best, and so on.

    What was followed on the way comes last, and keeps its places where there is too much.
    """
    planned = _in_turn([finding for finding in findings if not finding.is_follow_up])
    followed = _in_turn([finding for finding in findings if finding.is_follow_up])
    new = [hit for chunk_id, hit in followed.items() if chunk_id not in planned][:_MAX_FOLLOWED]
    return (*list(planned.values())[: MAX_SOURCES - len(new)], *new)


def _in_turn(findings: Sequence[Finding]) -> dict[str, Hit]:
    merged: dict[str, Hit] = {}
    for rank in range(max((len(finding.evidence) for finding in findings), default=0)):
        for finding in findings:
            if rank < len(finding.evidence):
                hit = finding.evidence[rank]
                merged.setdefault(hit.chunk.chunk_id, hit)
    return merged


def _extract(question: str, findings: Sequence[Finding], reader: Reader, failure: ModelError | None) -> Draft:
    evidence = merge_evidence(findings)
    numbering = _Numbering(reader)
    planned = _planned(findings)
    parts = [finding for finding in planned if finding.question != question] or planned
    sections = [(part.question, numbering.cite(part.question, part.evidence)) for part in parts]
    leads = _without_repetitions([cited[0] for _, cited in sections if cited])
    # The whole question is answered by its parts; where they are one or none, by what fits it best.
    answer = leads if len(leads) > 1 else numbering.cite(question, evidence) or leads
    refused = not answer
    return Draft(
        text=refusal_text(evidence) if refused else _compose(answer, sections),
        quotes=() if refused else tuple(numbering.quotes.values()),
        evidence=evidence,
        nearest=nearest(evidence) if refused else (),
        refused=refused,
        mode="demo",
        model=DEMO_MODEL,
        degraded=(failure.code,) if failure else (),
    )


def _planned(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.is_follow_up]


class _Numbering:
    """Extracts sentences and numbers them in order of appearance; a sentence cited twice keeps its number."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.quotes: dict[tuple[str, str], Quote] = {}

    def cite(self, question: str, evidence: Sequence[Hit]) -> list[Quote]:
        """The numbered sentences that answer, best first; none when the evidence does not."""
        reading = self._reader.read(question, read_passages(evidence))
        if not reading.answerable:
            return []
        cited: list[Quote] = []
        for excerpt in reading.excerpts:
            hit = evidence[excerpt.source]
            key = (hit.chunk.chunk_id, excerpt.text)
            shown = show_excerpt(excerpt, hit.chunk.text, question)
            quote = Quote(len(self.quotes) + 1, hit.chunk, hit.score, excerpt.text, shown)
            cited.append(self.quotes.setdefault(key, quote))
        return cited


def _without_repetitions(quotes: Sequence[Quote], said_before: Sequence[Quote] = ()) -> list[Quote]:
    """The quotes that say something which none before them says, be it from another chunk or in other order."""
    said: list[Quote] = []
    for quote in quotes:
        told = set(terms(quote.text))
        if not any(
            len(told & set(terms(other.text))) >= _SAME * len(told) for other in (*said_before, *said)
        ):
            said.append(quote)
    return said


def _compose(answer: Sequence[Quote], sections: Sequence[tuple[str, Sequence[Quote]]]) -> str:
    """The sections say what no section before them has said; one that has nothing of its own says so.

    Where sources give other figures for the same thing, a last section says so.
    """
    parts = ["## Answer", " ".join(map(cite_quote, answer))]
    said: list[Quote] = []
    for question, cited in sections:
        heading = quote_plainly(question)
        news = _without_repetitions(cited, said)
        said += news
        listed = "\n".join(f"- {cite_quote(quote)}" for quote in news)
        nothing = _SAID_ABOVE if cited else f"Nothing in the documents about this: {heading}"
        parts += [f"## {heading[:1].upper()}{heading[1:]}", listed or nothing]
    opposed = [f"- {cite_quote(one)} But: {cite_quote(other)}" for one, other in find_contradictions(said)]
    if opposed:
        parts += ["## Contradictions", "\n".join(opposed)]
    return "\n\n".join(parts)
