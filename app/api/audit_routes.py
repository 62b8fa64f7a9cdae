"""Looks at every route before the server starts: each is guarded or open on purpose, and asks whose things it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from app.api.auth import OPEN, Guard
from app.api.ownership import own_collection, own_document, own_job, own_thread

OWNED: Final[dict[str, Callable[..., Any]]] = {
    "document_id": own_document,
    "job_id": own_job,
    "thread_id": own_thread,
    "name": own_collection,
}
"""Path parameters, and the dependency that keeps other tenants' things out of each."""

_NOBODYS: Final = frozenset(("key_id", "run_id", "number", "model", "evaluation", "file_path", "config_hash"))
"""Keys and runs are looked up within the caller's tenant, numbers count pages of a document; the others name agents,
evaluations of the whole service, and files and configurations of playgrounds, which are everybody's."""


class UnguardedRoute(RuntimeError):
    """A defect of this program: it does not start."""


def audit_routes(app: FastAPI) -> None:
    """Raises UnguardedRoute, naming every route that must not be served as it is."""
    faults = [fault for route in iter_route_contexts(app.routes) for fault in _faults(route)]
    if faults:
        raise UnguardedRoute("; ".join(faults))


def guard_of(route: RouteContext) -> Guard | None:
    """The guard of a route, if it has just one: of two, both would have to be passed."""
    if isinstance(route.original_route, APIRoute):
        guards = [call for call in _calls(route.dependant) if isinstance(call, Guard)]
        return guards[0] if len(guards) == 1 else None
    guard = getattr(route.endpoint, "guard", None)
    return guard if isinstance(guard, Guard) else None


def _faults(route: RouteContext) -> Iterator[str]:
    if route.path in OPEN:
        return
    if guard_of(route) is None:
        yield f"{route.path} has not one guard, and is not on the list of open routes"
    calls = list(_calls(route.dependant)) if isinstance(route.original_route, APIRoute) else []
    for parameter in route.param_convertors:
        owner = OWNED.get(parameter)
        if owner is None and parameter not in _NOBODYS:
            yield f"{route.path}: nobody has said how {parameter!r} is checked"
        if owner is not None and owner not in calls:
            yield f"{route.path}: nobody asks whose {parameter!r} is"


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for dependency in dependant.dependencies:
        if dependency.call is not None:
            yield dependency.call
        yield from _calls(dependency)
