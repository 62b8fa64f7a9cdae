"""Summarises whole documents: reads every chunk, merges notes until they fit, cites each statement."""

from __future__ import annotations

from collections.abc import Sequence

from app.chains.evidence import DEMO_MODEL
from app.chains.extract_summary import extract_summary
from app.chains.fallback import prefer_model
from app.chains.markers import quote_plainly
from app.chains.model_summary import ModelSummary, NoteStore, Progress, fill, measure_coverage
from app.chains.records import Draft, Question, TokenSink
from app.chains.streaming import stream_words
from app.errors import ModelError
from app.knowledge.records import Chunk
from app.models.chat import ChatModel
from app.models.reader import Reader
from app.schemas import Mode

NOTHING_TO_SUMMARIZE = "The documents hold no text to summarise."
WHICH_DOCUMENT = "Which document should be summarised? There are {count}. Name one, or ask for all documents."

_NAMES_SHOWN = 8
_CHARS_PER_TOKEN = 4


async def summarize(
    question: Question,
    chunks: Sequence[Chunk],
    *,
    model: ChatModel | None,
    reader: Reader,
    notes: NoteStore | None = None,
    on_progress: Progress | None = None,
    on_token: TokenSink | None = None,
) -> Draft:
    """Summarise `chunks`, given in reading order, with respect to the question.

    `notes` remembers what the model noted on parts of long documents, so that it need not be asked again.

    `on_progress(done, total)` counts chunks; it and `on_token` are called in the event loop's thread. A model
    that fails at any point gives way to the extracted summary of the whole.
    """
    report_progress = on_progress or _ignore_progress

    async def by_demo(failure: ModelError | None = None) -> Draft:
        if failure is not None and on_token is not None:
            on_token.reset(failure.code)
        text, quotes = await extract_summary(question.standalone, chunks, reader, report_progress)
        stream_words(text or NOTHING_TO_SUMMARIZE, on_token)
        return Draft(
            text=text or NOTHING_TO_SUMMARIZE,
            quotes=quotes,
            refused=not quotes,
            mode="demo",
            model=DEMO_MODEL,
            degraded=(failure.code,) if failure else (),
            coverage=measure_coverage(chunks),
        )

    if model is None or not chunks:
        return await by_demo()
    return await prefer_model(
        lambda: ModelSummary(question, chunks, model, notes, report_progress).write(on_token), by_demo
    )


def estimate(chunks: Sequence[Chunk]) -> tuple[int, int]:
    """Roughly how many tokens a model reads to summarise the chunks, and how often it is called."""
    parts = sum(1 for _ in fill(chunks, lambda chunk: len(chunk.text)))
    return sum(len(chunk.text) for chunk in chunks) // _CHARS_PER_TOKEN, parts + (parts > 1)


def ask_which(names: Sequence[str], *, model: ChatModel | None, on_token: TokenSink | None = None) -> Draft:
    """Refuse to summarise everything there is: tell some of the documents' names, and that one has to be named."""
    shown = "\n".join(f"- {quote_plainly(name)}" for name in names[:_NAMES_SHOWN])
    more = f"\n- and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    text = f"{WHICH_DOCUMENT.format(count=len(names))}\n\n{shown}{more}"
    stream_words(text, on_token)
    mode: Mode = "demo" if model is None else "llm"
    return Draft(text, (), refused=True, mode=mode, model=model.name if model else DEMO_MODEL)


def _ignore_progress(_done: int, _total: int) -> None:
    """Progress nobody asked for."""
