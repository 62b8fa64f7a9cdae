"""Bearer tokens of an identity provider (OpenID Connect): who signs in there comes in here."""

from __future__ import annotations

import asyncio
import re
from logging import getLogger
from time import monotonic
from typing import Any, Final

import httpx
import jwt

from app.errors import IdentityProviderUnreachable, Unauthenticated
from app.principal import SCOPES, Principal, Scope
from app.settings import Settings
from app.tenancy import TENANT_NAME

log = getLogger("llmops.api")

_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Those with a public key. With any other, who can check a token could make one."""
_REQUIRED: Final = ("exp", "iss", "aud", "sub")
_LEEWAY_S: Final = 30
_ASKED_AGAIN_AFTER_S: Final = 60.0
_TIMEOUT_S: Final = 10.0
_NOT_AS_EXPECTED: Final = (ValueError, LookupError, TypeError, AttributeError)
_OLD_AFTER_S: Final = 3_600.0
"""A key that the provider has withdrawn must not open anything for ever."""
_SCOPE_PREFIX: Final = "llmops:"


class TokenVerifier:
    """Asks the provider for its keys with the first token, when a token names one that is not among them, and hourly.

    A token says its tenant in the claim `LLMOPS_OIDC_TENANT_CLAIM`, and what its bearer may do in `scope` (or `scp`),
    as `llmops:read llmops:write`.
    """

    def __init__(self, issuer: str, audience: str, tenant_claim: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._tenant_claim = tenant_claim
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at: float | None = None
        self._fetched_at: float | None = None
        self._asking: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._http.aclose()

    async def verify(self, token: str) -> Principal:
        """Raises:

        Unauthenticated: the token is none, has ended, is for others, or does not say what is needed.
        IdentityProviderUnreachable: the provider cannot be asked for its keys.
        """
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            claims = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"The token is not accepted: {error}") from None
        return self._principal(claims)

    def _principal(self, claims: dict[str, Any]) -> Principal:
        tenant = claims.get(self._tenant_claim)
        if not isinstance(tenant, str) or not re.fullmatch(TENANT_NAME, tenant):
            raise Unauthenticated(f"The token does not say a tenant in {self._tenant_claim!r}")
        subject = str(claims["sub"])
        return Principal(tenant, subject, _scopes(claims), subject=subject)

    async def _key(self, key_id: str) -> jwt.PyJWK:
        """Only who names an unknown key waits for the provider: anybody can, and it may be slow to answer."""
        if self._asking is None and (self._are_old() or key_id not in self._keys) and self._may_ask():
            self._asking = asyncio.create_task(self._renew())
            self._asking.add_done_callback(_note)
        if key_id not in self._keys and self._asking is not None:
            await asyncio.shield(self._asking)
        if key_id not in self._keys:
            raise Unauthenticated("The token is signed by a key that the identity provider does not have")
        return self._keys[key_id]

    def _may_ask(self) -> bool:
        """Anybody can name keys that do not exist; the provider must not suffer for it."""
        return self._asked_at is None or monotonic() - self._asked_at >= _ASKED_AGAIN_AFTER_S

    def _are_old(self) -> bool:
        return self._fetched_at is not None and monotonic() - self._fetched_at >= _OLD_AFTER_S

    async def _renew(self) -> None:
        """Who comes while the keys are being fetched waits for the same answer, be it a failure."""
        self._asked_at = monotonic()
        try:
            self._keys = await self._fetch()
            self._fetched_at = monotonic()
        except IdentityProviderUnreachable:
            if not self._keys:
                self._asked_at = None  # nobody can come in before it answers
            raise
        finally:
            self._asking = None

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        try:
            about = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            found = jwt.PyJWKSet.from_dict(await self._get(str(about["jwks_uri"])))
        except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, *_NOT_AS_EXPECTED) as error:
            raise IdentityProviderUnreachable(f"The identity provider gives no keys: {error}") from error
        return {key.key_id or "": key for key in found.keys if key.algorithm_name in _ALGORITHMS}

    async def _get(self, url: str) -> dict[str, Any]:
        response = await self._http.get(url)
        response.raise_for_status()
        document: dict[str, Any] = response.json()
        return document


def open_verifier(settings: Settings) -> TokenVerifier | None:
    """None where no identity provider is configured; a token is then no way to come in."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    return TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.oidc_tenant_claim)


def _note(asking: asyncio.Task[None]) -> None:
    """Say that the provider gave no keys: where there are some already, nobody may have waited for it."""
    if not asking.cancelled() and (failure := asking.exception()) is not None:
        log.warning("identity_provider_unreachable", extra={"reason": str(failure)})


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    said = claims.get("scope", claims.get("scp"))
    names = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(scope for scope in SCOPES if f"{_SCOPE_PREFIX}{scope}" in names)
