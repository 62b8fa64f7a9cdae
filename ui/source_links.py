"""The addresses within the page by which a marker `[n]` of an answer leads to its source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from app.schemas import Answer

LINK_PREFIX = "#source-"
_LINK = re.compile(re.escape(LINK_PREFIX) + r"(?P<run_id>[^\s-][^\s]*)-(?P<marker>[0-9]{1,6})")


def source_link(run_id: str, marker: int) -> str:
    return f"{LINK_PREFIX}{quote(run_id, safe='')}-{marker}"


def source_links(answer: Answer) -> dict[int, str]:
    """Where each marker of an answer leads; one without a citation leads nowhere."""
    return {citation.marker: source_link(answer.run_id, citation.marker) for citation in answer.citations}


def find_source(link: str, answers: Iterable[Answer]) -> tuple[Answer, int] | None:
    """The answer and the place among its citations that a link leads to; what a browser sends may lead nowhere."""
    found = _LINK.fullmatch(link)
    if found is None:
        return None
    run_id, marker = unquote(found["run_id"]), int(found["marker"])
    for answer in answers:
        markers = [citation.marker for citation in answer.citations]
        if answer.run_id == run_id and marker in markers:
            return answer, markers.index(marker)
    return None
