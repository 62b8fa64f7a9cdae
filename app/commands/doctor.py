"""`llmops doctor`: look at everything that an installation needs, and say what to do about what is missing."""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Literal

import httpx
from langchain_core.messages import HumanMessage

from app import __version__
from app.commands.operations_checks import Verdict, check_keys, check_logs, check_metrics, check_traces
from app.commands.output import fail, show_columns, show_json
from app.commands.remote import RemoteServer
from app.errors import LlmopsError
from app.knowledge.store import open_configured_store
from app.knowledge.vector_engines import check_engine
from app.models.chat import build_chat_model
from app.models.embeddings import build_embedding_model
from app.schemas import Stats
from app.settings import Settings, load_settings

_LOW_DISK_BYTES = 1024**3


@dataclass(frozen=True)
class Finding:
    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str


def examine(*, server: str | None, as_json: bool) -> None:
    """Run every check, even after one has failed; the command fails when one did."""
    findings = list(_findings() if server is None else _of_server(RemoteServer(server)))
    if as_json:
        show_json({"findings": [asdict(finding) for finding in findings]})
    else:
        show_columns([(finding.state, finding.check, finding.detail) for finding in findings])
    failed = [finding.check for finding in findings if finding.state == "failed"]
    if failed:
        fail(f"not in order: {', '.join(failed)}")


def _findings() -> Iterator[Finding]:
    yield Finding("python", "ok", platform.python_version())
    settings = load_settings()
    yield Finding("mode", "ok", "demo, without a chat model" if settings.demo_mode else "llm")
    checks: dict[str, Callable[[Settings], Verdict]] = {
        "disk": _disk,
        "knowledge base": _knowledge_base,
        "vector store": _vector_store,
        "embedding model": _embedding_model,
        "chat model": _chat_model,
        "keys": check_keys,
        "logs": check_logs,
        "metrics": check_metrics,
        "traces": check_traces,
        "api": _api,
    }
    for name, check in checks.items():
        try:
            yield Finding(name, *check(settings))
        except LlmopsError as error:
            yield Finding(name, "failed", error.detail)
        except OSError as error:
            yield Finding(name, "failed", f"{error.strerror}: {error.filename!r}")


def _of_server(server: RemoteServer) -> Iterator[Finding]:
    """What a running server says of itself."""
    try:
        health = server.health()
    except LlmopsError as error:
        yield Finding("api", "failed", error.detail)
        return
    same = health.version == __version__
    detail = f"version {health.version}" + ("" if same else f"; this command is of version {__version__}")
    yield Finding("api", "ok" if same else "warning", detail)
    worse: Literal["warning", "failed"] = "warning" if health.status == "degraded" else "failed"
    for name, said in health.checks.items():
        yield Finding(name, "ok" if said == "ok" else worse, said)
    mode = "demo, without a chat model" if health.mode == "demo" else "llm"
    yield Finding("mode", "ok", mode)
    if health.status == "unavailable":
        return
    stats = server.get("/stats", Stats)
    yield Finding("chat model", "ok", stats.chat_model or "none configured; the demo engine answers")
    yield Finding("embedding model", "ok", stats.embedding_model)
    counts = f"{stats.documents} documents, {stats.unfinished} being indexed, {stats.failed} failed"
    see = "; `llmops documents --server` names them" if stats.failed else ""
    yield Finding("documents", "warning" if stats.failed else "ok", f"{counts}{see}")


def _disk(settings: Settings) -> Verdict:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    detail = f"{free / 1024**3:.1f} GB free for {str(settings.data_dir)!r}"
    return ("ok" if free > _LOW_DISK_BYTES else "warning"), detail


def _knowledge_base(settings: Settings) -> Verdict:
    with open_configured_store(settings) as store:
        store.require_embedding_model(settings.effective_embedding_model)
        counts = store.stats()
    return "ok", f"{counts.documents} documents, {counts.chunks} chunks"


def _vector_store(settings: Settings) -> Verdict:
    return "ok", check_engine(settings)


def _embedding_model(settings: Settings) -> Verdict:
    with closing(build_embedding_model(settings)) as model:
        model.embed_query("warm-up")
        started = perf_counter()
        dimension = len(model.embed_query("one short question"))
        took_ms = 1000 * (perf_counter() - started)
    return "ok", f"{model.name}, {dimension} dimensions, {took_ms:.0f} ms a query"


def _chat_model(settings: Settings) -> Verdict:
    model = build_chat_model(settings)
    if model is None:
        return "ok", "none configured; the demo engine answers. OPENAI_API_KEY enables one"
    asyncio.run(model.complete([HumanMessage("Answer with the word ok.")]))
    return "ok", f"{model.name} answers"


def _api(settings: Settings) -> Verdict:
    url = f"http://{settings.host}:{settings.port}"
    try:
        status = httpx.get(f"{url}/health", timeout=5).json()["status"]
    except httpx.ConnectError:
        return "ok", f"no server on {url}; commands need none, `make run` or `llmops serve` starts one"
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "warning", f"{url} is taken by another program; PORT chooses another port"
    return ("ok" if status == "ok" else "warning"), f"running on {url}, {status}"
