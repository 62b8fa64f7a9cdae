"""Knows the service's addresses; failures leave it in words that a user can read."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from app.schemas import AgentChoice, Answer, DocumentInfo, DocumentList, Info, ModeChoice, Problem

if TYPE_CHECKING:
    from langserve import RemoteRunnable

Event = dict[str, Any]
_WireT = TypeVar("_WireT", bound=BaseModel)

_CONNECT_S = 5.0
_READ_S = 20.0
# The service ends a run after its own limit; this only guards against a server that died without closing.
_RUN_S = 150.0
_UPLOAD_S = 900.0
_LISTED = 1_000  # the most that the service gives at a time


class ServerUnavailable(Exception):
    """The service could not be reached, or what came back was not from it. Trying again later may help."""


class ServerRefused(Exception):
    """The service understood the request and declined it; `str()` says why, `code` is stable."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.code = problem.code
        self.status = problem.status
        self.request_id = problem.request_id


class PastTurn(TypedDict):
    question: str
    answer: Answer


class _Thread(BaseModel):
    thread_id: str
    turns: list[PastTurn]


@dataclass(frozen=True)
class Upload:
    name: str
    data: bytes
    media_type: str


class Client:
    """Talks to one service; safe to share between the sessions of all users."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url.rstrip("/")

    def close(self) -> None:
        for opened in (vars(self).get("_http"), getattr(vars(self).get("_agent"), "sync_client", None)):
            if opened is not None:
                opened.close()

    def info(self) -> Info:
        return _read(Info, self._request("GET", "/info"))

    def is_reachable(self) -> bool:
        try:
            self.info()
        except (ServerUnavailable, ServerRefused):
            return False
        return True

    def documents(self) -> list[DocumentInfo]:
        found: list[DocumentInfo] = []
        while True:
            response = self._request("GET", "/documents", params={"limit": _LISTED, "offset": len(found)})
            page = _read(DocumentList, response).documents
            found += page
            if len(page) < _LISTED:
                return found

    def upload(self, file: Upload) -> DocumentInfo:
        """Index one file and wait until it can be asked about; an unreadable file has status `failed`."""
        response = self._request(
            "POST",
            "/upload",
            params={"wait": "true"},
            files=[("files", (file.name, file.data, file.media_type))],
            timeout=httpx.Timeout(_UPLOAD_S, connect=_CONNECT_S),
        )
        documents = _read(DocumentList, response).documents
        if len(documents) != 1:
            raise ServerUnavailable(f"The service reported {len(documents)} documents for one file")
        return documents[0]

    def delete(self, document_id: str) -> None:
        self._request("DELETE", f"/documents/{document_id}")

    def turns(self, thread_id: str) -> list[PastTurn]:
        """The conversation so far; none for a thread on which nothing was asked yet."""
        try:
            return _read(_Thread, self._request("GET", f"/threads/{thread_id}")).turns
        except ServerRefused as refusal:
            if refusal.status == 404:
                return []
            raise

    def ask(
        self, question: str, *, thread_id: str, agent: AgentChoice = "auto", mode: ModeChoice = "auto"
    ) -> Generator[Event]:
        """Yield the events of one run as they happen; closing the iterator stops the run."""
        request = {"question": question, "agent": agent, "mode": mode}
        with _foreign_errors_translated():
            stream = self._agent.stream(request, {"configurable": {"thread_id": thread_id}})
            with closing(cast("Generator[Event]", stream)) as events:
                yield from events

    @cached_property
    def _http(self) -> httpx.Client:
        # Not in the constructor: a mistyped address is one more way in which the service cannot be reached.
        return httpx.Client(
            base_url=self.api_url, timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S), follow_redirects=True
        )

    @cached_property
    def _agent(self) -> RemoteRunnable[Any, Any]:
        # Importing LangServe takes a second, which the first page should not wait for.
        from langserve import RemoteRunnable

        return RemoteRunnable(
            f"{self.api_url}/agent/",
            timeout=httpx.Timeout(_RUN_S, connect=_CONNECT_S),  # type: ignore[arg-type]  # handed on to httpx as it is
            # LangServe raises before the body is read, and with it would go the reason of the refusal.
            client_kwargs={"event_hooks": {"response": [_read_error_body]}},
        )

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with _foreign_errors_translated():
            response = self._http.request(method, path, **options)
            response.raise_for_status()
            return response


def _read(wire_type: type[_WireT], response: httpx.Response) -> _WireT:
    """Parse an answer of the service; fields that a newer service added are ignored."""
    with _foreign_errors_translated():
        return TypeAdapter(wire_type).validate_json(response.content, extra="ignore")


def _read_error_body(response: httpx.Response) -> None:
    if response.is_error:
        response.read()


@contextmanager
def _foreign_errors_translated() -> Iterator[None]:
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
