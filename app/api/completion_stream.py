"""A run's events as the chunks of a chat completion that is streamed."""

from __future__ import annotations

import time
from typing import Any, Literal

from app.api.readable_events import footnotes
from app.chains.markers import marker_positions
from app.runs import Event
from app.schemas import Answer
from app.schemas.completions import (
    AnswerFacts,
    ChunkChoice,
    CompletionChunk,
    CompletionUsage,
    Delta,
)

Chunk = dict[str, Any]

_CHECKED = "\n\n*Some sources did not hold what they were cited for; this is the answer without them:*\n\n"


class CompletionChunks:
    """One object for each stream. The markers of the text have the numbers of the footnotes at its end."""

    def __init__(self, run_id: str, model: str, *, with_usage: bool) -> None:
        self._id = completion_id(run_id)
        self._model = model
        self._with_usage = with_usage
        self._created = int(time.time())
        self._text = ""

    def of(self, event: Event) -> list[Chunk]:
        """The chunks for one event of a run; none for what a reader of text does not see."""
        match event["type"]:
            case "run":
                return [self._chunk(Delta(role="assistant", content=""))]
            case "token":
                self._text += event["content"]
                return [self._chunk(Delta(content=event["content"]))]
            case "status" if event.get("reset"):
                self._text = ""
                return [self._chunk(Delta(content=f"\n\n*{event['content']}*\n\n"))]
            case "final":
                return self._last(Answer.model_validate({name: event[name] for name in Answer.model_fields}))
        return []

    def _last(self, answer: Answer) -> list[Chunk]:
        text = "" if self._has_markers_of(answer) else f"{_CHECKED if self._text else ''}{answer.answer}"
        if notes := footnotes(answer):
            text += f"\n\n{notes}"
        chunks = [
            self._chunk(Delta(content=text, citations=answer.citations)),
            self._chunk(Delta(), finish_reason="stop", llmops=facts_of(answer)),
        ]
        if self._with_usage:
            chunks.append(self._chunk(None, usage=usage_of(answer)))
        return chunks

    def _has_markers_of(self, answer: Answer) -> bool:
        """Whether the reader has the answer: where a marker was found to be invented, those behind it have moved up."""
        told, checked = marker_positions(self._text), marker_positions(answer.answer)
        return bool(self._text) and [number for number, _ in told] == [number for number, _ in checked]

    def _chunk(
        self, delta: Delta | None, finish_reason: Literal["stop"] | None = None, **fields: Any
    ) -> Chunk:
        """Clients expect an end that is null while there is none, and nothing else that is null."""
        choices = [] if delta is None else [ChunkChoice(delta=delta, finish_reason=finish_reason)]
        chunk = _without_none(
            CompletionChunk(
                id=self._id, created=self._created, model=self._model, choices=choices, **fields
            ).model_dump(mode="json")
        )
        for choice in chunk["choices"]:
            choice["delta"] = _without_none(choice["delta"])
        return chunk


def _without_none(fields: Chunk) -> Chunk:
    return {name: value for name, value in fields.items() if value is not None}


def completion_id(run_id: str) -> str:
    return f"chatcmpl-{run_id}"


def facts_of(answer: Answer) -> AnswerFacts:
    return AnswerFacts(**{name: getattr(answer, name) for name in AnswerFacts.model_fields})


def usage_of(answer: Answer) -> CompletionUsage:
    read, written = answer.usage.input_tokens, answer.usage.output_tokens
    return CompletionUsage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)
