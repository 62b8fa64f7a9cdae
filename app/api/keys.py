"""API keys: give them out, look through them, revoke them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from app.api.auth import Caller, may_administer
from app.api.bodies import JsonRoute
from app.api.openapi import problem_responses
from app.api.services import UsesServices
from app.errors import Forbidden, UnknownKey
from app.principal import Principal, Scope
from app.schemas import CreatedKey, KeyInfo, KeyList, NewKey
from app.telemetry.audit import audit

router = APIRouter(
    prefix="/keys", tags=["Keys"], route_class=JsonRoute, dependencies=[Depends(may_administer)]
)


@router.post("", status_code=201, summary="Create an API key", responses=problem_responses(Forbidden))
async def create_key(body: NewKey, services: UsesServices, caller: Caller) -> CreatedKey:
    """Give out a key. The answer is the only place where it ever stands.

    A key can give out none that may do more than itself: of another tenant, with a scope that it has not, or with a
    later end; where no end is named, it is that of the caller's key. Who administers the service, `admin` of the tenant
    `default`, may give out any.
    """
    tenant = body.tenant or caller.tenant
    expires_at = body.expires_at
    if not caller.is_operator:
        _require_own(caller, tenant, body.scopes)
        expires_at = _within(caller.expires_at, expires_at)
    created = await services.in_pool(
        services.keys.create, name=body.name, tenant=tenant, scopes=body.scopes, expires_at=expires_at
    )
    audit("create", "key", created.key_id, of=tenant, scopes=list(created.scopes))
    return created


@router.get("", summary="List API keys, newest first")
async def list_keys(services: UsesServices, caller: Caller) -> KeyList:
    """The keys of the caller's tenant, or of all for who administers the service; none with its secret."""
    return KeyList(keys=await services.in_pool(services.keys.all, _reach(caller)))


@router.delete("/{key_id}", summary="Revoke an API key", responses=problem_responses(UnknownKey))
async def revoke_key(
    key_id: Annotated[str, Path(description="`key_id` of a KeyInfo")], services: UsesServices, caller: Caller
) -> KeyInfo:
    """Refuse a key from the next request on. It stays in the list."""
    revoked = await services.in_pool(services.keys.revoke, key_id, _reach(caller))
    audit("revoke", "key", key_id, of=revoked.tenant)
    return revoked


def _require_own(caller: Principal, tenant: str, scopes: Sequence[Scope]) -> None:
    """Raises Forbidden."""
    if tenant != caller.tenant:
        raise Forbidden(f"{caller.name!r} may give out keys of the tenant {caller.tenant!r} only")
    if beyond := sorted(set(scopes) - caller.scopes):
        raise Forbidden(f"{caller.name!r} has not the scope {beyond[0]!r}, and so may not give it out")


def _within(own: datetime | None, asked: datetime | None) -> datetime | None:
    """When a key ends that is given out by one with this end. Raises Forbidden."""
    if own is None or asked is None:
        return own or asked
    if asked > own:
        raise Forbidden(f"A key may not end later than the one that gives it out: {own:%Y-%m-%dT%H:%M:%SZ}")
    return asked


def _reach(caller: Principal) -> str | None:
    """The tenant whose keys he may see; None for all."""
    return None if caller.is_operator else caller.tenant
