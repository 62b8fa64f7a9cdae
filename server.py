"""Composition root: settings in, everything opened in the lifespan, routes on top."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from typing import cast

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse

from app import __version__
from app.agents.base import AgentDeps, ResearchBudget
from app.api import (
    ask,
    batches,
    collections,
    completions,
    documents,
    evaluations,
    feedback,
    jobs,
    keys,
    knowledge,
    metrics,
    ops,
    threads,
)
from app.api.audit_routes import audit_routes
from app.api.auth import Authentication, Authenticator, require_way_in
from app.api.bodies import MEBIBYTE, BodyLimit
from app.api.early_guards import EarlyGuards
from app.api.first_key import admit_first_key
from app.api.langserve_routes import add_langserve_routes
from app.api.limits import RequestLimits
from app.api.mcp.door import McpDoor, add_mcp_route
from app.api.observe import FASTAPI_TELEMETRY, Observe, open_tracing, warn_of_langsmith
from app.api.openapi import DocumentedApi
from app.api.problems import LastResort, add_problem_handlers
from app.api.request_log import RequestLog
from app.api.security_headers import SecurityHeaders
from app.api.services import Services
from app.api.slow_bodies import BodyTimeout
from app.api.tokens import open_verifier
from app.batch_worker import LEASE_S, BatchWorker
from app.chains.rerank import build_reranker
from app.evaluations import FOLDER as EVALUATIONS
from app.evaluations import Evaluations
from app.graph import build_graph
from app.housekeeping import Housekeeping
from app.ingestion.assembly import build_ingestion
from app.ingestion.page_image import PageImages
from app.knowledge import open_knowledge
from app.knowledge.following import Following
from app.knowledge.image_cache import ImageCache
from app.knowledge.store import KnowledgeStore
from app.logs import configure_logging
from app.models.chat import build_chat_model
from app.models.embeddings import EmbeddingModel, build_embedding_model
from app.models.minilm import WordPieces
from app.models.reader import Reader
from app.pools import call_in, yield_to_others
from app.quotas import Places, Quota
from app.runs import RunLimits, Runner
from app.settings import EMBEDDED_EMBEDDING_MODEL, EMBEDDED_EMBEDDING_MODELS, Settings, load_settings
from app.telemetry.metrics import configure_metrics
from app.thread_storage import open_threads
from app.threads import Threads

log = getLogger("llmops.api")

_POOL_THREADS = 4
_INGESTION_THREADS = 2
_DRAWING_THREADS = 2
_KEYS_THREADS = 2


@dataclass(frozen=True)
class _Pools:
    """Threads apart, so that what takes long keeps nobody waiting who only wants to come in."""

    general: ThreadPoolExecutor
    ingestion: ThreadPoolExecutor
    keys: ThreadPoolExecutor
    drawing: ThreadPoolExecutor


@contextmanager
def _open_pools() -> Iterator[_Pools]:
    with (
        ThreadPoolExecutor(_POOL_THREADS, "pool") as general,
        ThreadPoolExecutor(_INGESTION_THREADS, "ingestion", yield_to_others) as ingestion,
        ThreadPoolExecutor(_KEYS_THREADS, "keys") as keys,
        ThreadPoolExecutor(_DRAWING_THREADS, "drawing") as drawing,
    ):
        yield _Pools(general, ingestion, keys, drawing)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open everything that lives as long as the process, in the order of its dependencies, and close it again.

    What reads files is opened in other threads: `langgraph dev` forbids it in those of event loops.

    Raises:
        EmbeddingModelMismatch: the knowledge base was built with another embedding model.
    """
    async with AsyncExitStack() as stack:
        embedding_model = stack.enter_context(closing(build_embedding_model(settings)))
        chat_model = build_chat_model(settings, keeps_connections=True)
        if chat_model is not None:
            await stack.enter_async_context(aclosing(chat_model))
        reranker = build_reranker(settings, chat_model)
        opened = await asyncio.to_thread(
            stack.enter_context, open_knowledge(settings, embedding_model, reranker)
        )
        pools = stack.enter_context(_open_pools())
        storage = await stack.enter_async_context(open_threads(settings))
        memory, locks = storage.memory, storage.locks
        ingestion = await asyncio.to_thread(
            lambda: build_ingestion(opened.store, embedding_model, WordPieces(), settings)
        )
        stack.callback(ingestion.worker.stop)
        deps = AgentDeps(
            opened.store,
            opened.retriever,
            build_reader(settings, embedding_model),
            chat_model,
            pools.general,
            ResearchBudget(settings.research_rounds, settings.research_time_s, settings.research_tokens),
        )
        graph = build_graph(deps, memory)
        conversations = await stack.enter_async_context(aclosing(Threads(memory, graph, locks, chat_model)))
        limits = run_limits(settings, opened.store)
        tokens = Quota("tokens of models", settings.rate_limit_tokens, settings.rate_limit_storage)
        stack.push_async_callback(tokens.aclose)
        runner = Runner(graph, build_graph(deps), limits, locks, conversations, tokens)
        waiting = opened.store.batches(lease_s=LEASE_S)
        batch_worker = await stack.enter_async_context(
            aclosing(
                BatchWorker(
                    waiting, runner, partial(call_in, pools.general), concurrency=settings.batch_concurrency
                )
            )
        )
        known_keys, verifier = opened.store.keys(), open_verifier(settings)
        if verifier is not None:
            await stack.enter_async_context(aclosing(verifier))
        yield Services(
            settings=settings,
            knowledge=opened,
            ingestion=ingestion,
            embedding_model=embedding_model,
            chat_model=chat_model,
            runner=runner,
            threads=conversations,
            batches=waiting,
            batch_worker=batch_worker,
            page_images=PageImages(opened.store, ImageCache(settings.data_dir), settings),
            keys=known_keys,
            authenticator=Authenticator(settings, known_keys, pools.keys, verifier),
            evaluations=Evaluations(settings.data_dir / EVALUATIONS),
            pool=pools.general,
            ingestion_pool=pools.ingestion,
            drawing_pool=pools.drawing,
        )


@asynccontextmanager
async def working(services: Services) -> AsyncIterator[None]:
    """Work off the queues, follow what others change and delete what is kept no longer, until the end of the block.

    What is being worked on then goes back when the services are closed.
    """
    store = services.knowledge.store
    housekept = Housekeeping(store.retention(), store.sweep_images, services.in_pool)
    following = Following(services.knowledge.catch_up)
    async with AsyncExitStack() as stack:
        housekeeping = await stack.enter_async_context(aclosing(housekept))
        stack.push_async_callback(asyncio.to_thread, following.close)
        services.ingestion.worker.start(services.settings.ingestion_workers)
        services.batch_worker.start()
        housekeeping.start()
        following.start()
        yield


def build_reader(settings: Settings, embedding_model: EmbeddingModel) -> Reader:
    """The demo engine reads with the embedded model, whatever the knowledge base was built with."""
    if embedding_model.name not in EMBEDDED_EMBEDDING_MODELS:
        embedding_model = build_embedding_model(
            settings.model_copy(update={"embedding_model": EMBEDDED_EMBEDDING_MODEL})
        )
    return Reader(embedding_model.embed)


def run_limits(settings: Settings, store: KnowledgeStore) -> RunLimits:
    return RunLimits(
        max_question_chars=settings.max_question_chars,
        timeout_s=settings.request_timeout_s,
        places=Places(each=settings.tenant_running_questions, together=settings.max_running_questions),
        top_k_for=lambda collection: store.settings_for(collection, settings).top_k,
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application; nothing is opened before its lifespan begins.

    Raises:
        ConfigurationError: a setting has a value that is not accepted.
    """
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(settings.log_dir, settings.log_level, settings.log_format)
        configure_metrics(is_on=settings.metrics, prices=settings.model_prices or {})
        async with (
            open_tracing(settings),
            open_services(settings) as services,
            aclosing(McpDoor(services)) as door,
        ):
            admit_first_key(settings, services.keys)
            require_way_in(settings, services.keys)
            app.state.services, app.state.mcp = services, door
            warn_of_langsmith()
            async with working(services):
                log.info(
                    "started",
                    extra={"mode": "llm" if services.chat_model else "demo", "version": __version__},
                )
                yield
        log.info("stopped")

    app = DocumentedApi(
        title="end-to-end-llmops",
        version=__version__,
        summary="Chat with your own documents: routed agents, checked citations, with or without an API key.",
        lifespan=lifespan,
        telemetry=FASTAPI_TELEMETRY,
    )
    add_problem_handlers(app)
    add_middlewares(app, settings)
    answering = (ask, completions, batches, threads, feedback)
    keeping = (knowledge, documents, collections, jobs, evaluations, keys, ops, metrics)
    for router in (module.router for module in (*answering, *keeping)):
        app.include_router(router)
    add_langserve_routes(app, lambda: cast(Services, app.state.services).runner)
    add_mcp_route(app)

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/docs")

    audit_routes(app)
    return app


def add_middlewares(app: FastAPI, settings: Settings) -> None:
    """The last one is the outermost: it sees a request first, and its answer last."""
    app.add_middleware(EarlyGuards, routes_of=app)
    app.add_middleware(RequestLimits, settings=settings)
    app.add_middleware(Authentication)
    app.add_middleware(LastResort)
    app.add_middleware(BodyTimeout, timeout_s=settings.body_timeout_s)
    app.add_middleware(BodyLimit, max_upload_bytes=settings.max_upload_mb * MEBIBYTE)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[
                "Content-Disposition",
                "RateLimit-Limit",
                "RateLimit-Remaining",
                "RateLimit-Reset",
                "Retry-After",
                "X-Highlight",
            ],
        )
    app.add_middleware(Observe)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
