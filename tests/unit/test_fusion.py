"""How two opinions about a chunk become one score."""

from __future__ import annotations

import pytest

from app.knowledge.fusion import rank, weigh_dense
from app.knowledge.quotation import Quotation


def test_both_searches_have_their_weight() -> None:
    ranked = rank({1: 0.9, 2: 0.5, 3: -0.2}, {2: 0.6, 3: 0.1}, dense_weight=0.4)
    assert [found.chunk_no for found in ranked] == [2, 1, 3]
    assert [found.score for found in ranked] == pytest.approx([0.56, 0.36, 0.06])


def test_the_older_chunk_comes_first_when_scores_are_equal() -> None:
    assert [found.chunk_no for found in rank({7: 0.5, 3: 0.5, 5: 0.5}, {}, dense_weight=0.4)] == [3, 5, 7]


def test_words_alone_decide_without_a_vector() -> None:
    ranked = rank(None, {1: 0.2, 2: 0.7}, dense_weight=0.4)
    assert [(found.chunk_no, found.score, found.dense) for found in ranked] == [
        (2, 0.7, None),
        (1, 0.2, None),
    ]


def test_an_english_model_has_less_to_say_in_other_languages() -> None:
    english = weigh_dense("notice period", english_only=True)
    german = weigh_dense("Wie lang ist die Kündigungsfrist?", english_only=True)
    assert weigh_dense("Wie lang ist die Kündigungsfrist?", english_only=False) == english
    assert weigh_dense("срок уведомления", english_only=True) < german < english
    assert (
        weigh_dense("срок уведомления", english_only=True)
        < weigh_dense("NVIDIA 的收入", english_only=True)
        < english
    )
    assert weigh_dense("срок уведомления", english_only=False) == english
    assert weigh_dense("2024?", english_only=True) == english


def test_a_quotation_is_recognised_in_spite_of_typography() -> None:
    quotation = Quotation("The tenant’s deposit, of 42,600 euros; is due")
    assert quotation.share_in("the  tenant's\ndeposit of 42,600 euros is due on Monday") == 1.0
    assert 0.0 < quotation.share_in("the tenant's deposit of 42,600 euros was due") < 1.0
    assert quotation.share_in("due is euros 42,600 of deposit tenant's the") == 0.0
    assert quotation.raise_score(0.4, "the tenant's deposit of 42,600 euros is due") == pytest.approx(0.7)


def test_a_few_words_are_no_quotation() -> None:
    assert not Quotation("what is the rent").is_possible()
    assert Quotation("合同期限为三年").is_possible()
