"""What the benchmark of replicas concludes: which answers a kill excuses, and which promises are broken."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.replicas_judging import Ends, judge
from benchmarks.replicas_ledger import Budget, Promises, quantile_ms
from benchmarks.replicas_town import Member
from benchmarks.soak_judging import Documents

KEPT = Documents(present=3, lost=[], ghosts=[], duplicates=[], not_indexed=[], not_found=[])
ENDS = Ends({"replica-0": KEPT, "replica-1": KEPT}, files_left=[], files_missing=[])


def member(*killed_s_ago: float) -> Member:
    killed = [(time.monotonic() - seconds, time.monotonic() - seconds + 0.1) for seconds in killed_s_ago]
    return Member("replica-0", (), {}, Path("output"), "127.0.0.1:1", killed)


def test_what_a_kill_cuts_off_is_excused() -> None:
    promises = Promises()
    promises.unanswered("/ask", time.monotonic() - 3, [member(2)], "ReadError")
    assert (promises.cut_off, judge(promises, ENDS)) == ({"/ask": 1}, [])


@pytest.mark.parametrize("killed_s_ago", [(), (10,)])
def test_without_a_kill_meanwhile_a_missing_answer_is_a_failure(killed_s_ago: tuple[float, ...]) -> None:
    promises = Promises()
    promises.unanswered("/ask", time.monotonic() - 3, [member(*killed_s_ago)], "ReadError")
    assert judge(promises, ENDS) == ["1 times 0 at /ask"]
    assert promises.unexpected == ["/ask: 0 ReadError"]


def test_a_look_that_contradicts_what_was_acknowledged_is_a_failure() -> None:
    promises = Promises()
    assert promises.check("found", True, "c1n1")
    assert not promises.check("found", False, "c1n2 is not among []")
    assert promises.checks == {"found": 2}
    assert judge(promises, ENDS) == ["1 looks at another replica: ['found: c1n2 is not among []']"]


def test_only_what_was_deleted_before_a_search_began_must_not_be_found_by_it() -> None:
    promises = Promises()
    promises.note_deleted("c1n1")
    between = time.monotonic()
    promises.note_deleted("c1n2")
    assert promises.gone_before(["c1n1", "c1n2", "c1n3"], between) == ["c1n1"]
    assert promises.deleted == {"c1n1", "c1n2"}


def test_every_replica_and_the_shared_files_are_judged() -> None:
    lost = Documents(**{**{field: [] for field in KEPT.__slots__}, "present": 2, "lost": ["c1n1"]})
    ends = Ends({"replica-0": KEPT, "replica-1": lost}, files_left=["ab"], files_missing=["cd", "ef"])
    assert judge(Promises(), ends) == [
        "replica-1: 1 documents lost: c1n1",
        "1 files of documents that are gone",
        "2 documents without their file",
    ]


def test_a_document_that_waits_long_for_a_worker_is_a_failure() -> None:
    assert judge(Promises(until_indexed_s=[1.0, 59.0]), ENDS) == []
    assert judge(Promises(until_indexed_s=[1.0, 61.0]), ENDS) == ["a document waited 61 s for a worker"]


def test_a_budget_is_spent_once() -> None:
    budget = Budget(2)
    assert [budget.take() for _ in range(4)] == [True, True, False, False]


def test_quantiles_are_of_what_was_measured() -> None:
    seconds = [number / 1000 for number in range(1, 101)]
    assert [quantile_ms(seconds, share) for share in (0, 0.5, 0.99, 1)] == [1, 51, 100, 100]
