"""Who may come in, and what for: `Authentication` lets nobody pass whom it does not know, each route's `Guard` nobody
who may not do what the route does. `app.api.audit_routes` makes sure that every route has one.
"""

from __future__ import annotations

import base64
import binascii
from concurrent.futures import Executor, Future
from ipaddress import ip_address
from time import monotonic
from typing import Annotated, Final, cast

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.api.asgi import HttpMiddleware
from app.api.known_callers import KnownCallers
from app.api.refusals import refusal
from app.api.services import Services
from app.api.tokens import TokenVerifier
from app.errors import ConfigurationError, Forbidden, LlmopsError, Unauthenticated
from app.knowledge.keys import PREFIX, ApiKeys
from app.pools import call_in
from app.principal import LOCAL, Principal, Scope
from app.settings import Settings
from app.telemetry import context

OPEN: Final = frozenset(
    (
        "/",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/health",
        "/health/live",
        "/health/ready",
    )
)
"""The routes that are open to all: whether the service is well, and how it is used."""

_FORWARDED: Final = (
    "forwarded",
    "via",
    "x-forwarded-",
    "x-real-ip",
    "x-envoy-",
    "x-client-ip",
    "cf-connecting-ip",
)
"""How the names of headers begin by which proxies say that somebody else has sent the request."""
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_NOTED_EVERY_S: Final = 60.0
_DOTS_OF_TOKEN: Final = 2
_HOW: Final = "send an API key as `Authorization: Bearer llmops_…`"


class Authenticator:
    """Tells who sends a request, by its credentials, or because it comes from this machine where that is enough."""

    def __init__(
        self, settings: Settings, keys: ApiKeys, pool: Executor, tokens: TokenVerifier | None
    ) -> None:
        self._required = settings.api_keys_required
        self._known_callers = KnownCallers(settings.cors_origins, settings.host)
        self._keys = keys
        self._pool = pool
        self._noted: dict[str, float] = {}
        self._noting: Future[None] | None = None
        self._tokens = tokens

    async def identify(self, scope: AsgiScope) -> Principal:
        """Raises:

        Unauthenticated: there are no credentials where some are needed, or they are not accepted.
        ForeignHost, ForeignOrigin: a page of another web site sends the request, by a browser on this machine, or by
            one that adds the password which it keeps for this service.
        """
        headers = Headers(scope=scope)
        scheme, secret = _read(headers.get("authorization", ""))
        if scheme == "basic" and scope["method"] not in _SAFE_METHODS:
            self._known_callers.check_page(headers)
        if secret.startswith(f"{PREFIX}_"):
            return await self._check_key(secret)
        if self._tokens is not None and secret.count(".") == _DOTS_OF_TOKEN:
            return await self._tokens.verify(secret)
        return self._by_place(scope, headers)

    def _by_place(self, scope: AsgiScope, headers: Headers) -> Principal:
        """Who sends neither a key of ours nor a token; many clients must send some word even where none is needed."""
        if self._required is False:
            return LOCAL
        if self._required or not _is_local(scope, headers):
            raise Unauthenticated(f"This needs to know who you are: {_HOW}")
        self._known_callers.check(headers)
        return LOCAL

    async def _check_key(self, secret: str) -> Principal:
        principal = await call_in(self._pool, self._keys.verify, secret)
        if principal is None or principal.key_id is None:
            raise Unauthenticated("This key is not known, has ended or was revoked")
        self._note_use(principal.key_id)
        return principal

    def _note_use(self, key_id: str) -> None:
        """Nobody waits for it: one is written at a time, so that writers who hold the database up take one thread of
        the pool at most, and whoever comes in is still looked up by another.
        """
        is_due = monotonic() - self._noted.get(key_id, -_NOTED_EVERY_S) >= _NOTED_EVERY_S
        if is_due and (self._noting is None or self._noting.done()):
            self._noted[key_id] = monotonic()
            self._noting = self._pool.submit(self._keys.note_use, key_id)


class Authentication(HttpMiddleware):
    """Finds out who sends a request before anything of its body is read; only what is open to all needs nobody."""

    async def serve(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            if scope["path"].removeprefix(scope.get("root_path", "")) not in OPEN:
                authenticator = cast(Services, scope["app"].state.services).authenticator
                caller = await authenticator.identify(scope)
                scope.setdefault("state", {})["principal"] = caller
                context.actor.set(caller.name)
                context.identity.set(caller.identity or "-")
                context.tenant.set(caller.tenant)
        except LlmopsError as error:
            await refusal(scope["path"], error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Guard:
    """A dependency that lets in who has a scope; also what is no route of FastAPI's calls it, with its request."""

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope

    async def __call__(self, request: Request) -> None:
        """Raises Forbidden."""
        require_scope(caller_of(request), self.scope)


def require_scope(caller: Principal, scope: Scope) -> None:
    """Raises Forbidden."""
    if scope not in caller.scopes:
        raise Forbidden(f"{caller.name!r} may not do that: it takes the scope {scope!r}")


may_read, may_write, may_administer = Guard("read"), Guard("write"), Guard("admin")


def caller_of(request: Request) -> Principal:
    """Who sends a request; there is nobody at routes that are open to all."""
    return cast(Principal, request.state.principal)


async def _get_caller(request: Request) -> Principal:
    return caller_of(request)


Caller = Annotated[Principal, Depends(_get_caller)]


def require_way_in(settings: Settings, keys: ApiKeys) -> None:
    """Refuse to start where nobody could come in, or everybody could without having been told to.

    Raises ConfigurationError.
    """
    if settings.api_keys_required is False or settings.oidc_issuer is not None or keys.any_valid():
        return
    if settings.api_keys_required:
        reason = "LLMOPS_API_KEYS_REQUIRED=true, and there is no key"
    elif not is_loopback(settings.host):
        reason = f"LLMOPS_HOST={settings.host!r} can be reached from elsewhere, and there is no key"
    else:
        return
    raise ConfigurationError(
        f"{reason}: create one with `llmops keys create --name NAME --scopes read,write,admin`, "
        "or set LLMOPS_API_KEYS_REQUIRED=false to let everybody in"
    )


def _read(credentials: str) -> tuple[str, str]:
    """The scheme of a header with its key or token, empty where there is none that can be read.

    In a browser's prompt the key is the password, whatever the name.
    """
    scheme, _, value = credentials.strip().partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return scheme, value.strip()
    if scheme != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return scheme, ""
    return scheme, password or name


def _is_local(scope: AsgiScope, headers: Headers) -> bool:
    """Whether both ends of the connection are this machine, and nobody says that he only passes the request on."""
    ends = [end[0] for end in (scope.get("server"), scope.get("client")) if end]
    is_passed_on = any(name.startswith(_FORWARDED) for name in headers)
    return len(ends) == 2 and all(map(is_loopback, ends)) and not is_passed_on


def is_loopback(host: str) -> bool:
    """Whether an address or a name is this machine's own, which nobody reaches from elsewhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
