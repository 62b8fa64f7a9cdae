"""What operators and adaptive clients ask, and the form of every error."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from app.principal import Scope
from app.schemas.base import Mode, Wire


class Stats(Wire):
    documents: int = Field(description="Those that can be asked about")
    unfinished: int = Field(description="Those that wait or are being indexed")
    failed: int = Field(description="Those that failed or were cancelled")
    chunks: int
    collections: dict[str, int] = Field(description="Documents in each collection")
    bytes: int = Field(description="Size of the originals")
    embedding_model: str
    chat_model: str | None
    demo_mode: bool


class Health(Wire):
    status: Literal["ok", "degraded", "unavailable"] = Field(
        description="`degraded`: requests are answered with less than is configured; `checks` says of what"
    )
    version: str
    mode: Mode
    checks: dict[str, str] = Field(description="ok, or what is wrong, for each dependency")


class Alive(Wire):
    status: Literal["ok"] = "ok"


class AgentInfo(Wire):
    name: str
    description: str


class CallerInfo(Wire):
    tenant: str
    scopes: list[Scope] = Field(
        description="What the caller may do. `read`: look and ask, `write`: documents, `admin`: keys"
    )


class Info(Wire):
    version: str
    agents: list[AgentInfo]
    mode: Mode
    chat_model: str | None
    embedding_model: str
    limits: dict[str, float]
    media_types: list[str]
    extensions: list[str] = Field(
        [], description="Endings of the names of files that are read, with their dots"
    )
    caller: CallerInfo | None = Field(None, description="Who asks, as the service knows them")


class Problem(BaseModel):
    """RFC 9457 `application/problem+json`; `code` is stable and meant for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
