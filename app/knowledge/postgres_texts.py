"""Texts as PostgreSQL can hold them: without U+0000, and in JSON without halves of surrogate pairs.

SQLite takes both. Each such character becomes U+FFFD on the way in, one for one, so that spans go on pointing where
they did. What is compared with stored texts goes the same way, and so finds them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg
from psycopg.types.string import StrDumperUnknown

_IN_DOUBT = re.compile(r"\\u(?:0000|d[89a-f])")
_LOST = "\N{REPLACEMENT CHARACTER}"


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", _LOST) if "\0" in obj else obj)


def prepare_texts(connection: psycopg.Connection[Any], _record: object) -> None:
    """Have a new connection send texts so."""
    connection.adapters.register_dumper(str, _TextDumper)


def write_json(value: object) -> str:
    written = json.dumps(value)
    return json.dumps(_cleaned(value)) if _IN_DOUBT.search(written) else written


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        whole = value.replace("\0", _LOST).encode("utf-16", errors="surrogatepass")
        return whole.decode("utf-16", errors="replace")
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value
