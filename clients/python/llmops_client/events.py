"""The events of a run as they come; each has a `content` that can be printed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Tag, TypeAdapter

from llmops_client.errors import BrokenStream
from llmops_client.models import AgentName, Answer, Citation, Interrupt, Model
from llmops_client.sse import ServerSentEvent


class RunEvent(Model):
    type: Literal["run"] = "run"
    content: str
    run_id: str
    thread_id: str


class RouteEvent(Model):
    type: Literal["route"] = "route"
    content: str
    agent: AgentName
    reason: str


class StatusEvent(Model):
    """What the run does. With `reset` the tokens before it are void: another engine begins anew."""

    type: Literal["status"] = "status"
    content: str
    done: int | None = None
    total: int | None = None
    reset: bool = False


class TokenEvent(Model):
    type: Literal["token"] = "token"
    content: str


class CitationEvent(Citation):
    type: Literal["citation"] = "citation"
    content: str


class FinalEvent(Answer):
    """The whole answer; the last event of a run."""

    type: Literal["final"] = "final"
    content: str


class ErrorEvent(Model):
    type: Literal["error"] = "error"
    content: str
    code: str


class OtherEvent(Model):
    """An event that a newer service has; its further fields are in `model_extra`."""

    model_config = ConfigDict(extra="allow")

    type: str
    content: str = ""


Event = RunEvent | RouteEvent | StatusEvent | TokenEvent | CitationEvent | Interrupt | FinalEvent | OtherEvent

_KNOWN = ("run", "route", "status", "token", "citation", "interrupt", "final", "error")
_LAST = ("interrupt", "final")


def _tag(value: object) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if kind in _KNOWN else "other"


_ADAPTER: TypeAdapter[Event | ErrorEvent] = TypeAdapter(
    Annotated[
        Annotated[RunEvent, Tag("run")]
        | Annotated[RouteEvent, Tag("route")]
        | Annotated[StatusEvent, Tag("status")]
        | Annotated[TokenEvent, Tag("token")]
        | Annotated[CitationEvent, Tag("citation")]
        | Annotated[Interrupt, Tag("interrupt")]
        | Annotated[FinalEvent, Tag("final")]
        | Annotated[ErrorEvent, Tag("error")]
        | Annotated[OtherEvent, Tag("other")],
        Discriminator(_tag),
    ]
)


class RunReader:
    """Reads what one stream says and notices when its end is missing."""

    def __init__(self) -> None:
        self._request_id: str | None = None
        self._complete = False

    def read(self, sent: ServerSentEvent) -> Event | None:
        """The event, or None for those of LangServe's protocol.

        Raises:
            BrokenStream: the run failed.
        """
        self._request_id = sent.request_id
        if sent.name == "error":
            raise self._broken(sent.data, "internal_error")
        if sent.name != "data":
            return None
        event = _ADAPTER.validate_json(sent.data)
        if isinstance(event, ErrorEvent):
            raise self._broken(event.content, event.code)
        self._complete = self._complete or event.type in _LAST
        return event

    def end(self) -> None:
        """
        Raises:
            BrokenStream: the answer has not come.
        """
        if not self._complete:
            raise self._broken("The stream ended before the answer came", "incomplete")

    def _broken(self, detail: str, code: str) -> BrokenStream:
        return BrokenStream(detail, code=code, status=200, request_id=self._request_id)
