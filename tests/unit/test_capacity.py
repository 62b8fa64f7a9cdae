"""The capacity model: it gives back what was measured, and the documentation shows what it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.capacity import Prices, main, plan, replica_mb, search_cpu_ms, tabulate


@pytest.mark.parametrize(("chunks", "milliseconds"), [(10_000, 11.5), (100_000, 23.0), (1_000_000, 41.0)])
def test_searches_cost_what_was_measured_at_these_sizes(chunks: int, milliseconds: float) -> None:
    assert search_cpu_ms(chunks) == pytest.approx(milliseconds)


def test_between_and_beyond_them_searches_cost_what_lies_near() -> None:
    costs = [search_cpu_ms(chunks) for chunks in (1, 10_000, 30_000, 300_000, 1_000_000, 4_000_000)]
    assert costs == sorted(costs)
    assert costs[-1] == pytest.approx(4 * 41.0)


def test_a_replica_with_a_million_chunks_has_the_memory_that_was_measured() -> None:
    assert (
        669 <= replica_mb(1_000_000) <= 1.15 * 669
    )  # with no new vector beside the index, and with all of them
    assert replica_mb(0) == 250


def test_more_searches_need_more_replicas_and_never_fewer_than_three() -> None:
    assert [plan("replicas", 1_000_000, rate).replicas for rate in (1, 60, 600)] == [3, 3, 18]
    assert plan("one server", 1_000_000, 600).replicas == 1


def test_the_price_is_that_of_what_is_needed() -> None:
    free, dear = Prices(0, 0, 0), Prices(0, 0, 2.0)
    needs = plan("replicas", 1_000_000, 20, dear)
    assert plan("replicas", 1_000_000, 20, free).a_month == 0
    assert needs.a_month == pytest.approx(2 * needs.disk_gb)
    assert plan("one server", 100_000, 5).a_month < plan("replicas", 100_000, 5).a_month


def test_the_documentation_shows_what_the_model_gives(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out.strip()
    table = shown[shown.index("|") :]
    assert table == tabulate([100_000, 1_000_000, 2_000_000], 20.0).render().split("\n\n")[1].strip()
    assert table in (root / "docs" / "scaling.md").read_text()
