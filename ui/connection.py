"""One connection to the service; failures leave it as one of two exceptions, in words that a user can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.schemas import Problem

_WireT = TypeVar("_WireT", bound=BaseModel)

CONNECT_S = 5.0
_READ_S = 20.0


class ServerUnavailable(Exception):
    """The service could not be reached, or what came back was not from it. Trying again later may help."""


class ServerRefused(Exception):
    """The service understood the request and declined it; `str()` says why, `code` is stable."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.code = problem.code
        self.status = problem.status
        self.request_id = problem.request_id

    @property
    def is_unknown_caller(self) -> bool:
        """Whether the service wants to know who is asking."""
        return self.status == httpx.codes.UNAUTHORIZED


class Connection:
    """Sends requests to one service; safe to share between the sessions of all users."""

    def __init__(self, api_url: str, api_key: str | None = None) -> None:
        self.api_url = api_url.rstrip("/")
        self._headers = {} if api_key is None else {"authorization": f"Bearer {api_key}"}

    def close(self) -> None:
        if opened := vars(self).get("_http"):
            opened.close()

    @cached_property
    def _http(self) -> httpx.Client:
        # Not in the constructor: a mistyped address is one more way in which the service cannot be reached.
        return httpx.Client(
            base_url=self.api_url,
            headers=self._headers,
            timeout=httpx.Timeout(_READ_S, connect=CONNECT_S),
            follow_redirects=True,
        )

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with foreign_errors_translated():
            response = self._http.request(method, path, **options)
            response.raise_for_status()
            return response

    @contextmanager
    def _streaming(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """An answer whose body is still to come; leaving the block closes the connection. Errors are httpx's own."""
        with self._http.stream("GET", path, **options) as response:
            read_error_body(response)
            response.raise_for_status()
            yield response


def read_wire(wire_type: type[_WireT], response: httpx.Response) -> _WireT:
    """Parse an answer of the service; fields that a newer service added are ignored."""
    with foreign_errors_translated():
        return TypeAdapter(wire_type).validate_json(response.content, extra="ignore")


def read_error_body(response: httpx.Response) -> None:
    if response.is_error:
        response.read()


@contextmanager
def foreign_errors_translated() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise _refusal(error.response) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ServerUnavailable("No service answers at this address") from error
    except httpx.TimeoutException as error:
        raise ServerUnavailable("The service did not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerUnavailable("The connection to the service broke") from error
    except (ValidationError, ValueError, AssertionError) as error:
        # AssertionError is how LangServe reports a stream that is none.
        raise ServerUnavailable(
            "What answers at this address is not this service, or another version"
        ) from error


def _refusal(response: httpx.Response) -> ServerRefused | ServerUnavailable:
    try:
        return ServerRefused(Problem.model_validate_json(response.content))
    except ValidationError:
        return ServerUnavailable(f"The service failed with status {response.status_code}")
