"""The evaluations that a server shows are those made with its data directory."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.api.evaluation_example import EVALUATION
from app.evaluations import FOLDER, Evaluations
from app.schemas import Evaluation
from tests.live import make_settings, running


def test_a_run_is_shown_as_soon_as_it_is_kept(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, use_demo_mode=True)
    with running(settings) as server:
        assert server.get("/evaluations").json() == {"evaluations": []}
        Evaluations(settings.data_dir / FOLDER).keep(Evaluation.model_validate(EVALUATION))
        (listed,) = server.get("/evaluations").json()["evaluations"]
        assert listed["name"] == EVALUATION["name"]
        assert "figures" not in listed
        shown = server.get(f"/evaluations/{listed['name']}").raise_for_status().json()
        assert shown["figures"] == EVALUATION["figures"]
        assert shown["refusals"] == EVALUATION["refusals"]


@pytest.mark.parametrize("name", ["20261101t093000z-full", "nothing", "%2e%2e%2fthreads.db", "..%2f..%2fx"])
def test_what_is_not_there_is_a_problem(server: httpx.Client, name: str) -> None:
    answer = server.get(f"/evaluations/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_limit_is_a_number_of_runs(server: httpx.Client) -> None:
    assert server.get("/evaluations", params={"limit": 0}).status_code == 422
