"""The evaluation's gate, its smaller sets, and how it reads the data, on tiny sets written for this test."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from app.errors import ModelTimeout
from benchmarks.baselines import build_raw_index, search_raw_index
from benchmarks.datasets import PROJECT, load_retrieval_set, shrink
from benchmarks.eval import describe_configuration, main
from benchmarks.gate import compare, load_baseline
from benchmarks.html_report import write_html
from benchmarks.judge import ToGrade, evaluate_by_judge, kappa
from benchmarks.report import Table
from benchmarks.sample_quality import load_expectations
from tests.live import make_settings
from tests.unit.structured_fake import FormModel

MODELS = {"embedding_model": "embedded:all-MiniLM-L6-v2", "chat_model": None}
BASELINE: dict[str, Any] = {
    "configuration": MODELS,
    "samples": {"samples.hit_at_5": 0.9},
    "full": {"squad2.recall_at_10": 0.9, "cranfield.recall_at_10": 0.4},
    "quick": {"squad2.recall_at_10": 0.99},
}


def judge(figures: dict[str, float], **options: Any) -> Any:
    return compare(figures, BASELINE, **({"profile": "full", "configuration": MODELS} | options))


def test_a_figure_at_its_threshold_passes_and_one_below_fails_by_name() -> None:
    assert judge({"samples.hit_at_5": 0.9, "squad2.recall_at_10": 0.95}).failures == ()
    (failure,) = judge({"samples.hit_at_5": 0.95, "squad2.recall_at_10": 0.89}).failures
    assert "squad2.recall_at_10 = 0.89" in failure
    assert "0.9" in failure


def test_a_missing_figure_of_the_samples_fails_and_one_of_an_absent_set_does_not() -> None:
    verdict = judge({"squad2.recall_at_10": 0.95})
    assert verdict.compared == 2
    assert len(verdict.failures) == 1
    assert judge({"squad2.recall_at_10": 0.95}, samples=False).failures == ()


def test_what_is_not_a_number_fails() -> None:
    assert judge({"samples.hit_at_5": float("nan")}).failures


def test_the_quick_profile_has_its_own_thresholds() -> None:
    figures = {"samples.hit_at_5": 1.0, "squad2.recall_at_10": 0.95}
    assert judge(figures).failures == ()
    assert judge(figures, profile="quick").failures


def test_other_models_than_those_of_the_baseline_are_not_judged() -> None:
    verdict = judge({"samples.hit_at_5": 0.1}, configuration=MODELS | {"chat_model": "openai:gpt-4o"})
    assert verdict.failures == ()
    assert verdict.skipped


def test_the_stored_baseline_is_for_an_installation_without_a_key(tmp_path: Path) -> None:
    baseline = load_baseline()
    settings = make_settings(
        tmp_path, openai_api_key=None, chat_model=None, embedding_model=None, use_demo_mode=None
    )
    assert describe_configuration(settings) == baseline["configuration"]
    assert baseline["samples"]
    assert all(0 < least <= 1 for kind in ("samples", "full", "quick") for least in baseline[kind].values())


def write_set(folder: Path) -> None:
    (folder / "squad2").mkdir()
    rows = {
        "corpus.jsonl": [
            {"id": f"p{n}", "title": f"title {n}", "text": f"text {n}" if n else ""} for n in range(10)
        ],
        "queries.jsonl": [
            {"id": f"q{n}", "question": f"What is {n}?", "answers": [f"{n}"], "type": "factoid"}
            for n in range(4)
        ]
        + [{"id": "none", "question": "What is not there?", "answers": [], "type": "unanswerable"}],
    }
    for name, lines in rows.items():
        (folder / "squad2" / name).write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    judgements = [f"q{n}\tp{n}\t1" for n in range(4)] + ["q0\tp9\t1", "q0\tp8\t0"]
    (folder / "squad2" / "qrels.tsv").write_text(
        "\n".join(["query-id\tdoc-id\tscore", *judgements]), encoding="utf-8"
    )


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    write_set(tmp_path)
    return tmp_path


def test_only_judged_queries_are_asked_and_only_positive_judgements_count(tiny: Path) -> None:
    data = load_retrieval_set("squad2", tiny)
    assert [query.query_id for query in data.queries] == ["q0", "q1", "q2", "q3"]
    assert data.judgements["squad2"]["q0"] == {"p0", "p9"}


def test_a_passage_without_text_is_known_by_its_title(tiny: Path) -> None:
    assert load_retrieval_set("squad2", tiny).sources[0].text == "title 0"


def test_a_smaller_set_keeps_what_its_queries_need(tiny: Path) -> None:
    small = shrink(load_retrieval_set("squad2", tiny), sources=5, queries=2)
    assert [query.query_id for query in small.queries] == ["q0", "q2"]
    assert len(small.sources) == 5
    assert {"p0", "p9", "p2"} <= {source.key for source in small.sources}


def test_every_expectation_about_the_samples_names_a_sample() -> None:
    documents = {path.name for path in (PROJECT / "examples" / "documents").iterdir()}
    expectations = load_expectations()
    assert any(expectation.answer is None for expectation in expectations)
    assert {expectation.document for expectation in expectations if expectation.answer} <= documents


def test_tables_line_up() -> None:
    lines = Table("Title", ("name", "value"), [["a", 0.5], ["longer", None]]).render().splitlines()
    assert lines[0] == "### Title"
    assert len({len(line) for line in lines[2:]}) == 1


def test_a_page_shows_what_is_in_the_tables_and_nothing_that_they_say_is_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.html_report.RESULTS", tmp_path)
    picture = tmp_path / "plot.png"
    picture.write_bytes(b"\x89PNG")
    tables = [Table("Misses", ("question", "share"), [["<script>alert(1)</script>", 0.5], ["x", None]])]
    page = write_html("eval", "Q & A", tables, facts={"cores": 2}, picture=picture).read_text(
        encoding="utf-8"
    )
    root = lxml.html.fromstring(page)
    assert [cell.text_content() for cell in root.iter("td")] == [
        "<script>alert(1)</script>",
        "0.500",
        "x",
        "–",
    ]
    assert not list(root.iter("script"))
    assert base64.b64decode(next(root.iter("img")).get("src").partition(",")[2]) == b"\x89PNG"


async def test_a_judge_is_measured_by_people_before_it_grades() -> None:
    graded = [ToGrade("q", "42", "42", "correct"), ToGrade("q", "42", "41", "incorrect")]
    model = FormModel({"grade": "correct"})
    result = await evaluate_by_judge(
        model, graded, [ToGrade("How high is the rent?", "900", "It is 900 euros.")]
    )
    assert (result.agreement, result.kappa, result.correct, result.failed) == (0.5, 0.0, 1.0, 0)
    assert "It is 900 euros." in model.prompts[-1]
    failed = await evaluate_by_judge(FormModel(ModelTimeout("late")), graded, [])
    assert (failed.calibrated, failed.failed) == (0, 2)


def test_agreement_beyond_chance() -> None:
    assert kappa([("a", "a"), ("b", "b")]) == 1.0
    assert kappa([("a", "a"), ("b", "a")]) == 0.0
    assert kappa([("a", "b"), ("b", "a")]) == -1.0
    assert kappa([]) == 0.0


def test_an_unknown_set_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--sets", "nonsense"])
    assert "squad2" in capsys.readouterr().err


def test_the_word_baseline_searches_for_every_word_even_those_of_its_query_language() -> None:
    index = build_raw_index(["to be", "or not", "nothing of it"])
    searcher = index.searcher()
    assert search_raw_index(index, searcher, "NOT and: (or)", 10) == [1]
    assert set(search_raw_index(index, searcher, "be or it?", 10)) == {0, 1, 2}
    assert search_raw_index(index, searcher, "?!", 10) == []
