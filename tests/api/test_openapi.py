"""The OpenAPI document says of every route what it takes, gives and refuses, with examples that hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from app import schemas
from app.api.examples import EXAMPLES

JSON = "application/json"


@pytest.fixture(scope="module")
def document(server: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = server.get("/openapi.json").json()
    return answer


def operations(document: dict[str, Any], *, ours: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if ours != (operation["tags"][0] == "LangServe"):
                yield f"{method.upper()} {path}", operation


def described(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the first that it may be, where it is written down."""
    first = schema["anyOf"][0] if "anyOf" in schema else schema
    if "$ref" in first:
        found: dict[str, Any] = document["components"]["schemas"][first["$ref"].rpartition("/")[2]]
        return found
    return first


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert named
    assert named <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_every_route_of_ours_says_what_it_does_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    routes = dict(operations(document, ours=True))
    assert len(routes) > 35
    for name, operation in routes.items():
        assert operation["summary"], name
        assert operation["description"], name
        expected = {"500", "503"} | ({"408", "413", "422"} if "requestBody" in operation else set())
        if name.endswith("/completions"):
            expected = expected - {"422"} | {"400"}
        assert expected <= operation["responses"].keys(), name
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and "/v1/" not in name:
                assert "404" in operation["responses"], name


def test_every_body_in_json_has_an_example(document: dict[str, Any]) -> None:
    bodies = []
    for name, operation in operations(document, ours=True):
        given = [operation["responses"][status] for status in operation["responses"] if status[0] == "2"]
        for holder in [operation.get("requestBody", {}), *given]:
            schema = holder.get("content", {}).get(JSON, {}).get("schema")
            if schema:
                bodies.append(name)
                assert described(schema, document)["examples"], name
    assert len(bodies) > 40


def test_langserves_routes_declare_our_problems(document: dict[str, Any]) -> None:
    routes = dict(operations(document, ours=False))
    assert not [name for name in routes if "token_feedback" in name]
    for name, operation in routes.items():
        if name.endswith("/invoke"):
            assert {"404", "409", "413", "422", "504"} <= operation["responses"].keys()


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_each_example_is_what_its_type_takes(model: type[BaseModel]) -> None:
    written = EXAMPLES[model]
    dumped = model.model_validate(written).model_dump(mode="json")
    assert dumped.items() >= {name: dumped[name] for name in written}.items()
    assert model.model_validate(dumped) == model.model_validate(written)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/ask", schemas.AskRequest),
        ("/search", schemas.SearchRequest),
        ("/index", schemas.IndexRequest),
        ("/ask/batch", schemas.BatchRequest),
        ("/collections", schemas.NewCollection),
        ("/v1/chat/completions", schemas.completions.CompletionRequest),
        ("/clear", schemas.ClearRequest),
    ],
)
def test_the_examples_of_requests_are_carried_out(
    fresh_server: httpx.Client, path: str, model: type[BaseModel]
) -> None:
    answer = fresh_server.post(path, json=EXAMPLES[model])
    assert answer.is_success, answer.text
