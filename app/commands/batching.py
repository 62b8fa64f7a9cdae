"""`llmops batch`: a file of questions in, a file of answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import typer

from app.api.batch_input import CSV, JSON_LINES, read_batch
from app.api.batch_output import as_csv, as_json_lines
from app.api.services import Services
from app.commands.output import fail, show_json
from app.commands.progress import progress_bar
from app.errors import InvalidRequest
from app.schemas import BatchResult, JobInfo
from app.settings import load_settings
from app.tenancy import DEFAULT_TENANT
from server import open_services

_POLL_S = 0.2
_FORMATS = {".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}


def batch(file: Path, out: Path | None, *, as_json: bool) -> None:
    """Answer every question; one that fails keeps no other out, but makes the command fail in the end."""
    media_type = _media_type(file)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{str(file)!r} cannot be read: {error.strerror}") from None
    job, results = asyncio.run(_run(body, media_type, quiet=as_json))
    if out is not None:
        _write(out, as_csv(results) if _media_type(out) == CSV else as_json_lines(results))
    elif not as_json:
        typer.echo("".join(as_json_lines(results)), nl=False)
    if as_json:
        show_json(job)
    failed = sum(result.state == "failed" for result in results)
    if failed:
        fail(f"{failed} of {len(results)} questions could not be answered")


async def _run(body: bytes, media_type: str, *, quiet: bool) -> tuple[JobInfo, list[BatchResult]]:
    settings = load_settings()
    async with open_services(settings) as services:
        items = read_batch(
            body,
            media_type,
            services.runner,
            tenant=DEFAULT_TENANT,
            max_questions=settings.max_batch_questions,
        )
        job_id = services.batches.open(items, tenant=DEFAULT_TENANT)
        services.batch_worker.start()
        return await _finished(services, job_id, quiet=quiet), list(services.batches.results(job_id))


async def _finished(services: Services, job_id: str, *, quiet: bool) -> JobInfo:
    job = services.ingestion.jobs.get(job_id)
    with progress_bar(quiet=quiet) as progress:
        task = progress.add_task("questions", total=job.progress.total, stage="")
        while job.state in ("queued", "running"):
            await asyncio.sleep(_POLL_S)
            job = services.ingestion.jobs.get(job_id)
            progress.update(task, completed=job.progress.done, stage=job.progress.stage)
    return job


def _media_type(path: Path) -> str:
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise InvalidRequest(f"{path.name!r} must end in one of {', '.join(_FORMATS)}")
    return found


def _write(out: Path, lines: Iterator[str]) -> None:
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise InvalidRequest(f"{str(out)!r} cannot be written: {error.strerror}") from None
