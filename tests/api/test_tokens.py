"""Tokens of an identity provider, which is a small server with real keys."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from tests.live import make_settings, running
from tests.ui.fake_server import serving

AUDIENCE = "llmops"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Provider:
    url: str = ""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"k1": new_key()})
    asked: int = 0
    answers_after_s: float = 0.0
    is_down: bool = False

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration", response_model=None)
        def about() -> dict[str, str] | JSONResponse:
            self.asked += 1
            time.sleep(self.answers_after_s)
            return (
                JSONResponse({}, 503)
                if self.is_down
                else {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            )

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            algorithm = jwt.algorithms.RSAAlgorithm
            return {
                "keys": [
                    {
                        **json.loads(algorithm.to_jwk(key.public_key())),
                        "kid": kid,
                        "use": "sig",
                        "alg": "RS256",
                    }
                    for kid, key in self.keys.items()
                ]
            }

        return app

    def token(self, *, kid: str = "k1", key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ann",
            "exp": time.time() + 300,
            "tenant": "north",
            "scope": "openid llmops:read",
        } | changes
        given = {name: value for name, value in claims.items() if value is not None}
        signing = None if algorithm == "none" else key or self.keys[kid]
        return jwt.encode(given, signing, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    with serving(provider.app()) as url:
        provider.url = url
        yield provider


@pytest.fixture(scope="module")
def service(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = make_settings(
        tmp_path_factory.mktemp("tokens"),
        api_keys_required=True,
        oidc_issuer=provider.url,
        oidc_audience=AUDIENCE,
    )
    with running(settings) as client:
        yield client


def get(service: httpx.Client, token: str, path: str = "/stats") -> httpx.Response:
    return service.get(path, headers={"authorization": f"Bearer {token}"})


def test_a_token_opens_what_it_says(service: httpx.Client, provider: Provider) -> None:
    assert get(service, provider.token()).status_code == 200
    assert get(service, provider.token(), "/keys").status_code == 403
    both = provider.token(scope=None, scp=["llmops:read", "llmops:admin"])
    assert get(service, both, "/keys").json() == {"keys": []}


def test_tokens_of_two_tenants_see_nothing_of_each_other(service: httpx.Client, provider: Provider) -> None:
    writes = provider.token(scope="llmops:write")
    body = {"documents": [{"text": "The heron nests in March."}]}
    service.post("/index", json=body, headers={"authorization": f"Bearer {writes}"}).raise_for_status()
    assert get(service, provider.token(), "/documents").json()["total"] == 1
    assert get(service, provider.token(tenant="south"), "/documents").json()["total"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": None},
        {"aud": "another service"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"sub": None},
        {"nbf": 4_000_000_000},
        {"tenant": None},
        {"tenant": "North/../south"},
        {"tenant": ["north"]},
        {"scope": "llmops:everything"},
        {"scope": "read"},
        {"scope": 5},
        {"scope": {"llmops:read": True}},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_opens_nothing(
    service: httpx.Client, provider: Provider, changes: dict[str, Any]
) -> None:
    assert get(service, provider.token(**changes)).status_code in (401, 403)


def test_a_token_that_somebody_else_signed_opens_nothing(service: httpx.Client, provider: Provider) -> None:
    assert get(service, provider.token(key=new_key())).status_code == 401
    assert get(service, provider.token(key="x" * 64, algorithm="HS256")).status_code == 401
    assert get(service, provider.token(algorithm="none")).status_code == 401
    assert get(service, "no.token.at-all").status_code == 401


def test_keys_that_do_not_exist_do_not_make_us_ask_again_and_again(
    service: httpx.Client, provider: Provider
) -> None:
    get(service, provider.token())
    before = provider.asked
    for number in range(5):
        assert get(service, provider.token(kid=f"x{number}", key=new_key())).status_code == 401
    assert provider.asked <= before + 1


def test_a_token_that_is_nested_too_deeply_is_none(service: httpx.Client) -> None:
    header = base64.urlsafe_b64encode(b"[" * 40_000).decode().rstrip("=")
    assert get(service, f"{header}.e30.e30").status_code == 401


def test_who_names_unknown_keys_keeps_nobody_else_waiting(tmp_path_factory: pytest.TempPathFactory) -> None:
    provider = Provider()
    with serving(provider.app()) as url:
        provider.url = url
        settings = make_settings(
            tmp_path_factory.mktemp("slow"), api_keys_required=True, oidc_issuer=url, oidc_audience=AUDIENCE
        )
        with running(settings) as client, pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as pool:
            assert get(client, provider.token()).status_code == 200
            patch.setattr("app.api.tokens._ASKED_AGAIN_AFTER_S", 0.0)
            provider.answers_after_s = 4.0
            unknown = pool.submit(get, client, provider.token(kid="x", key=new_key()))
            while provider.asked < 2:
                time.sleep(0.01)
            assert get(client, provider.token()).status_code == 200
            assert not unknown.done()
            assert unknown.result().status_code == 401


def test_a_key_that_the_provider_withdraws_opens_nothing_for_long(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.tokens._OLD_AFTER_S", 0.0)
    monkeypatch.setattr("app.api.tokens._ASKED_AGAIN_AFTER_S", 0.0)
    provider = Provider(keys={"k1": new_key(), "k2": new_key()})
    with serving(provider.app()) as url:
        provider.url = url
        settings = make_settings(
            tmp_path_factory.mktemp("old"), api_keys_required=True, oidc_issuer=url, oidc_audience=AUDIENCE
        )
        token = provider.token(kid="k2")
        with running(settings) as client:
            assert get(client, token).status_code == 200
            del provider.keys["k2"]
            deadline = time.monotonic() + 20
            while get(client, token).status_code != 401:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            provider.is_down = True
            assert get(client, provider.token()).status_code == 200


def test_a_provider_that_is_down_is_said_and_asked_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    provider = Provider(is_down=True)
    with serving(provider.app()) as url:
        provider.url = url
        settings = make_settings(
            tmp_path_factory.mktemp("down"), api_keys_required=True, oidc_issuer=url, oidc_audience=AUDIENCE
        )
        with running(settings) as client:
            response = get(client, provider.token())
            assert (response.status_code, response.json()["code"]) == (503, "identity_provider_unreachable")
            provider.is_down = False
            assert get(client, provider.token()).status_code == 200
