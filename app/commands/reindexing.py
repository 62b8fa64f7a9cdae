"""`llmops reindex`: move the knowledge base to the embedding model that is configured now."""

from __future__ import annotations

from contextlib import closing

import typer

from app.commands.auditing import note
from app.commands.output import show_json
from app.commands.progress import progress_bar
from app.ingestion.reembed import reembed
from app.knowledge.store import open_configured_store
from app.models.embeddings import build_embedding_model
from app.models.minilm import WordPieces
from app.settings import load_settings

_INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C has ended


def reindex(*, as_json: bool) -> None:
    """Embed everything again; until the last moment the old vectors serve, and an interruption loses nothing."""
    settings = load_settings()
    with (
        closing(build_embedding_model(settings)) as model,
        open_configured_store(settings) as store,
        progress_bar(quiet=as_json) as progress,
    ):
        task = progress.add_task(f"embedding with {model.name}", total=None, stage="")
        try:
            embedded = reembed(
                store,
                model,
                WordPieces(),
                lambda done, total: progress.update(task, completed=done, total=total, stage=""),
                lambda pause_s: progress.update(task, stage=f"rate limit, waiting {pause_s:.0f} s"),
            )
        except KeyboardInterrupt:
            typer.echo(
                "stopped; the same command goes on where it was, the old vectors serve until then", err=True
            )
            raise typer.Exit(_INTERRUPTED) from None
        chunks = store.stats().chunks
    note("reindex", "knowledge_base", None, embedding_model=model.name)
    if as_json:
        show_json({"chunks": chunks, "embedded": embedded, "embedding_model": model.name})
    else:
        typer.echo(f"all {chunks} chunks have vectors of {model.name}; {embedded} were embedded by this call")
