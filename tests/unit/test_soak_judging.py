"""What a soak concludes from what it has seen."""

from __future__ import annotations

import os

import pytest

from benchmarks.soak_clients import NO_ANSWER, Ledger, text_of
from benchmarks.soak_judging import Documents, Sample, judge, measure_processes

KEPT = Documents(present=3, lost=[], ghosts=[], duplicates=[], not_indexed=[], not_found=[])
SECONDS = 1_200.0


def samples(*, late_mb: float = 500, late_files: int = 60, late_processes: int = 3) -> list[Sample]:
    early = [Sample(at, 3, 480, 55, 40) for at in range(0, 1_100, 5)]
    return early + [Sample(at, late_processes, late_mb, late_files, 41) for at in range(1_140, 1_200, 5)]


def test_a_soak_without_harm_has_no_failures() -> None:
    ledger = Ledger()
    for status in (200, 202, 429, 503, 504):
        ledger.count("/ask", status, 0.1)
    assert judge(ledger, samples(), KEPT, SECONDS) == []
    assert ledger.unexpected == []


@pytest.mark.parametrize("status", [404, 500, 502, NO_ANSWER])
def test_any_other_status_is_a_failure_with_its_body(status: int) -> None:
    ledger = Ledger()
    ledger.count("/ask", status, 0.1, "what went wrong")
    assert judge(ledger, samples(), KEPT, SECONDS) == [f"1 times {status} at /ask"]
    assert ledger.unexpected == [f"/ask: {status} what went wrong"]


@pytest.mark.parametrize("what", ["lost", "ghosts", "duplicates", "not_indexed", "not_found"])
def test_a_broken_promise_is_a_failure(what: str) -> None:
    broken = Documents(**{**{field: [] for field in KEPT.__slots__}, "present": 3, what: ["c1n2"]})
    assert judge(Ledger(), samples(), broken, SECONDS) == [f"1 documents {what}: c1n2"]


def test_growth_is_judged_by_the_last_minute_and_that_after_the_first_two() -> None:
    assert judge(Ledger(), samples(late_mb=528), KEPT, SECONDS) == []
    assert judge(Ledger(), samples(late_mb=529), KEPT, SECONDS) == ["memory grew from 480 to 529 MB"]
    assert judge(Ledger(), samples(late_files=64), KEPT, SECONDS) == ["files grew from 55 to 64"]
    nothing = ["there are no samples of the processes to compare"]
    assert judge(Ledger(), samples(late_processes=2), KEPT, SECONDS) == nothing


def test_the_state_of_a_document_is_the_last_that_is_known() -> None:
    ledger = Ledger()
    for into in (ledger.stored, ledger.unsure, ledger.deleted):
        ledger.note("c1n1", into)
    assert (ledger.stored, ledger.unsure, ledger.deleted) == (set(), set(), {"c1n1"})


def test_every_document_says_something_of_its_own() -> None:
    names = [f"c{client}n{number}" for client in range(20) for number in range(200)]
    assert len({text_of(name) for name in names}) == len(names)
    assert text_of("c1n1") == text_of("c1n1")


def test_processes_are_measured_together_and_those_that_ended_are_left_out() -> None:
    mine = measure_processes(7, [os.getpid(), 2**22 + 1])
    assert (mine.at, mine.processes) == (7, 1)
    assert mine.files > 2
    assert mine.threads >= 1
