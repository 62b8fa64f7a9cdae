"""Bodies that are too large or no JSON are refused alike by every door, before they cost anything."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from app.api.bodies import MAX_BYTES, MAX_TEXTS_BYTES, parse_json
from app.errors import InvalidRequest

JSON = {"content-type": "application/json"}
DOORS = ["/ask", "/search", "/index", "/agent/invoke", "/agent/batch", "/qa/stream", "/chat/invoke"]
MALFORMED = {
    "not UTF-8": b'{"question": "\xff"}',
    "nested too deeply": b'{"question": ' + b"[" * 100_000,
    "integer": b'{"question": ' + b"1" * 5_000 + b"}",
    "character 13": b'{"question": ',
}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("reason", MALFORMED)
def test_a_body_that_is_no_json_is_a_422_with_its_reason(
    server: httpx.Client, path: str, reason: str
) -> None:
    response = server.post(path, content=MALFORMED[reason], headers=JSON)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.json()["detail"].startswith("body: ")
    assert reason.removeprefix("not ") in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "limit"), [("/ask", MAX_BYTES), ("/agent/stream", MAX_BYTES), ("/index", MAX_TEXTS_BYTES)]
)
def test_a_body_over_the_limit_is_refused_the_same_way_announced_or_not(
    server: httpx.Client, path: str, limit: int
) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(limit // 65_536 + 1):
            yield b" " * 65_536

    announced = server.post(path, content=b" " * (limit + 1), headers=JSON)
    chunked = server.post(path, content=pieces(), headers=JSON)

    assert announced.headers["connection"] == "close"
    assert announced.status_code == chunked.status_code == 413
    told = [{**response.json(), "request_id": ""} for response in (announced, chunked)]
    assert told[0] == told[1]
    assert str(limit) in told[0]["detail"]


def test_a_large_body_must_consist_of_texts() -> None:
    texts = b'{"documents": [{"text": "' + b"\\u0041 [,{ " * 200_000 + b'"}]}'
    assert len(parse_json(texts)["documents"][0]["text"]) == 200_000 * 6

    with pytest.raises(InvalidRequest, match="beside the texts"):
        parse_json(b"[" + b"[]," * 400_000 + b"[]]")


def test_every_route_that_takes_json_reads_it_this_way(server: httpx.Client) -> None:
    paths: dict[str, dict[str, dict[str, dict[str, object]]]] = server.get("/openapi.json").json()["paths"]
    doors = [
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "application/json" in str(operation.get("requestBody"))
    ]
    answers = {
        door: server.request(
            door[0], door[1].replace("{", "").replace("}", ""), content=b"\xff", headers=JSON
        )
        for door in doors
    }

    assert len(doors) > 8
    assert {door for door, answer in answers.items() if "not valid UTF-8" not in answer.text} == set()
