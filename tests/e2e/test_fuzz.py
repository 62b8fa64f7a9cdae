"""Schemathesis sends what the OpenAPI document allows, and what it does not, to every route.

The command comes from an environment of its own, whose path is in `SCHEMATHESIS`; `make fuzz` makes one. How many
requests a route gets is in `FUZZ_EXAMPLES`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.fuzz

LANGSERVE = "^/(agent|qa|research|summarize|chat)/"
SEED = "20261127"
OF_OURS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def fuzz(service: httpx.Client, folder: Path, *options: str) -> int:
    """Raises AssertionError with what was found; the number of requests otherwise."""
    command = [os.environ["SCHEMATHESIS"], "run", f"{service.base_url}/openapi.json", *options]
    examples = os.environ.get("FUZZ_EXAMPLES", "50")
    finished = subprocess.run(
        [
            *command,
            "--max-examples",
            examples,
            "--seed",
            SEED,
            "--request-timeout",
            "60",
            "--continue-on-failure",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-8_000:] + finished.stderr[-2_000:]
    passed = re.search(r"(\d+) generated, \1 passed", finished.stdout)
    assert passed, finished.stdout[-2_000:]
    return int(passed[1])


@pytest.mark.timeout(1_500)
def test_our_routes_do_what_they_declare(service: httpx.Client, tmp_path: Path) -> None:
    requests = fuzz(
        service,
        tmp_path,
        *("--checks", OF_OURS, "--phases", "coverage,fuzzing,stateful"),
        *("--exclude-path-regex", LANGSERVE),
    )
    assert requests > 1_000


@pytest.mark.timeout(1_500)
def test_langserves_routes_never_fail(service: httpx.Client, tmp_path: Path) -> None:
    """It declares neither all its statuses nor its media types."""
    requests = fuzz(
        service,
        tmp_path,
        *("--checks", "not_a_server_error", "--phases", "fuzzing"),
        *("--include-path-regex", LANGSERVE),
    )
    assert requests > 500
