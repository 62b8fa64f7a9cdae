"""The form field in which an upload says what its files are about."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Form

from app.errors import InvalidRequest
from app.knowledge.metadata_filter import check_metadata
from app.surrogates import replace_in_json

MAX_CHARS = 64_000

_Field = Annotated[
    str | None,
    Form(
        max_length=MAX_CHARS,
        description="A JSON object that all the files get as metadata; searches can filter by its fields",
        examples=['{"kind": "contract", "year": 2026}'],
    ),
]


def read_metadata(metadata: _Field = None) -> dict[str, Any]:
    """The object in the form field `metadata`; none when it is absent or empty.

    Raises:
        InvalidRequest: it is not a JSON object.
    """
    if metadata is None or not metadata.strip():
        return {}
    try:
        value = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"metadata: not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InvalidRequest("metadata: must be a JSON object")
    return check_metadata(replace_in_json(value))


UploadMetadata = Annotated[dict[str, Any], Depends(read_metadata)]
