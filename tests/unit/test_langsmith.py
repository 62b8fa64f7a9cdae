"""LangSmith, which would get questions and documents, is off unless somebody turns it on, and then said to be on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging
logging.basicConfig(level="INFO")
from app.api.observe import warn_of_langsmith
warn_of_langsmith()
"""


def warned(root: Path, **variables: str) -> bool:
    """A process of its own, since the library remembers what it has read of the environment."""
    environment = os.environ | variables
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return "langsmith_is_on" in result.stderr


def test_it_is_off_by_itself_even_with_a_key_at_hand(root: Path) -> None:
    assert not warned(root, LANGSMITH_API_KEY="not-a-key", LANGCHAIN_API_KEY="not-a-key")


@pytest.mark.parametrize("variable", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"])
def test_whoever_turns_it_on_is_told(root: Path, variable: str) -> None:
    assert warned(root, **{variable: "true"})
