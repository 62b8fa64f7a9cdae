"""Declares the commands that serve: the API, what works beside it, the documents to MCP clients, the user interface."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.options import Host, Port, Server

servers = typer.Typer()


@servers.command()
def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """Serve the API."""
    from app.commands.serving import serve as run

    run(host, port, workers)


@servers.command()
def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve metrics for Prometheus at this port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve metrics on.")] = "127.0.0.1",
) -> None:
    """Read documents and answer questions of batches; any number of workers share a knowledge base."""
    from app.commands.working import work as run

    run(metrics_host, metrics_port)


@servers.command()
def mcp(
    server: Server = None,
) -> None:
    """Serve the documents to an MCP client that starts this command, over standard input and output."""
    from app.commands.mcp_stdio import serve as run

    run(server)


@servers.command()
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8501,
    api: Annotated[
        str, typer.Option(envvar="LLMOPS_API_URL", help="Address of the API.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Serve the user interface for browsers."""
    from app.commands.browsing import run_ui

    run_ui(host, port, api)
