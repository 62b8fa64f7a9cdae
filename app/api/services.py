"""The long-lived objects that routes work with; the lifespan puts them on `app.state`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar, cast

from fastapi import Depends, Request

from app.api.recent import Recent
from app.batch_worker import BatchWorker
from app.evaluations import Evaluations
from app.ingestion.assembly import Ingestion
from app.ingestion.page_image import PageImages
from app.knowledge import Knowledge
from app.knowledge.batches import Batches
from app.knowledge.keys import ApiKeys
from app.models.chat import ChatModel
from app.models.embeddings import EmbeddingModel
from app.pools import call_in
from app.runs import Runner
from app.schemas import Health
from app.settings import Settings
from app.threads import Threads

if TYPE_CHECKING:
    from app.api.auth import Authenticator  # which needs this module

P = ParamSpec("P")
T = TypeVar("T")

_HEALTH_S = 1.0
"""Nobody needs a key to ask, and no limit counts it."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that is opened at start and closed at the end.

    Searching, ingesting and drawing have pools of their own, so that a long upload or a reader who turns pages never
    keeps a question waiting.
    """

    settings: Settings
    knowledge: Knowledge
    ingestion: Ingestion
    embedding_model: EmbeddingModel
    chat_model: ChatModel | None
    runner: Runner
    threads: Threads
    batches: Batches
    batch_worker: BatchWorker
    page_images: PageImages
    keys: ApiKeys
    authenticator: Authenticator
    evaluations: Evaluations
    pool: ThreadPoolExecutor
    ingestion_pool: ThreadPoolExecutor
    drawing_pool: ThreadPoolExecutor
    health: Recent[Health] = field(default_factory=lambda: Recent(_HEALTH_S))

    async def in_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await call_in(self.pool, function, *args, **kwargs)

    async def in_ingestion_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await call_in(self.ingestion_pool, function, *args, **kwargs)

    async def in_drawing_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await call_in(self.drawing_pool, function, *args, **kwargs)

    def top_k(self, collection: str) -> int:
        """How many chunks to find where a request does not say. Blocking."""
        return self.knowledge.store.settings_for(collection, self.settings).top_k


def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _get_services(request: Request) -> Services:
    """FastAPI calls a dependency that is no coroutine in another thread, which costs more than a search by words."""
    return services_of(request)


UsesServices = Annotated[Services, Depends(_get_services)]
