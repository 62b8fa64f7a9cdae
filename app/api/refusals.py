"""Errors before any route is reached, each in the form that the clients of its address read."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from app.api.openai_errors import openai_error
from app.api.problems import from_error
from app.errors import LlmopsError

_INVALID_REQUEST = -32600  # as JSON-RPC counts errors


def refusal(path: str, error: LlmopsError) -> ASGIApp:
    """An answer that says the error, as OpenAI's API, as MCP or as everybody else's."""
    if path.startswith("/v1/"):
        return openai_error(error)
    return as_json_rpc(error) if path.rstrip("/") == "/mcp" else from_error(error)


def as_json_rpc(error: LlmopsError) -> JSONResponse:
    """The form that MCP clients show to people; of a problem they would only say that it is one."""
    body = {"code": _INVALID_REQUEST, "message": error.detail, "data": {"code": error.code}}
    return JSONResponse(
        {"jsonrpc": "2.0", "id": None, "error": body}, status_code=error.status, headers=dict(error.headers)
    )
