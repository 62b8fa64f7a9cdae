"""The page that shows how well the service finds and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.schemas import Evaluation
from tests.ui.fake_server import FakeService
from tests.ui.reading import texts

Open = Callable[..., AppTest]


@pytest.fixture
def measured(root: Path) -> Callable[..., Evaluation]:
    """An evaluation of the service itself, made once; each test changes what it is about."""
    written = json.loads((root / "tests/fixtures/evaluation.json").read_bytes())

    def make(**changes: Any) -> Evaluation:
        return Evaluation.model_validate(written | changes)

    return make


def charts(page: AppTest) -> list[str]:
    return [chart.proto.alt for chart in page.get("vega_lite_chart")]


def rows(page: AppTest, heading: str) -> list[dict[str, str]]:
    (found,) = (table.value for table in page.table if heading in table.value.columns)
    return [dict(row) for row in found.to_dict("records")]


def test_without_an_evaluation_the_page_says_how_to_make_one(open_page: Open) -> None:
    page = open_page("evaluation")
    assert not page.exception
    assert "No evaluation has been kept" in texts(page.main)
    assert page.code[0].value == ".venv/bin/llmops eval"


def test_the_newest_is_shown_as_tables_and_plots(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    service.library.evaluations = [measured(), measured(name="20261128t012223z-full", profile="full")]
    page = open_page("evaluation")
    assert not page.exception
    assert page.success[0].value == "**All of 32 thresholds are met.**"
    shown = texts(page.main)
    assert "smaller sets" in shown
    assert "answers by the demo engine" in shown
    assert "97 questions about the sample documents, 44 follow-ups, 376 requests for the router" in shown
    assert "35% of questions that sound as if" in shown
    bars, found, refused = charts(page)
    assert "Refused unanswerable 0.59" in bars
    assert "Routing: Accuracy 0.98" in bars
    assert "squad2 by Service" in found
    assert "look-alike, other corpus" in refused
    assert {"Set": "squad2", "Questions": "100", "Documents": "250"} in rows(page, "Questions")
    assert "evaluation" not in page.query_params


def test_another_measure_is_drawn_and_listed(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    service.library.evaluations = [measured()]
    page = open_page("evaluation")
    page.selectbox(key="ranking_measure").set_value("ndcg_at_10").run()
    assert "Bars of nDCG at 10" in charts(page)[1]
    assert {row["Set"]: row["Service"] for row in rows(page, "BM25")}["squad2"] == "0.958"


def test_an_earlier_one_is_chosen_and_stands_in_the_address(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    earlier = measured(name="20261128t012223z-full", profile="full", compared=0, thresholds={})
    service.library.evaluations = [measured(), earlier]
    page = open_page("evaluation", evaluation=earlier.name)
    assert "nothing was judged" in page.info[0].value
    page.selectbox[0].set_value(measured().name).run()
    assert "evaluation" not in page.query_params
    page.selectbox[0].set_value(earlier.name).run()
    assert page.query_params["evaluation"] == earlier.name
    assert "nothing was judged" in page.info[0].value


def test_a_newer_one_is_shown_when_it_is_there(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    service.library.evaluations = [measured()]
    page = open_page("evaluation")
    service.library.evaluations.insert(0, measured(name="20261130t012223z-full", profile="full"))
    page.run()
    assert "whole sets" in texts(page.main)


def test_what_is_below_its_threshold_comes_first(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    changes = {"failed": 1, "figures": measured().figures | {"squad2.recall_at_10": 0.5}}
    service.library.evaluations = [measured(**changes)]
    page = open_page("evaluation")
    assert page.error[0].value == "**1 of 32 figures are below their thresholds.**"
    (below,) = page.table[0].value.to_dict("records")
    assert (below["Set"], below["Figure"], below["Value"]) == ("squad2", "Recall at 10", "0.500")
    assert below["Reached"] == "no"


def test_only_what_was_measured_is_shown_and_no_name_is_markup(
    open_page: Open, service: FakeService, measured: Callable[..., Evaluation]
) -> None:
    hostile = "![x](http://e.example/p.png)"
    changes = {
        "figures": {f"{hostile}.recall": 0.5},
        "sets": [{"name": hostile, "questions": 1}],
        "chat_model": hostile,
        "thresholds": {},
        "rankings": [],
        "refusals": [],
    }
    service.library.evaluations = [measured(**changes)]
    page = open_page("evaluation")
    assert not page.exception
    assert charts(page) == []
    for row in [*rows(page, "Figure"), *rows(page, "Questions")]:
        assert "](http" not in row["Set"]
    assert "](http" not in texts(page.main)
