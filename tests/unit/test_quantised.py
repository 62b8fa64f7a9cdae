"""Vectors in one byte for each number: what they lose, the exact scores that follow give back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.knowledge.quantised import QuantisedBuilder, QuantisedVectors, Sizes

COUNT, DIMENSION = 6_000, 64


def unit_vectors(count: int, seed: int) -> NDArray[np.float32]:
    centres = np.random.default_rng(1).standard_normal((40, DIMENSION))
    random = np.random.default_rng(seed)
    matrix = centres[random.integers(0, len(centres), count)] + random.standard_normal((count, DIMENSION))
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


MATRIX = unit_vectors(COUNT, 2)
NUMBERS = np.arange(COUNT, dtype=np.int64) * 3 + 1


@pytest.fixture(params=[Sizes(), Sizes(scanned=1_000)], ids=["scanned", "cells"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> QuantisedVectors:
    """As they are mapped from a file."""
    builder = QuantisedBuilder(request.param)
    for start in range(0, COUNT, 500):
        builder.add(NUMBERS[start : start + 500], MATRIX[start : start + 500])
    details = builder.finish().save(tmp_path, "0")
    return QuantisedVectors.load(tmp_path, details)


def share_found(vectors: QuantisedVectors, allowed: NDArray[np.bool_], within: bool) -> float:
    """The share of the ten nearest of those allowed that is among 22 candidates."""
    shares = []
    for query in unit_vectors(50, 3):
        scores = np.where(allowed, MATRIX @ query, -2.0)
        nearest = NUMBERS[np.argsort(-scores)[:10]]
        found = vectors.candidates(query[np.newaxis], 22, NUMBERS[allowed] if within else None)
        assert np.isin(found, NUMBERS[allowed]).all()
        assert len(found) >= 22
        shares.append(np.isin(nearest, found).mean())
    return float(np.mean(shares))


def test_the_nearest_are_among_the_candidates(vectors: QuantisedVectors) -> None:
    assert share_found(vectors, np.ones(COUNT, dtype=np.bool_), within=False) > 0.97


@pytest.mark.parametrize("step", [2, 100])
def test_a_restriction_is_exact(vectors: QuantisedVectors, step: int) -> None:
    assert share_found(vectors, np.arange(COUNT) % step == 0, within=True) > 0.995


def test_what_was_forgotten_is_no_candidate(vectors: QuantisedVectors) -> None:
    vectors.forget([(1, 3_000), (9_000, 9_000), (17_000, 99_000)])
    left = (NUMBERS > 3_000) & (NUMBERS < 17_000)
    assert vectors.forgotten == COUNT - left.sum()
    assert share_found(vectors, left, within=False) > 0.97
    assert len(vectors.candidates(MATRIX[:1], 10, NUMBERS[:500])) == 0
