"""Rules that every test lives by; `[tool.pytest.ini_options]` in pyproject.toml has the rest.

A test reaches nothing but this machine, has a minute, and fails on a warning.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer has configured, in a shell or in `.env`, changes what a test sees."""
    for name in list(os.environ):
        if name.startswith(("LLMOPS_", "OPENAI_", "OTEL_", "LANGSMITH_", "LANGCHAIN_")) or name in (
            "USE_DEMO_MODE",
            "LOG_LEVEL",
            "PORT",
            "UI_PORT",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_log_of_ended_tests() -> None:
    """A server within this process logs to the output of the test that started it, which is gone with the test."""
    logger = logging.getLogger()
    for handler in list(logger.handlers):
        if isinstance(handler, logging.StreamHandler) and getattr(handler.stream, "closed", False):
            logger.removeHandler(handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL leave out what is about the SQLite file, and say so (`pytest -rs`)."""
    if not postgres.is_asked_for():
        return
    for item in items:
        if item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="about the SQLite file itself"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's directory."""
    return ROOT


@pytest.fixture(scope="session")
def evaldata() -> Path:
    """Real documents and questions that the project may read and must not contain."""
    folder = Path(os.environ.get("LLMOPS_EVALDATA") or ROOT.parent / "shared" / "evaldata")
    if not folder.is_dir():
        pytest.skip("no evaluation data: neither ../shared/evaldata nor LLMOPS_EVALDATA")
    return folder
