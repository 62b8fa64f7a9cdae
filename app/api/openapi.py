"""What the OpenAPI document says about errors: each as `application/problem+json`, with its codes."""

from __future__ import annotations

from typing import Any

from app.api.problems import MEDIA_TYPE
from app.errors import InvalidRequest, LlmopsError
from app.schemas import Problem

Responses = dict[int | str, dict[str, Any]]

PNG: Responses = {
    200: {"content": {"image/png": {}}, "headers": {"X-Highlight": {"schema": {"type": "string"}}}},
    304: {"description": "Not modified"},
}
ANY_FILE: Responses = {200: {"content": {"*/*": {}}}}


def problem_responses(*errors: type[LlmopsError]) -> Responses:
    """The `responses` of a route that answers these errors and `InvalidRequest`, an example for each code."""
    responses: Responses = {}
    answered: set[type[LlmopsError]] = {InvalidRequest, *errors}
    for error in sorted(answered, key=lambda error: (error.status, error.code)):
        known = responses.setdefault(error.status, _response())
        known["content"][MEDIA_TYPE]["examples"][error.code] = {"value": _example(error)}
        known["description"] = " · ".join(
            filter(None, (known["description"], f"`{error.code}`: {error.title}"))
        )
    return responses


def subclasses(error: type[LlmopsError]) -> list[type[LlmopsError]]:
    """The class itself and all below it."""
    return [error, *(found for child in error.__subclasses__() for found in subclasses(child))]


def _response() -> dict[str, Any]:
    return {
        "description": "",
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "examples": {}}},
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
