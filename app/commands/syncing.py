"""`llmops vectors sync`: have the configured engine hold what the database holds, and verify that it does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from time import perf_counter

import typer

from app.commands.output import fail, show_json
from app.commands.progress import progress_bar
from app.knowledge.store import open_configured_store
from app.knowledge.vector_check import check_vectors
from app.knowledge.vector_engines import open_vectors
from app.models.embeddings import build_embedding_model
from app.settings import load_settings


def sync(*, as_json: bool) -> None:
    """Nothing is embedded. What does not verify is filled anew once; the command fails when that does not help."""
    settings = load_settings()
    started = perf_counter()
    with (
        closing(build_embedding_model(settings)) as model,
        open_configured_store(settings) as store,
        progress_bar(quiet=as_json) as progress,
    ):
        store.require_embedding_model(model.name)
        progress.add_task(f"filling {settings.vector_store}", total=None, stage="")
        with open_vectors(settings, store, model) as vectors:
            vectors.settle()
            check = check_vectors(store, vectors)
            refilled = not check.is_right
            if refilled:
                vectors.refill()
                vectors.settle()
                check = check_vectors(store, vectors)
    seconds = round(perf_counter() - started, 1)
    found = {"vector_store": settings.vector_store, "filled_anew": refilled, "seconds": seconds}
    if as_json:
        show_json(found | asdict(check))
    else:
        how = "was filled anew" if refilled else "is up to date"
        typer.echo(
            f"{settings.vector_store} {how}: {check.indexed} of {check.stored} vectors, "
            f"{check.sampled - check.missed} of {check.sampled} samples found; {seconds} s"
        )
    if not check.is_right:
        fail(f"{settings.vector_store} does not hold what the database holds")
