"""Where evaluations are kept for the server, and what of one is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.api.evaluation_example import EVALUATION
from app.errors import UnknownEvaluation
from app.evaluations import Evaluations, name_evaluation
from app.schemas import Evaluation
from benchmarks.answer_quality import ANSWERABLE, LOOKALIKE, AnswerResult
from benchmarks.eval_record import as_record
from benchmarks.eval_report import EvaluationResults
from benchmarks.gate import Verdict
from benchmarks.metrics import RankingScores
from benchmarks.retrieval_quality import RetrievalResult


def make(day: int, **changes: Any) -> Evaluation:
    moment = datetime(2026, 11, day, 9, 30, tzinfo=UTC)
    named = {"name": name_evaluation(moment, "quick"), "created_at": moment}
    return Evaluation.model_validate(EVALUATION | named | changes)


def test_what_was_kept_is_listed_newest_first_and_found(tmp_path: Path) -> None:
    kept = Evaluations(tmp_path / "data" / "evaluations")
    assert kept.recent(10) == []
    for day in (3, 1, 2):
        kept.keep(make(day, failed=day))
    assert [info.failed for info in kept.recent(2)] == [3, 2]
    assert kept.get(make(1).name) == make(1, failed=1)
    assert sorted(path.suffix for path in (tmp_path / "data" / "evaluations").iterdir()) == [".json"] * 3


def test_a_file_of_another_hand_is_none_of_them(tmp_path: Path) -> None:
    kept = Evaluations(tmp_path)
    kept.keep(make(1))
    for name in ("20261102t093000z-quick.json", "notes.json", "x.txt"):
        (tmp_path / name).write_text("{}")
    assert [info.name for info in kept.recent(10)] == [make(1).name]
    with pytest.raises(UnknownEvaluation):
        kept.get("20261102t093000z-quick")


@pytest.mark.parametrize(
    "name", ["", "..", "../secret", "20261101t093000z-quick.json", "/etc/passwd", "notes"]
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text(make(1).model_dump_json())
    kept = Evaluations(tmp_path / "evaluations")
    kept.keep(make(1))
    (tmp_path / "evaluations" / "notes.json").write_text(make(1).model_dump_json())
    with pytest.raises(UnknownEvaluation):
        kept.get(name)


def test_a_record_holds_figures_sizes_and_what_is_drawn() -> None:
    scores = RankingScores(queries=40, recall_at_5=0.9, recall_at_10=0.95, mrr_at_10=0.8, ndcg_at_10=0.85)
    answers = AnswerResult(
        questions={ANSWERABLE: 40, LOOKALIKE: 30, "other corpus": 30},
        contains=0.5,
        contains_when_answered=0.6,
        cites=0.9,
        words_per_answer=12.0,
        refused={ANSWERABLE: 0.1, LOOKALIKE: 0.4, "other corpus": 0.9},
        separation={},
        curves={LOOKALIKE: [(1.0, 1.0), (0.75, 0.25)]},
        ask_p50_ms=80.0,
        mode="demo",
    )
    found = RetrievalResult(
        name="squad2", sources=250, failed=0, chunks=260, methods={"system": scores, "BM25": scores},
        ingest_s=1.0, search_p50_ms=5.0,
    )  # fmt: skip
    results = EvaluationResults(retrieval=[found], answers=answers)
    record = as_record(
        results,
        Verdict({"squad2.recall_at_10": 0.96}, ("squad2.recall_at_10 = 0.95 is below 0.96",)),
        machine={"date": "2026-11-29T01:20:14+00:00", "processor": "p", "cores": 2, "commit": None},
        configuration={"embedding_model": "embedded:all-MiniLM-L6-v2", "chat_model": None},
        profile="full",
        seconds=1.0,
    )
    assert record.name == "20261129t012014z-full"
    assert (record.compared, record.failed) == (1, 1)
    assert [(one.name, one.questions, one.documents) for one in record.sets] == [
        ("squad2", 40, 250),
        ("squad2, answered", 100, None),
    ]
    assert [one.method for one in record.rankings] == ["system", "BM25"]
    (curve,) = record.refusals
    assert curve.points == [(0.0, 1.0), (0.75, 0.75)]
    assert curve.configured == (0.4, 0.9)
    assert record.figures["squad2.recall_at_10"] == 0.95
