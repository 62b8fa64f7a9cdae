"""`llmops serve`: the process of the API."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Final

import typer
import uvicorn

from app.api.auth import require_way_in
from app.api.first_key import admit_first_key
from app.api.observe import require_tracing
from app.commands.auditing import note
from app.commands.leaving import LeavingServer
from app.errors import ConfigurationError
from app.knowledge.keys import ApiKeys
from app.knowledge.store import open_configured_store
from app.models.chat import build_chat_model
from app.models.embeddings import build_embedding_model
from app.principal import SCOPES
from app.quotas import Quota
from app.settings import Settings, environment_name, load_settings
from app.telemetry.exposition import shared_metrics
from app.tenancy import DEFAULT_TENANT
from app.thread_storage import open_threads
from server import create_app

_KEEP_ALIVE_S: Final = 75
"""Longer than proxies keep a connection, 60 s: whoever closes it must not be the one who may just be asked."""


def serve(host: str | None, port: int | None, workers: int) -> None:
    """Serve the API until a signal ends it; what is misconfigured is said before anything starts.

    Raises:
        ConfigurationError: a setting is wrong, the port is taken, or the knowledge base has another embedding model.
    """
    settings = load_settings(**({} if host is None else {"host": host}))
    host, port = settings.host, settings.port if port is None else port
    check_configuration(settings, takes_requests=True)
    listener = _listen(host, port)
    typer.echo(f"API on http://{host}:{listener.getsockname()[1]}", err=True)
    if workers == 1:
        config = uvicorn.Config(
            create_app(settings),
            log_config=None,
            access_log=False,
            lifespan="on",  # what cannot be opened ends the start
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.shutdown_timeout_s,
        )
        server = LeavingServer(config)
        with suppress(KeyboardInterrupt):  # uvicorn has stopped in order and raises the signal once more
            server.run(sockets=[listener])
        if not server.started:
            raise ConfigurationError("the API could not be started")
    else:
        listener.close()
        os.environ[environment_name("host")] = host  # by which each process asks whether it needs keys
        with shared_metrics():
            uvicorn.run(
                "server:create_app",
                factory=True,
                host=host,
                port=port,
                workers=workers,
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=settings.shutdown_timeout_s,
            )


def check_configuration(settings: Settings, *, takes_requests: bool) -> None:
    """Refuse in one line what would otherwise be a traceback out of a process' start."""
    build_chat_model(settings)
    build_embedding_model(settings)
    require_tracing(settings)
    Quota("requests", None, settings.rate_limit_storage)
    with open_configured_store(settings) as store:
        store.require_embedding_model(settings.effective_embedding_model)
        if takes_requests:
            _open_way_in(settings, store.keys())
    asyncio.run(_check_threads(settings))


def _open_way_in(settings: Settings, keys: ApiKeys) -> None:
    admitted = admit_first_key(settings, keys)
    if admitted is not None:
        note("create", "key", admitted, of=DEFAULT_TENANT, scopes=list(SCOPES))
        typer.echo(f"the key in {settings.first_key_file} opens everything", err=True)
    require_way_in(settings, keys)


async def _check_threads(settings: Settings) -> None:
    async with open_threads(settings):
        pass


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}); --port chooses another port"
        ) from None
    return listener
