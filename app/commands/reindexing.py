"""`llmops reindex`: move the knowledge base to the embedding model that is configured now."""

from __future__ import annotations

import typer

from app.commands.output import show_json
from app.commands.progress import progress_bar
from app.ingestion.reembed import reembed
from app.knowledge.store import open_store
from app.models.embeddings import build_embedding_model
from app.models.minilm import WordPieces
from app.settings import load_settings


def reindex(*, as_json: bool) -> None:
    """Embed everything again; until the last moment the knowledge base stays as it is."""
    settings = load_settings()
    model = build_embedding_model(settings)
    with (
        open_store(settings.effective_database_url, settings.data_dir) as store,
        progress_bar(quiet=as_json) as progress,
    ):
        task = progress.add_task(f"embedding with {model.name}", total=None, stage="")
        count = reembed(
            store,
            model,
            WordPieces(),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        show_json({"chunks": count, "embedding_model": model.name})
    else:
        typer.echo(f"embedded {count} chunks with {model.name}")
