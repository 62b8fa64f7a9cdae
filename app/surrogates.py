"""Half characters, which JSON can spell (`\\ud800`) and neither UTF-8 nor a database can hold."""

from __future__ import annotations

import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced, one character for one."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def replace_in_json(value: Any) -> Any:
    """The same for all texts of a JSON value, keys included.

    Raises:
        ValueError: it is nested too deeply.
    """
    try:
        return _replace(value)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _replace(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, list):
        return [_replace(item) for item in value]
    if isinstance(value, dict):
        return {_replace(key): _replace(item) for key, item in value.items()}
    return value
