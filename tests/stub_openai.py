"""A small server that speaks OpenAI's protocol over real HTTP, and fails in every way a provider does.

    with StubOpenAI() as stub:
        settings = Settings(openai_base_url=stub.base_url, openai_api_key="sk-test")
        stub.mode = "429"

From a shell: `python -m tests.stub_openai --port 9000 --delay 0.5`; a `POST /control` of `{"mode": "hang"}`
switches what runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

import uvicorn

from tests.stub_http import (
    Message,
    Receive,
    Send,
    read_json,
    send_bytes,
    send_event,
    send_json,
    start_response,
)
from tests.stub_replies import (
    Body,
    answer_from_sources,
    completion_of,
    count_words,
    embed_words,
    error_of,
    pack_vector,
    prompt_of,
    sample_of,
)

Mode = Literal["ok", "401", "429", "500", "hang", "stall", "cut", "garbage", "empty"]
"""`401` repeats the key, as providers do; `stall` hangs and `cut` breaks the connection after the first token;
`garbage` is 200 with a body that is no JSON."""

_ERRORS = {
    "401": "Incorrect API key provided: {key}.",
    "429": "You exceeded your current quota.",
    "500": "The server had an error.",
}


@dataclass
class RecordedRequest:
    path: str
    body: Body
    authorization: str
    client: tuple[str, int]
    """Address and port: one for each connection."""
    traceparent: str = ""
    state: Literal["open", "answered", "cancelled"] = "open"

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.body.get("messages", [])
        return found

    @property
    def prompt(self) -> str:
        return prompt_of(self.body)


@dataclass
class StubOpenAI:
    """Everything but `port` may be changed while it runs.

    `reply` turns a request's body into the answer; `reply_structured` gets the JSON schema as well, and what it
    returns is sent as JSON, or literally if it is a string.
    """

    port: int = 0
    mode: Mode = "ok"
    embeddings_mode: Mode | None = None
    delay_s: float = 0.0
    token_delay_s: float = 0.0
    retry_after_s: float | None = None
    max_prompt_chars: int | None = None
    dimensions: int = 256
    reply: Callable[[Body], str] = answer_from_sources
    reply_structured: Callable[[Body, dict[str, Any]], Any] = lambda _, schema: sample_of(schema)
    requests: list[RecordedRequest] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def cancelled(self) -> list[RecordedRequest]:
        """The requests whose client hung up before it had its answer."""
        return [request for request in self.requests if request.state == "cancelled"]

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer in a task of its own, so that the client's hanging up is seen at once."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = await read_json(receive)
        request = RecordedRequest(
            scope["path"],
            body,
            headers.get("authorization", ""),
            scope["client"],
            headers.get("traceparent", ""),
        )
        answering = asyncio.create_task(self._answer(request, send))
        gone = asyncio.create_task(receive())
        await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if request.state == "open":
            request.state = "cancelled" if answering.cancel() else "answered"
        await asyncio.wait({answering})
        if not answering.cancelled():
            answering.result()

    async def _answer(self, request: RecordedRequest, send: Send) -> None:
        match request.path:
            case "/v1/chat/completions":
                self.requests.append(request)
                await self._fail_or(self.mode, send, self._chat, request)
            case "/v1/embeddings":
                self.requests.append(request)
                await self._fail_or(self.embeddings_mode or self.mode, send, self._embed, request)
            case "/v1/models" | "/health":
                await send_json(send, 200, {"object": "list", "data": [{"id": "stub", "object": "model"}]})
            case "/control":
                self._control(request.body)
                await send_json(send, 200, {"mode": self.mode, "requests": len(self.requests)})
            case _:
                await send_json(send, 404, error_of("unknown path"))
        request.state = "answered"

    def _control(self, body: Body) -> None:
        for name in ("mode", "embeddings_mode", "delay_s", "token_delay_s"):
            setattr(self, name, body.get(name, getattr(self, name)))

    async def _fail_or(
        self,
        mode: Mode,
        send: Send,
        respond: Callable[[RecordedRequest, Mode, Send], Awaitable[None]],
        request: RecordedRequest,
    ) -> None:
        await asyncio.sleep(self.delay_s)
        if mode in _ERRORS:
            retry = {} if self.retry_after_s is None else {"retry-after": f"{self.retry_after_s:g}"}
            await send_json(send, int(mode), error_of(_ERRORS[mode].format(key=request.authorization)), retry)
        elif mode == "hang":
            await asyncio.Event().wait()
        elif mode == "garbage":
            await send_bytes(send, 200, b"<html>Bad gateway", {"content-type": "text/html"})
        else:
            await respond(request, mode, send)

    async def _embed(self, request: RecordedRequest, mode: Mode, send: Send) -> None:
        body = request.body
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = [embed_words(str(text), body.get("dimensions") or self.dimensions) for text in texts]
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": pack_vector(vector, body.get("encoding_format")),
            }
            for index, vector in enumerate([] if mode == "empty" else vectors)
        ]
        usage = {"prompt_tokens": count_words([str(text) for text in texts])}
        usage["total_tokens"] = usage["prompt_tokens"]
        await send_json(send, 200, {"object": "list", "model": body["model"], "data": data, "usage": usage})

    async def _chat(self, request: RecordedRequest, mode: Mode, send: Send) -> None:
        body = request.body
        if self.max_prompt_chars is not None and len(prompt_of(body)) > self.max_prompt_chars:
            problem = error_of("This model's maximum context length is 100 tokens.")
            problem["error"]["code"] = "context_length_exceeded"
            await send_json(send, 400, problem)
            return
        message = self._message(body) if mode != "empty" else {"role": "assistant", "content": ""}
        usage = {"prompt_tokens": count_words([prompt_of(body)])}
        usage["completion_tokens"] = count_words([message["content"] or ""])
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        if not body.get("stream"):
            await send_json(send, 200, completion_of(body, usage, message=message))
            return
        await start_response(send, 200, {"content-type": "text/event-stream"})
        async for delta in self._deltas(message):
            await send_event(send, completion_of(body, None, delta=delta))
            if mode == "stall":
                await asyncio.Event().wait()
            if mode == "cut":
                return
        await send_event(send, completion_of(body, None, delta={}, finish_reason="stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            await send_event(send, {**completion_of(body, usage), "choices": []})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def _deltas(self, message: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        for call in message.get("tool_calls", []):
            yield {"role": "assistant", "tool_calls": [{"index": 0, **call}]}
        for word in re.findall(r"\S+\s*", message["content"] or ""):
            await asyncio.sleep(self.token_delay_s)
            yield {"role": "assistant", "content": word}

    def _message(self, body: Body) -> dict[str, Any]:
        if tools := body.get("tools"):
            function = tools[0]["function"]
            arguments = _literal(self.reply_structured(body, function["parameters"]))
            call = {"name": function["name"], "arguments": arguments}
            calls = [{"id": "call_1", "type": "function", "function": call}]
            return {"role": "assistant", "content": None, "tool_calls": calls}
        schema = (body.get("response_format") or {}).get("json_schema")
        content = _literal(self.reply_structured(body, schema["schema"])) if schema else self.reply(body)
        return {"role": "assistant", "content": content}


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a stub of OpenAI's API until interrupted.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--token-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--mode", choices=get_args(Mode), default="ok")
    options = parser.parse_args()
    stub = StubOpenAI(options.port, options.mode, delay_s=options.delay, token_delay_s=options.token_delay)
    with stub:
        print(stub.base_url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
