"""What can go wrong, sorted by who has to act.

LlmopsError             the service refused: `code` is stable, `status` is HTTP's, `request_id` finds it in the logs
├── BrokenStream        a stream that had begun ended without its answer; `status` is 200
└── ServiceUnreachable  no usable answer came at all; `status` is None. Trying again later may help
    └── TimedOut        it did not come in time
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from pydantic import ValidationError

REQUEST_ID = "x-request-id"


class LlmopsError(Exception):
    """The service refused or failed; `str()` says why."""

    def __init__(
        self, detail: str, *, code: str, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.request_id = request_id


class BrokenStream(LlmopsError):
    """A stream that had begun failed: with the code that the service gave, or `incomplete` when it broke off."""


class ServiceUnreachable(LlmopsError):
    """Nobody answers at the address, the connection broke, or what answers is not the service."""


class TimedOut(ServiceUnreachable):
    """The service did not answer in time."""


def refusal(response: httpx.Response) -> LlmopsError:
    """The error that a response with a read body stands for; a proxy in between may have written any."""
    try:
        problem: Any = json.loads(response.content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    return LlmopsError(
        str(problem.get("detail") or problem.get("title") or f"status {response.status_code}"),
        code=str(problem.get("code") or f"http_{response.status_code}"),
        status=response.status_code,
        request_id=response.headers.get(REQUEST_ID),
    )


@contextmanager
def foreign_errors_translated() -> Iterator[None]:
    """The one place where httpx's and pydantic's errors become ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise TimedOut("The service did not answer in time", code="timed_out") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last from names of hosts
        raise ServiceUnreachable(f"The service cannot be reached: {error}", code="unreachable") from error
    except ValidationError as error:
        raise ServiceUnreachable(
            f"What answers is not the service, or another version of it: {error}", code="not_understood"
        ) from error


def is_broken_connection(error: ServiceUnreachable) -> bool:
    """Whether another connection may fare better; one that was too slow would only be slow again."""
    return isinstance(error.__cause__, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)
