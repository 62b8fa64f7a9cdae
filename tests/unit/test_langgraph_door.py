"""The graphs of `langgraph.json` without the platform around them."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import InvalidRequest
from app.langgraph_door import qa


@pytest.mark.parametrize("state", [{"agent": "qa"}, {"question": 7}, {"question": None}])
async def test_a_state_without_a_question_is_refused_in_words(state: Any) -> None:
    with pytest.raises(InvalidRequest, match="question: must be a text"):
        await qa().ainvoke(state)
