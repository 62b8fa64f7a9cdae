"""What the stub of an OpenAI server says when a test does not tell it what to say."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import time
from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]
"""The JSON body of a request, as OpenAI's reference describes it."""

NOTHING_FOUND = "The documents do not answer this question."
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_SOURCE = re.compile(r"^\[1\] ?(.*)((?:\n(?!\[\d+\]|<).*)*)", re.MULTILINE)
_MARKED_LINE = re.compile(r"^\W*(\w.*\[\d+\].*)$", re.MULTILINE)


def prompt_of(body: Body) -> str:
    """All that the request says to the model, the system's part included."""
    return "\n".join(_text_of(message) for message in body.get("messages", []))


def answer_from_sources(body: Body) -> str:
    """Quote the first sentence of source [1], or the first line that carries a marker.

    A source begins with a line `[1] title` and ends before the next such line or before a fence `<...>`.
    """
    asked = "\n".join(_text_of(message) for message in body["messages"] if message["role"] != "system")
    if source := _SOURCE.search(asked):
        title, text = (part.strip() for part in source.groups())
        return _SENTENCE_END.split(" ".join((text or title).split()))[0] + " [1]"
    if line := _MARKED_LINE.search(asked):
        return line.group(1)
    return NOTHING_FOUND


def sample_of(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """Make up the plainest value that conforms to a JSON schema."""
    root = root or schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return sample_of(root["$defs"][name], root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample_of(schema[key][0], root)
    return _sample_of_type(schema, root)


def _sample_of_type(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {name: sample_of(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [sample_of(schema.get("items", {}), root)] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "stub".ljust(schema.get("minLength", 0), ".")


def embed_words(text: str, dimensions: int) -> list[float]:
    """Hash each word to one signed coordinate: texts that share words are similar, and the same ones are equal."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or ["nothing"]:
        digest = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(digest[:4], "big") % dimensions] += 1.0 if digest[4] % 2 else -1.0
    return vector if any(vector) else [1.0, *vector[1:]]


def count_words(texts: Sequence[str]) -> int:
    """What the stub calls a token."""
    return sum(len(text.split()) for text in texts)


def completion_of(body: Body, usage: dict[str, int] | None, **choice: Any) -> dict[str, Any]:
    finished = {"finish_reason": "stop"} if "message" in choice else {"finish_reason": None}
    kind = "chat.completion.chunk" if body.get("stream") else "chat.completion"
    return {
        "id": "chatcmpl-stub",
        "object": kind,
        "created": int(time.time()),
        "model": body["model"],
        "choices": [{"index": 0, **finished, **choice}],
        "usage": usage,
    }


def pack_vector(vector: list[float], encoding: str | None) -> list[float] | str:
    if encoding != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def error_of(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "stub_error", "param": None, "code": "stub_error"}}


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
