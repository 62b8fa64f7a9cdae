"""The real service with the sample documents in it, for tests that use it from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import make_settings, running


@pytest.fixture(scope="module")
def samples(root: Path) -> Path:
    return root / "examples" / "documents"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[httpx.Client]:
    settings = make_settings(
        tmp_path_factory.mktemp("service"), use_demo_mode=True, embedding_model="embedded:all-MiniLM-L6-v2"
    )
    with running(settings) as client:
        files = [("files", (path.name, path.read_bytes())) for path in sorted(samples.iterdir())]
        answer = client.post("/upload", params={"wait": "true"}, files=files)
        assert [document["status"] for document in answer.json()["documents"]] == ["indexed"] * len(files)
        yield client


@pytest.fixture
def fresh_service(tmp_path: Path) -> Iterator[httpx.Client]:
    """The service without any document, for tests that add some."""
    with running(make_settings(tmp_path, use_demo_mode=True)) as client:
        yield client
