"""Collections: named sets of documents that are searched together, each with settings of its own."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from app.api.auth import Caller, may_read, may_write
from app.api.bodies import JsonRoute
from app.api.openapi import problem_responses
from app.api.ownership import StoredCollection
from app.api.services import UsesServices
from app.errors import CollectionExists, InvalidRequest, UnknownCollection
from app.schemas import (
    CollectionChange,
    CollectionInfo,
    CollectionList,
    CollectionSettings,
    NewCollection,
)
from app.settings import Settings
from app.telemetry.audit import audit

router = APIRouter(prefix="/collections", tags=["Collections"], route_class=JsonRoute)

_READ, _WRITE = [Depends(may_read)], [Depends(may_write)]


@router.get("", summary="List collections", dependencies=_READ)
async def list_collections(services: UsesServices, caller: Caller) -> CollectionList:
    """All collections by name, with what they hold; `default` always exists."""
    found = await services.in_pool(services.knowledge.store.catalogue.all, caller.tenant)
    return CollectionList(collections=found)


@router.post(
    "",
    summary="Create a collection",
    status_code=201,
    responses=problem_responses(CollectionExists, InvalidRequest),
    dependencies=_WRITE,
)
async def create_collection(body: NewCollection, services: UsesServices, caller: Caller) -> CollectionInfo:
    """An empty collection. Uploading into a name that does not exist creates it as well, without settings."""
    check_fit(body.settings, services.settings)
    catalogue = services.knowledge.store.catalogue
    created = await services.in_pool(catalogue.create, caller.stored(body.name), body.settings)
    audit("create", "collection", created.name)
    return created


@router.get(
    "/{name}",
    summary="Get one collection",
    responses=problem_responses(UnknownCollection, InvalidRequest),
    dependencies=_READ,
)
async def get_collection(name: StoredCollection, services: UsesServices) -> CollectionInfo:
    """What a collection holds, and the settings that it has of its own."""
    return await services.in_pool(services.knowledge.store.catalogue.get, name)


@router.patch(
    "/{name}",
    summary="Change the settings of a collection",
    responses=problem_responses(UnknownCollection, InvalidRequest),
    dependencies=_WRITE,
)
async def change_collection(
    name: StoredCollection, body: CollectionChange, services: UsesServices
) -> CollectionInfo:
    """Fields that are left out stay, null follows the configuration again.

    Another chunking applies to documents that are indexed from now on; those that are there keep their chunks.
    """
    catalogue = services.knowledge.store.catalogue
    before = await services.in_pool(catalogue.get, name)
    changed = {field: getattr(body.settings, field) for field in body.settings.model_fields_set}
    check_fit(before.settings.model_copy(update=changed), services.settings)
    after = await services.in_pool(catalogue.change, name, body.settings)
    audit("change", "collection", name, settings=sorted(changed))
    return after.model_copy(update={"warnings": _warnings(before, after)})


@router.delete(
    "/{name}",
    summary="Delete a collection with its documents",
    status_code=204,
    responses=problem_responses(UnknownCollection, InvalidRequest),
    dependencies=_WRITE,
)
async def delete_collection(name: StoredCollection, services: UsesServices) -> Response:
    """Forget the collection, its settings, and all its documents with their files. `default` stays, empty."""
    await services.in_pool(services.knowledge.store.catalogue.delete, name)
    audit("delete", "collection", name)
    return Response(status_code=204)


def check_fit(own: CollectionSettings, defaults: Settings) -> None:
    """Raises InvalidRequest: neighbours would share whole chunks."""
    tokens = own.chunk_tokens if own.chunk_tokens is not None else defaults.chunk_tokens
    overlap = own.chunk_overlap_tokens
    shared = overlap if overlap is not None else defaults.chunk_overlap_tokens
    if shared >= tokens:
        raise InvalidRequest(
            f"settings: chunk_overlap_tokens={shared} must be smaller than chunk_tokens={tokens}"
        )


def _warnings(before: CollectionInfo, after: CollectionInfo) -> list[str]:
    def chunking(info: CollectionInfo) -> tuple[int | None, int | None]:
        return info.settings.chunk_tokens, info.settings.chunk_overlap_tokens

    if chunking(before) == chunking(after) or not after.documents:
        return []
    kept = f"{after.documents} documents keep the chunks that they have"
    return [f"chunk_tokens and chunk_overlap_tokens apply to documents that are indexed from now on; {kept}"]
