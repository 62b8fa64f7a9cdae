"""Errors of the routes below `/v1` in the form that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.bodies import JsonRoute
from app.api.openapi import Responses
from app.api.problems import explain_validation
from app.errors import InvalidRequest, LlmopsError
from app.schemas.completions import OpenAIError, OpenAIErrorInfo

_INVALID: Final = 400
"""What OpenAI answers where we say 422: its clients turn 400 into their `BadRequestError`."""


class OpenAIRoute(JsonRoute):
    """A route whose every deliberate error has OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_openai(request: Request) -> Response:
            try:
                return await handle(request)
            except LlmopsError as error:
                return openai_error(error)
            except RequestValidationError as error:
                return openai_error(InvalidRequest(explain_validation(error.errors())))
            except HTTPException as error:
                if error.status_code != InvalidRequest.status:
                    raise
                return openai_error(InvalidRequest(str(error.detail)))

        return handle_openai


def openai_error(error: LlmopsError) -> JSONResponse:
    status = _INVALID if error.status == InvalidRequest.status else error.status
    return JSONResponse(as_openai(error).model_dump(), status_code=status, headers=dict(error.headers))


def as_openai(error: LlmopsError) -> OpenAIError:
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return OpenAIError(error=OpenAIErrorInfo(message=error.detail, type=kind, code=error.code))


def openai_responses(*errors: type[LlmopsError]) -> Responses:
    """The `responses` of a route that answers these errors, and 400 to what is not valid."""
    codes: dict[int | str, list[str]] = {_INVALID: [InvalidRequest.code]}
    for error in errors:
        codes.setdefault(error.status, []).append(error.code)
    return {
        status: {"model": OpenAIError, "description": " · ".join(f"`{code}`" for code in named)}
        for status, named in sorted(codes.items(), key=lambda item: str(item[0]))
    }
