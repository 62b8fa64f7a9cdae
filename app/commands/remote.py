"""A running server as the commands see it that take `--server`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from app.errors import InvalidRequest, LlmopsError, ServerUnreachable
from app.schemas import DocumentInfo, Health, UploadResponse
from app.settings import load_settings

Shape = TypeVar("Shape", bound=BaseModel)

_WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_UNKNOWN_CALLER = httpx.codes.UNAUTHORIZED
_TIMEOUT_S = 300.0
"""A research with a slow model takes minutes, and the server has a limit of its own."""


def read_address(address: str) -> str:
    """Raises InvalidRequest: it is no web address."""
    if not _WEB_ADDRESS.fullmatch(address):
        raise InvalidRequest(f"--server: {address!r} must begin with http:// or https://")
    return address.rstrip("/")


def bearer(key: SecretStr | None) -> dict[str, str]:
    """The header by which a key is sent, where there is one."""
    return {} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"}


class RemoteServer:
    """Raises (every method):

    ServerUnreachable: nobody answers there, or not as one of our servers does.
    LlmopsError: the server refused, with its own words.
    """

    def __init__(self, address: str) -> None:
        self._url = read_address(address)
        self._headers = bearer(load_settings().client_key)

    def get(self, path: str, shape: type[Shape], **query: Any) -> Shape:
        return self._read(self._response("GET", path, params=_given(query)), shape)

    def post(self, path: str, body: Mapping[str, Any], shape: type[Shape]) -> Shape:
        return self._read(self._response("POST", path, json=_given(body)), shape)

    def delete(self, path: str) -> None:
        self._response("DELETE", path)

    def upload(self, file: Path, collection: str | None) -> DocumentInfo:
        """Send a file, and wait until it is indexed or has failed."""
        form = {
            "data": _given({"collection": collection}),
            "files": {"files": (file.name, file.read_bytes())},
        }
        response = self._response("POST", "/upload", params={"wait": "true"}, **form)
        return self._only_document(response)

    def reindex(self, document_id: str) -> DocumentInfo:
        """Have a document read again, and wait until it is indexed or that has failed."""
        path = f"/documents/{quote(document_id, safe='')}/reindex"
        return self._only_document(self._response("POST", path, params={"wait": "true"}))

    def health(self) -> Health:
        """How the server is, in order or not."""
        return self._read(self._send("GET", "/health"), Health)

    def _response(self, method: str, path: str, **content: Any) -> httpx.Response:
        response = self._send(method, path, **content)
        if response.is_error:
            raise self._refusal(response)
        return response

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            with httpx.Client(base_url=self._url, timeout=_TIMEOUT_S, headers=self._headers) as client:
                return client.request(method, path, **content)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last from names of hosts
            raise ServerUnreachable(f"No server answers at {self._url}: {error}") from None

    def _read(self, response: httpx.Response, shape: type[Shape]) -> Shape:
        try:
            return shape.model_validate_json(response.content)
        except ValueError:
            raise self._stranger() from None

    def _only_document(self, response: httpx.Response) -> DocumentInfo:
        documents = self._read(response, UploadResponse).documents
        if len(documents) != 1:
            raise self._stranger()
        return documents[0]

    def _refusal(self, response: httpx.Response) -> LlmopsError:
        try:
            detail = f"{response.json()['detail']}"
        except (ValueError, KeyError, TypeError):
            return self._stranger()
        how = (
            "; commands take theirs from LLMOPS_API_KEY or LLMOPS_API_KEY_FILE"
            if response.status_code == _UNKNOWN_CALLER
            else ""
        )
        return LlmopsError(f"{detail}{how}")

    def _stranger(self) -> ServerUnreachable:
        return ServerUnreachable(f"{self._url} does not answer as this service does")


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
