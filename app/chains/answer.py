"""Answers one question from evidence, a marker behind each statement, or says that the documents do not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.chains.clean_stream import complete
from app.chains.evidence import (
    DEMO_MODEL,
    ask_with_less,
    cite_quote,
    closest_passages,
    is_refusal,
    nearest,
    read_passages,
    refusal_text,
)
from app.chains.fallback import prefer_model
from app.chains.markers import disarm_markers
from app.chains.prompts import ANSWER_PROMPT, fence_sources, fresh_nonce, recent_messages
from app.chains.record_text import show_excerpt
from app.chains.records import Draft, Evidence, Question, Quote, TokenSink
from app.chains.streaming import stream_words
from app.errors import ModelError
from app.models.chat import ChatModel
from app.models.reader import Reader


async def answer(
    question: Question,
    evidence: Evidence,
    *,
    model: ChatModel | None,
    reader: Reader,
    on_token: TokenSink | None = None,
) -> Draft:
    """Let the model answer from the evidence, or extract the answer where there is no model or it fails.

    What is streamed adds up to the draft's text, but for blanks at its ends and links that no source has. A model
    that fails causes one `on_token.reset(code)`; then the extracted answer is streamed from its beginning. Without
    evidence nobody is asked: the answer is a refusal.
    """

    async def by_demo(failure: ModelError | None = None) -> Draft:
        if failure is not None and on_token is not None:
            on_token.reset(failure.code)
        draft = await asyncio.to_thread(_extract, question.standalone, evidence, reader, failure)
        stream_words(draft.text, on_token)
        return draft

    if model is None:
        return await by_demo()
    if not evidence:
        return replace(await by_demo(), mode="llm", model=model.name)
    return await prefer_model(
        lambda: ask_with_less(lambda less: _ask(question, less, model, on_token), evidence), by_demo
    )


async def _ask(question: Question, evidence: Evidence, model: ChatModel, on_token: TokenSink | None) -> Draft:
    nonce = fresh_nonce()
    messages = ANSWER_PROMPT.format_messages(
        nonce=nonce,
        history=recent_messages(question.history),
        sources=fence_sources([(n, hit.chunk) for n, hit in enumerate(evidence, start=1)], nonce),
        question=disarm_markers(question.standalone),
    )
    text, quotes = await complete(model, messages, evidence, on_token)
    refused = is_refusal(text)
    if refused and (passages := closest_passages(evidence)):
        closest = f"\n\n{passages}"
        stream_words(closest, on_token)
        text += closest
    return Draft(
        text=text,
        quotes=() if refused else quotes,
        nearest=nearest(evidence) if refused else (),
        evidence=tuple(evidence),
        refused=refused,
        mode="llm",
        model=model.name,
    )


def _extract(question: str, evidence: Evidence, reader: Reader, failure: ModelError | None) -> Draft:
    reading = reader.read(question, read_passages(evidence))
    quotes = tuple(
        Quote(
            marker,
            evidence[excerpt.source].chunk,
            evidence[excerpt.source].score,
            excerpt.text,
            show_excerpt(excerpt, evidence[excerpt.source].chunk.text, question),
        )
        for marker, excerpt in enumerate(reading.excerpts, start=1)
    )
    refused = not reading.answerable
    text = refusal_text(evidence) if refused else " ".join(cite_quote(quote) for quote in quotes)
    return Draft(
        text=text,
        quotes=() if refused else quotes,
        nearest=nearest(evidence) if refused else (),
        evidence=tuple(evidence),
        refused=refused,
        mode="demo",
        model=DEMO_MODEL,
        degraded=(failure.code,) if failure else (),
    )
