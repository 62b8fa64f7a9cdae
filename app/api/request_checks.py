"""Refuses what LangServe's routes cannot run, before an answer has begun.

LangServe answers 500 to several malformed bodies and 200 to every stream, whatever happens in it; a dependency in front
of its routes is the place where an error can still have its own status.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from pydantic import ValidationError

from app.api.auth import caller_of
from app.api.bodies import JsonRoute
from app.api.conversation import Speaker, history_of
from app.api.problems import explain_validation
from app.api.services import services_of
from app.errors import InvalidRequest
from app.runs import RunRequest
from app.schemas import AgentInput, ChatInput, Wire

Input = TypeVar("Input", bound=Wire)

_RUNS = ("invoke", "stream", "stream_log", "stream_events")
_NO_FILE = "There is no such file"


class LangServeRoute(JsonRoute):
    """LangServe answers to an unknown file of a playground in plain text, and breaks on the name of no file."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_langserve(request: Request) -> Response:
            if "\0" in request.scope["path"]:
                raise HTTPException(404, _NO_FILE)
            try:
                response = await handle(request)
            except (IsADirectoryError, NotADirectoryError):
                raise HTTPException(404, _NO_FILE) from None
            if response.status_code == 404:
                raise HTTPException(404, _NO_FILE)
            return response

        return handle_langserve


async def check_agent_request(request: Request) -> None:
    """Check the body of a LangServe route over an agent."""
    services, caller = services_of(request), caller_of(request)
    for item, config in await _items(request, services.settings.max_batch):
        fields = _validated(item, AgentInput)
        if fields.resume is not None:
            stored = caller.stored(_thread_id(config) or "")
            run = await services.runner.resumed(stored, fields.resume)
        else:
            run = RunRequest(
                question=fields.question,
                tenant=caller.tenant,
                agent=fields.agent,
                thread_id=_thread_id(config),
            )
        services.runner.check(run)
        await services.runner.require_free(run)


async def check_chat_request(request: Request) -> None:
    """Check the body of the LangServe route for the chat playground."""
    services = services_of(request)
    for item, _ in await _items(request, services.settings.max_batch):
        services.runner.check(chat_request(_validated(item, ChatInput), tenant=caller_of(request).tenant))


def chat_request(chat: ChatInput, *, tenant: str) -> RunRequest:
    """The run that a conversation asks for: its last message is the question, what was said before is the history.

    Raises:
        InvalidRequest: the last message is not the human's.
    """
    *before, last = chat.messages
    if last.type != "human":
        raise InvalidRequest("messages: the last one must be of type 'human'")
    speakers: dict[str, Speaker] = {"human": "human", "ai": "ai"}
    said = [(speakers.get(message.type, "other"), message.content) for message in before]
    return RunRequest(question=last.content, tenant=tenant, history=history_of(said))


async def _items(request: Request, max_batch: int) -> list[tuple[Any, dict[str, Any]]]:
    """The inputs of a request that starts runs, each with its config; none for schemas and playground files."""
    action = request.url.path.rsplit("/", 1)[-1]
    if request.method != "POST" or action not in (*_RUNS, "batch"):
        return []
    body = await request.json()
    if not isinstance(body, dict):
        raise InvalidRequest("body: must be a JSON object")
    if action in _RUNS:
        if "input" not in body:
            raise InvalidRequest("input: is missing")
        return [(body["input"], _config(body.get("config", {}), "config"))]
    return _batch(body, max_batch)


def _batch(body: dict[str, Any], max_batch: int) -> list[tuple[Any, dict[str, Any]]]:
    inputs, configs = body.get("inputs"), body.get("config", {})
    if not isinstance(inputs, list):
        raise InvalidRequest("inputs: must be a list")
    if len(inputs) > max_batch:
        raise InvalidRequest(f"inputs: has {len(inputs)} items, at most {max_batch} are accepted")
    if not isinstance(configs, list):
        configs = [configs] * len(inputs)
    if len(configs) != len(inputs):
        raise InvalidRequest(f"config: has {len(configs)} items for {len(inputs)} inputs")
    return list(zip(inputs, [_config(config, "config") for config in configs], strict=True))


def _config(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{path}: must be an object")
    if not isinstance(value.get("configurable", {}), dict):
        raise InvalidRequest(f"{path}.configurable: must be an object")
    return value


def _thread_id(config: dict[str, Any]) -> str | None:
    thread_id = config.get("configurable", {}).get("thread_id")
    if thread_id is not None and not isinstance(thread_id, str):
        raise InvalidRequest("config.configurable.thread_id: must be a string")
    return thread_id or None


def _validated(value: Any, shape: type[Input]) -> Input:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        issues = [{**issue, "loc": ("input", *issue["loc"])} for issue in error.errors()]
        raise InvalidRequest(explain_validation(issues)) from None
