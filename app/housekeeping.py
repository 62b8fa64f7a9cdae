"""What a server does from time to time, without being asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from logging import getLogger
from typing import Any, Final

from app.errors import StorageUnavailable
from app.knowledge.retention import Retention
from app.telemetry import context
from app.telemetry.audit import audit

log = getLogger("llmops.api")

_EVERY_S = 600.0
_ACTOR: Final = "retention"


class Housekeeping:
    """Deletes what collections keep no longer, and pictures of what is gone; whatever happens, it tries again."""

    def __init__(
        self,
        retention: Retention,
        sweep_images: Callable[[], None],
        in_pool: Callable[..., Coroutine[Any, Any, Any]],
    ) -> None:
        self._retention = retention
        self._sweep_images = sweep_images
        self._in_pool = in_pool
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now and every ten minutes, until `aclose`."""
        self._task = asyncio.create_task(self._go_round())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _go_round(self) -> None:
        context.actor.set(_ACTOR)
        while True:
            try:
                await self._in_pool(self._retention.sweep, _note_expired)
                await self._in_pool(self._sweep_images)
            except StorageUnavailable as error:
                log.warning("storage_unavailable", extra={"reason": error.detail})
            except Exception:  # the last resort: nobody would notice that documents are kept for too long
                log.exception("housekeeping_failed")
            await asyncio.sleep(_EVERY_S)


def _note_expired(document_id: str) -> None:
    log.info("document_expired", extra={"document_id": document_id})
    audit("expire", "document", document_id)
