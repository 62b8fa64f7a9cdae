"""How much is made up for the tests of properties: little in every run, `FUZZ_CASES` of each in a deep one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Test = TypeVar("Test", bound=Callable[..., Any])

CASES = int(os.environ.get("FUZZ_CASES", "0"))
_FEW = 40
_LONGEST_MS = 20_000  # of one case: far more than any needs on a busy machine, and less than a hang


def fuzzed(test: Test) -> Test:
    """The settings of a property; without `FUZZ_CASES` each run makes up the same cases."""
    return settings(
        max_examples=CASES or _FEW,
        derandomize=not CASES,
        database=None,
        deadline=_LONGEST_MS,
        suppress_health_check=list(HealthCheck),
    )(test)


def texts_of(*pieces: str, most: int = 30) -> st.SearchStrategy[str]:
    """Texts put together of these pieces, which mean something to what reads them, and of anything else."""
    other = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    return st.lists(st.one_of(st.sampled_from(pieces), other), max_size=most).map("".join)


@st.composite
def damaged(draw: st.DrawFn, sample: bytes) -> bytes:
    """A file with some of its bytes cut out, repeated, changed or put somewhere else."""
    data = bytearray(sample)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        end = start + draw(st.integers(0, 64))
        kind = draw(st.sampled_from(["cut", "repeat", "replace", "insert", "end"]))
        if kind == "cut":
            del data[start:end]
        elif kind == "repeat":
            data[start:start] = data[start:end] * draw(st.integers(1, 50))
        elif kind == "replace":
            data[start:end] = draw(st.binary(max_size=end - start))
        elif kind == "insert":
            data[start:start] = draw(st.binary(max_size=16))
        else:
            del data[start:]
    return bytes(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
