"""API keys: give them out, look through them, revoke them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from app.api.auth import Caller, may_administer
from app.api.bodies import JsonRoute
from app.api.openapi import problem_responses
from app.api.services import UsesServices
from app.errors import Forbidden, UnknownKey
from app.principal import Principal
from app.schemas import CreatedKey, KeyInfo, KeyList, NewKey
from app.telemetry.audit import audit

router = APIRouter(
    prefix="/keys", tags=["Keys"], route_class=JsonRoute, dependencies=[Depends(may_administer)]
)


@router.post("", status_code=201, summary="Create an API key", responses=problem_responses(Forbidden))
async def create_key(body: NewKey, services: UsesServices, caller: Caller) -> CreatedKey:
    """Give out a key. The answer is the only place where it ever stands.

    Keys of other tenants are given out by who administers the service: `admin` of the tenant `default`.
    """
    tenant = body.tenant or caller.tenant
    if tenant != caller.tenant and not caller.is_operator:
        raise Forbidden(f"{caller.name!r} may give out keys of the tenant {caller.tenant!r} only")
    created = await services.in_pool(
        services.keys.create, name=body.name, tenant=tenant, scopes=body.scopes, expires_at=body.expires_at
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


def _reach(caller: Principal) -> str | None:
    """The tenant whose keys he may see; None for all."""
    return None if caller.is_operator else caller.tenant
