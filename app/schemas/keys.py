"""API keys, as those see them who give them out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from app.principal import Scope
from app.schemas.base import Wire
from app.tenancy import TENANT_NAME

TenantName = Annotated[str, StringConstraints(pattern=TENANT_NAME)]
KeyName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$", strip_whitespace=True)]


class NewKey(Wire):
    name: KeyName = Field(description="What it is for", examples=["nightly import"])
    tenant: TenantName | None = Field(
        default=None, description="Whose documents it opens; otherwise those of the caller"
    )
    scopes: list[Scope] = Field(
        default=["read"], min_length=1, description="`read`: look and ask, `write`: documents, `admin`: keys"
    )
    expires_at: AwareDatetime | None = Field(default=None, description="From then on it is refused")


class KeyInfo(Wire):
    key_id: str
    name: str
    tenant: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute")


class CreatedKey(KeyInfo):
    key: str = Field(description="Shown this once: only a digest of it is stored")


class KeyList(Wire):
    keys: list[KeyInfo]
