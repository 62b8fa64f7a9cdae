"""Path parameters that name something of a tenant: each is checked, or turned into the name that it is stored under.

What belongs to another is not found, as what does not exist.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from app.api.auth import Caller
from app.api.services import UsesServices
from app.schemas import CollectionName


async def own_document(
    document_id: Annotated[str, Path(description="`document_id` of a DocumentInfo")],
    services: UsesServices,
    caller: Caller,
) -> str:
    """Raises UnknownDocument."""
    await services.in_pool(services.knowledge.store.require_document, document_id, caller.tenant)
    return document_id


async def own_job(
    job_id: Annotated[str, Path(description="`job_id` of a JobInfo")], services: UsesServices, caller: Caller
) -> str:
    """Raises UnknownJob."""
    await services.in_pool(services.ingestion.jobs.require, job_id, caller.tenant)
    return job_id


async def own_thread(
    thread_id: Annotated[str, Path(description="`thread_id` of an Answer")], caller: Caller
) -> str:
    """The id under which the thread is stored."""
    return caller.stored(thread_id)


async def own_collection(
    name: Annotated[CollectionName, Path(examples=["contracts"])], caller: Caller
) -> str:
    """The name under which the collection is stored."""
    return caller.stored(name)


DocumentId = Annotated[str, Depends(own_document)]
JobId = Annotated[str, Depends(own_job)]
StoredThreadId = Annotated[str, Depends(own_thread)]
StoredCollection = Annotated[str, Depends(own_collection)]
