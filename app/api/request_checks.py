"""Refuses what LangServe's routes cannot run, before an answer has begun.

LangServe answers 500 to several malformed bodies and 200 to every stream, whatever happens in it; a dependency in front
of its routes is the place where an error can still have its own status.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import ValidationError

from app.api.problems import explain_validation
from app.api.services import get_services
from app.errors import InvalidRequest
from app.runs import RunRequest
from app.schemas import AgentInput

_RUNS = ("invoke", "stream", "stream_log", "stream_events")


async def check_agent_request(request: Request) -> None:
    """Check the body of a LangServe route over an agent."""
    services = get_services(request)
    for item, config in await _items(request, services.settings.max_batch):
        fields = _validated(item)
        services.runner.check(
            RunRequest(question=fields.question, agent=fields.agent, thread_id=_thread_id(config))
        )


async def check_chat_request(request: Request) -> None:
    """Check the shape of a LangServe body; its messages are checked when the run is made of them."""
    await _items(request, get_services(request).settings.max_batch)


async def _items(request: Request, max_batch: int) -> list[tuple[Any, dict[str, Any]]]:
    """The inputs of a request that starts runs, each with its config; none for schemas and playground files."""
    action = request.url.path.rsplit("/", 1)[-1]
    if request.method != "POST" or action not in (*_RUNS, "batch"):
        return []
    body = await _json_object(request)
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


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deeply
        raise InvalidRequest(f"body: not valid JSON ({error})") from None
    if not isinstance(body, dict):
        raise InvalidRequest("body: must be a JSON object")
    return body


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


def _validated(value: Any) -> AgentInput:
    try:
        return AgentInput.model_validate(value)
    except ValidationError as error:
        issues = [{**issue, "loc": ("input", *issue["loc"])} for issue in error.errors()]
        raise InvalidRequest(explain_validation(issues)) from None
