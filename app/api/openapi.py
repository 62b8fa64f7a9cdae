"""What the OpenAPI document says beyond what FastAPI finds out: errors with their codes, an example of each type."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.api.examples import EXAMPLES
from app.api.problems import MEDIA_TYPE
from app.errors import BodyTooLarge, InvalidRequest, LlmopsError, SlowBody, StorageUnavailable
from app.schemas import BatchRequest, Problem
from app.schemas.completions import CompletionChunk

Responses = dict[int | str, dict[str, Any]]

PNG: Responses = {
    200: {"content": {"image/png": {}}, "headers": {"X-Highlight": {"schema": {"type": "string"}}}},
    304: {"description": "Not modified"},
}
METRICS: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
ANY_FILE: Responses = {200: {"content": {"*/*": {}}}}
_UNSEEN: tuple[type[BaseModel], ...] = (BatchRequest, CompletionChunk, Problem)
"""Types of bodies that no route declares to FastAPI, which reads or sends them itself."""


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document is complete."""

    def openapi(self) -> dict[str, Any]:
        """The document; built once."""
        return self.openapi_schema or _completed(super().openapi())


def reference(model: type[BaseModel]) -> dict[str, str]:
    """The schema of a type by its name in the document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def events_of(model: type[BaseModel], *, end: str) -> dict[str, Any]:
    """The schema of server-sent events whose data is a type in JSON, but for that of the last."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": reference(model)}
    return {
        "type": "object",
        "properties": {"data": {"anyOf": [data, {"const": end}]}},
        "required": ["data"],
    }


def problem_responses(*errors: type[LlmopsError]) -> Responses:
    """The `responses` of a route that answers these errors and `InvalidRequest`, an example for each code."""
    return _responses({InvalidRequest, *errors})


def _responses(errors: set[type[LlmopsError]]) -> Responses:
    responses: Responses = {}
    for error in sorted(errors, key=lambda error: (error.status, error.code)):
        known = responses.setdefault(error.status, _response())
        known["content"][MEDIA_TYPE]["examples"][error.code] = {"value": _example(error)}
        known["description"] = " · ".join(
            filter(None, (known["description"], f"`{error.code}`: {error.title}"))
        )
    return responses


def subclasses(error: type[LlmopsError]) -> list[type[LlmopsError]]:
    """The class itself and all below it."""
    return [error, *(found for child in error.__subclasses__() for found in subclasses(child))]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """Add, in place, the types that FastAPI does not see, the examples, and the errors that any route can answer."""
    schemas = document["components"]["schemas"]
    for model in _UNSEEN:
        schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        for name, part in {**schema.pop("$defs", {}), model.__name__: schema}.items():
            schemas.setdefault(name, part)
    for model, example in EXAMPLES.items():
        schemas[model.__name__]["examples"] = [example]
    for methods in document["paths"].values():
        for operation in methods.values():
            _add_general_errors(operation)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _add_general_errors(operation: dict[str, Any]) -> None:
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]  # FastAPI's own, which no route of ours answers
    general = {LlmopsError, StorageUnavailable}
    if "requestBody" in operation:
        general |= {BodyTooLarge, SlowBody}
    for status, response in _responses(general).items():
        operation["responses"].setdefault(str(status), response)


def _response() -> dict[str, Any]:
    return {
        "description": "",
        "content": {MEDIA_TYPE: {"schema": reference(Problem), "examples": {}}},
    }


def _example(error: type[LlmopsError]) -> dict[str, Any]:
    return Problem(
        type=f"urn:llmops:problem:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.title,
        code=error.code,
        request_id="6f9b1c0d",
    ).model_dump()
