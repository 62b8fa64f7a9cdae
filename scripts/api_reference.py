"""Write docs/api.md from the service's OpenAPI document, so that it says what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.settings import load_settings
from server import create_app

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
Part = dict[str, Any]

_INTRODUCTION = """\
# REST API

Made by `make docs` from the OpenAPI document that the service has at `/openapi.json`; `/docs` lets you try it.
Errors are `application/problem+json` (RFC 9457) whose `code` is stable, below `/v1` in OpenAI's form. Any route can
also answer 500 `internal_error` and 503 `storage_unavailable`, and 413 `body_too_large` when it takes a body. Every
answer has an `X-Request-ID`.
"""
_LANGSERVE = """\
## LangServe

`/agent` chooses the agent; `/qa`, `/research` and `/summarize` are one each; `/chat` takes messages and gives text.
Playgrounds are at `/agent/playground/` and so on. [Clients](clients.md) has the events of a stream.
"""
_GENERAL = {"413", "500", "503"}
_FORM = "Body_"
"""What FastAPI calls the fields of a form begins so."""


def render(document: Part) -> str:
    """The page: routes by tag, then the types that they use."""
    groups: dict[str, list[str]] = {}
    langserve, used = [], set[str]()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            if tag == "LangServe":
                langserve.append(f"- `{method.upper()} {path}`")
                continue
            groups.setdefault(tag, []).append(_operation(document, method, path, operation))
            used |= _used(operation, document)
    sections = [f"## {tag}\n\n" + "\n".join(operations) for tag, operations in groups.items()]
    of_agent = [route for route in langserve if "/agent/" in route and "{config_hash}" not in route]
    types = [_type(name, document) for name in sorted(used) if not name.startswith(_FORM)]
    return "\n".join(
        (_INTRODUCTION, *sections, _LANGSERVE, *of_agent, "", "## Types", "", "\n".join(types).rstrip(), "")
    )


def _used(part: Part, document: Part) -> set[str]:
    """The names of the types that a part of the document refers to, directly or by others."""
    names: set[str] = set()
    left = [part]
    while left:
        new = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(left.pop()))) - names
        names |= new
        left += [document["components"]["schemas"][name] for name in new]
    return names


def _operation(document: Part, method: str, path: str, operation: Part) -> str:
    lines = [
        f"### {operation['summary']}",
        "",
        f"`{method.upper()} {path}`",
        "",
        operation["description"],
        "",
    ]
    if parameters := operation.get("parameters"):
        lines += ["| parameter | in | type | |", "|---|---|---|---|"]
        lines += [f"| `{p['name']}` | {p['in']} | {describe(p['schema'])} | {_said(p)} |" for p in parameters]
        lines.append("")
    if body := operation.get("requestBody"):
        lines += [*_content("Body", body, document), *_sample(body["content"], document)]
    for status, response in operation["responses"].items():
        if status[0] in "23":
            lines += _content(status, response, document)
    problems = [
        f"- {status} {_one_line(response['description'])}"
        for status, response in operation["responses"].items()
        if status[0] in "45" and status not in _GENERAL
    ]
    return "\n".join([*lines, *problems, ""] if problems else lines)


def _content(title: str, holder: Part, document: Part) -> list[str]:
    """A body or an answer: its types, those of a form field by field."""
    kinds = [
        f"`{media}`" + (f" {describe(part['schema'])}" if part.get("schema") else "")
        for media, part in holder.get("content", {}).items()
    ]
    said = _one_line(holder.get("description", ""))
    lines = [
        " · ".join(filter(None, (f"**{title}**", *kinds, "" if said == "Successful Response" else said))),
        "",
    ]
    for part in holder.get("content", {}).values():
        if _name(part.get("schema", {})).startswith(_FORM):
            lines += [*_fields(document["components"]["schemas"][_name(part["schema"])]), ""]
    return lines


def _sample(content: Part, document: Part) -> list[str]:
    """A body that a route takes, on one line."""
    schema = content.get("application/json", {}).get("schema", {})
    written = document["components"]["schemas"].get(_name(schema), {})
    return [
        line
        for example in written.get("examples", [])
        for line in ("```json", json.dumps(example, ensure_ascii=False), "```", "")
    ]


def _type(name: str, document: Part) -> str:
    schema = document["components"]["schemas"][name]
    lines = [f"### {name}", ""]
    if said := _one_line(schema.get("description", "")):
        lines += [said, ""]
    lines += [*_fields(schema), ""]
    for example in schema.get("examples", []):
        lines += ["```json", json.dumps(example, ensure_ascii=False, indent=2), "```", ""]
    return "\n".join(lines)


def _fields(schema: Part) -> list[str]:
    """A table of the fields of an object; those with a star must be there."""
    required = set(schema.get("required", []))
    lines = ["| field | type | |", "|---|---|---|"]
    for field, part in schema.get("properties", {}).items():
        star = " \\*" if field in required else ""
        lines.append(f"| `{field}`{star} | {describe(part)} | {_said(part)} |")
    return lines


def describe(schema: Part) -> str:
    """A schema in words, types with links to where they are described."""
    if "$ref" in schema:
        name = _name(schema)
        return "form" if name.startswith(_FORM) else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(describe(part) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    return _container(schema) or f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _container(schema: Part) -> str | None:
    """What holds values of another type, in words."""
    if "contentSchema" in schema:
        return describe(schema["contentSchema"])
    if (data := schema.get("properties", {}).get("data")) is not None:
        return f"events with {describe(data)}"
    if schema.get("type") == "array":
        return f"list of {describe(schema.get('items', {}))}"
    if isinstance(values := schema.get("additionalProperties"), dict):
        return f"object of {describe(values)}"
    return None


def _bounds(schema: Part) -> str:
    return ", ".join(filter(None, (_format(schema), *_limits(schema))))


def _format(schema: Part) -> str:
    return f" ({schema['format']})" if "format" in schema else ""


def _limits(schema: Part) -> Iterator[str]:
    for key, sign in (
        ("minimum", " ≥ "),
        ("maximum", " ≤ "),
        ("minLength", " length ≥ "),
        ("maxLength", " length ≤ "),
    ):
        if key in schema:
            yield f"{sign}{schema[key]}"


def _said(part: Part) -> str:
    said = _one_line(part.get("description") or part.get("schema", {}).get("description", ""))
    default = part.get("default", part.get("schema", {}).get("default"))
    return " · ".join(
        filter(None, (said, f"default `{json.dumps(default)}`" if default not in (None, "", [], {}) else ""))
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _name(schema: Part) -> str:
    name: str = schema.get("$ref", "").rpartition("/")[2]
    return name


def current() -> str:
    """The page as the code now has it."""
    return render(create_app(load_settings()).openapi())


if __name__ == "__main__":
    PAGE.write_text(current())
