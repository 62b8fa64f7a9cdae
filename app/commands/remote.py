"""A running server as the commands see it that take `--server`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from app.errors import InvalidRequest, LlmopsError, ServerUnreachable

Shape = TypeVar("Shape", bound=BaseModel)

_WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_TIMEOUT_S = 300.0
"""A research with a slow model takes minutes, and the server has a limit of its own."""


def read_address(address: str) -> str:
    """Raises InvalidRequest: it is no web address."""
    if not _WEB_ADDRESS.fullmatch(address):
        raise InvalidRequest(f"--server: {address!r} must begin with http:// or https://")
    return address.rstrip("/")


class RemoteServer:
    """Raises (every method):

    ServerUnreachable: nobody answers there, or not as one of our servers does.
    LlmopsError: the server refused, with its own words.
    """

    def __init__(self, address: str) -> None:
        self._url = read_address(address)

    def get(self, path: str, shape: type[Shape], **query: Any) -> Shape:
        with self._response("GET", path, params=_given(query)) as response:
            return self._read(response, shape)

    def post(self, path: str, body: Mapping[str, Any], shape: type[Shape]) -> Shape:
        with self._response("POST", path, json=_given(body)) as response:
            return self._read(response, shape)

    def delete(self, path: str) -> None:
        with self._response("DELETE", path):
            pass

    @contextmanager
    def _response(self, method: str, path: str, **content: Any) -> Iterator[httpx.Response]:
        try:
            with httpx.Client(base_url=self._url, timeout=_TIMEOUT_S) as client:
                response = client.request(method, path, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"No server answers at {self._url}: {error}") from None
        if response.is_error:
            raise self._refusal(response)
        yield response

    def _read(self, response: httpx.Response, shape: type[Shape]) -> Shape:
        try:
            return shape.model_validate_json(response.content)
        except ValueError:
            raise self._stranger() from None

    def _refusal(self, response: httpx.Response) -> LlmopsError:
        try:
            return LlmopsError(f"{response.json()['detail']}")
        except (ValueError, KeyError, TypeError):
            return self._stranger()

    def _stranger(self) -> ServerUnreachable:
        return ServerUnreachable(f"{self._url} does not answer as this service does")


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
