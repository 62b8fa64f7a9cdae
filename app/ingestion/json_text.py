"""JSON and JSON Lines as text that can be read, searched and quoted: lines of `path: value`, a block per record."""

from __future__ import annotations

import json
import re
from typing import Any

from app.errors import CorruptDocument, DocumentTooComplex, UnknownEncoding
from app.ingestion.clean_text import clean_text
from app.ingestion.media_types import JSON, JSON_LINES
from app.ingestion.parsed import ParsedDocument, ParseLimits

# A list of scalars up to this many characters stays on one line.
_INLINE_LIST_CHARS = 300
_PLAIN_KEY = re.compile(r"[^\s.:\[\]\"]+(?: [^\s.:\[\]\"]+)*")


class _Members(list[tuple[str, Any]]):
    """An object's members in order; a dict would drop all but the last of members with the same key."""


class _Literal(str):
    """A number as it is written: floats would round it, and huge integers cost quadratic time."""


def parse_json(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Raises `CorruptDocument` naming line and column, `UnknownEncoding` or `DocumentTooComplex`."""
    value = _decode_value(_decode_bytes(data), first_line=1)
    writer = _Writer(limits)
    writer.write(value)
    # A string of control characters alone is valid JSON, and shown as what it comes to.
    return ParsedDocument(clean_text(writer.text()) or '""', JSON, title=_title(value))


def parse_json_lines(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Each line is one record; empty lines count as lines but are skipped. Errors as `parse_json`."""
    writer = _Writer(limits)
    for number, line in enumerate(_decode_bytes(data).split("\n"), start=1):
        if line.strip():
            writer.write(_decode_value(line, first_line=number))
            writer.end_block()
    text = clean_text(writer.text())
    if not text:
        raise CorruptDocument("invalid JSON Lines: no line holds a record")
    return ParsedDocument(text, JSON_LINES)


def _decode_bytes(data: bytes) -> str:
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnknownEncoding(f"JSON must be UTF-8, but byte {error.start} is not") from None


def _decode_value(text: str, *, first_line: int) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_Members,
            parse_int=_Literal,
            parse_float=_Literal,
            # NaN and Infinity are not JSON, yet Python, JavaScript tools and data sets write them.
            parse_constant=_Literal,
        )
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise CorruptDocument(f"invalid JSON: {error.msg} at line {line}, column {error.colno}") from None
    except RecursionError:
        raise DocumentTooComplex("the JSON is nested too deeply") from None


def _title(value: Any) -> str | None:
    """An object that names itself does it with one of these keys."""
    if not isinstance(value, _Members):
        return None
    named = {key.lower(): member for key, member in value if isinstance(member, str) and member.strip()}
    title = named.get("title") or named.get("name")
    return clean_text(title).strip()[:200] or None if title else None


class _Writer:
    """Writes values as lines, and stops when text or depth pass the limits."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._parts: list[str] = []
        self._chars = 0

    def text(self) -> str:
        return "".join(self._parts).strip("\n")

    def end_block(self) -> None:
        if self._parts and self._parts[-1] != "\n":
            self._add("\n")

    def write(self, value: Any) -> None:
        if _is_scalar(value):
            self._add(f"{_scalar_text(value)}\n")
        elif not value:
            self._add("{}\n" if isinstance(value, _Members) else "[]\n")
        elif isinstance(value, _Members):
            self._write_record(value, "", 1)
        else:
            self._write_list("", value, 1)

    def _write_record(self, members: _Members, path: str, depth: int) -> None:
        """Scalars and short lists as lines; a nested object's lines follow under its path."""
        self._check_depth(depth)
        for key, value in members:
            self._write_member(f"{path}.{_key_text(key)}" if path else _key_text(key), value, depth)

    def _write_member(self, path: str, value: Any, depth: int) -> None:
        if isinstance(value, _Members) and value:
            self._write_record(value, path, depth + 1)
        elif isinstance(value, list) and value:
            self._write_list(path, value, depth + 1)
        else:
            self._add(f"{path}: {_scalar_text(value)}\n")

    def _write_list(self, path: str, values: list[Any], depth: int) -> None:
        self._check_depth(depth)
        if (
            all(map(_is_scalar, values))
            and sum(len(_scalar_text(v)) + 2 for v in values) <= _INLINE_LIST_CHARS
        ):
            inline = ", ".join(map(_scalar_text, values))
            self._add(f"{path}: {inline}\n" if path else f"{inline}\n")
            return
        for index, value in enumerate(values):
            if not _is_scalar(value):
                self.end_block()
            self._write_member(f"{path}[{index}]", value, depth)
        self.end_block()

    def _check_depth(self, depth: int) -> None:
        if depth > self._limits.max_depth:
            raise DocumentTooComplex(f"the JSON is nested more than {self._limits.max_depth} levels deep")

    def _add(self, line: str) -> None:
        self._chars += len(line)
        if self._chars > self._limits.max_chars:
            raise DocumentTooComplex(
                f"the JSON makes more than {self._limits.max_chars:,} characters of text"
            )
        self._parts.append(line)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list)


def _scalar_text(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, list):
        return "{}" if isinstance(value, _Members) else "[]"
    return {None: "null", True: "true", False: "false"}[value]


def _key_text(key: str) -> str:
    """Quoted where the key would read as a path, a line of its own or nothing."""
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
