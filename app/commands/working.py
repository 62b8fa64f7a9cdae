"""`llmops worker`: a process that works off the queues and takes no requests."""

from __future__ import annotations

import asyncio
import signal
from logging import getLogger

import typer

from app import __version__
from app.api.observe import open_tracing
from app.commands.serving import check_configuration
from app.errors import ConfigurationError
from app.logs import configure_logging
from app.settings import Settings, load_settings
from app.telemetry.exposition import serve_metrics
from app.telemetry.metrics import configure_metrics
from server import open_services, working

log = getLogger("llmops.embedding")


def work(host: str, metrics_port: int | None) -> None:
    """Read documents and answer questions of batches until a signal ends it; what is unfinished goes back.

    Raises:
        ConfigurationError: a setting is wrong, the port is taken, the knowledge base has another embedding model, or
            the settings leave this process nothing to do.
    """
    settings = load_settings()
    if not settings.ingestion_workers and not settings.batch_concurrency:
        raise ConfigurationError(
            "a worker has nothing to do: LLMOPS_INGESTION_WORKERS and LLMOPS_BATCH_CONCURRENCY are 0"
        )
    check_configuration(settings, takes_requests=False)
    configure_logging(settings.log_dir, settings.log_level, settings.log_format)
    configure_metrics(is_on=settings.metrics, prices=settings.model_prices or {})
    if metrics_port is not None:
        _serve_metrics(host, metrics_port)
    asyncio.run(_work(settings))


def _serve_metrics(host: str, port: int) -> None:
    try:
        serve_metrics(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}); --metrics-port chooses another port"
        ) from None


async def _work(settings: Settings) -> None:
    is_over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, is_over.set)
    async with open_tracing(settings), open_services(settings) as services, working(services):
        log.info("worker_started", extra={"version": __version__})
        typer.echo(
            f"Working on {settings.ingestion_workers} documents and {settings.batch_concurrency} questions at a time",
            err=True,
        )
        await is_over.wait()
    log.info("worker_stopped")
