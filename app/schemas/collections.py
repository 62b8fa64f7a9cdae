"""Named sets of documents, and what each has of its own."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.schemas.base import CollectionName, Wire


class CollectionSettings(Wire):
    """What a collection has of its own; a field that is null follows the configuration of the service."""

    chunk_tokens: int | None = Field(
        default=None, ge=32, le=254, description="Length of a chunk; for documents indexed from now on"
    )
    chunk_overlap_tokens: int | None = Field(
        default=None, ge=0, le=253, description="Shared by neighbours; for documents indexed from now on"
    )
    top_k: int | None = Field(
        default=None, ge=1, le=50, description="Chunks to find where a request does not say how many"
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Documents are deleted so many days after they came"
    )


class CollectionInfo(Wire):
    name: str
    documents: int
    chunks: int
    bytes: int = Field(description="Size of the originals")
    created_at: datetime | None = Field(description="Null while nothing was ever put into the default one")
    settings: CollectionSettings
    warnings: list[str] = Field(
        default=[], description="What the change that is answered does not do, in words"
    )


class CollectionList(Wire):
    collections: list[CollectionInfo]


class NewCollection(Wire):
    name: CollectionName = Field(examples=["contracts"])
    settings: CollectionSettings = CollectionSettings()


class CollectionChange(Wire):
    settings: CollectionSettings = Field(examples=[{"top_k": 10}, {"chunk_tokens": None}])
