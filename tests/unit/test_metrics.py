"""The evaluation's measures, against values computed by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks import metrics


def test_recall_is_the_share_of_all_relevant_keys_found() -> None:
    ranked = ["a", "x", "b", "y", "c"]
    assert metrics.recall_at(ranked, {"a", "b", "c", "d"}, 3) == pytest.approx(2 / 4)
    assert metrics.recall_at(ranked, {"a", "b", "c", "d"}, 5) == pytest.approx(3 / 4)


def test_reciprocal_rank_counts_the_first_relevant_key_within_k() -> None:
    assert metrics.reciprocal_rank(["x", "y", "a", "b"], {"a", "b"}, 10) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank(["x", "y", "a"], {"a"}, 2) == 0


def test_ndcg_discounts_by_place_and_compares_with_the_best_possible_order() -> None:
    assert metrics.ndcg_at(["a", "b", "x"], {"a", "b"}, 10) == pytest.approx(1)
    gained = 1 / math.log2(3) + 1 / math.log2(4)
    perfect = 1 / math.log2(2) + 1 / math.log2(3)
    assert metrics.ndcg_at(["x", "a", "b"], {"a", "b"}, 10) == pytest.approx(gained / perfect)


def test_ndcg_of_more_relevant_keys_than_k_can_still_be_perfect() -> None:
    assert metrics.ndcg_at(["a", "b"], {"a", "b", "c"}, 2) == pytest.approx(1)


def test_a_document_counts_once_at_the_place_of_its_best_chunk() -> None:
    assert metrics.first_of_each(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_scores_are_means_over_the_queries() -> None:
    scores = metrics.score_rankings([(["a"], {"a"}), (["x"] * 1 + ["y", "z", "w", "v", "b"], {"b", "c"})])
    assert scores.queries == 2
    assert scores.recall_at_5 == pytest.approx((1 + 0) / 2)
    assert scores.recall_at_10 == pytest.approx((1 + 1 / 2) / 2)
    assert scores.mrr_at_10 == pytest.approx((1 + 1 / 6) / 2)


def test_fusion_prefers_what_both_rankings_hold() -> None:
    assert metrics.fuse_reciprocal_ranks([["a", "b"], ["c", "b"]])[0] == "b"


def test_spans_are_compared_by_characters_and_overlaps_count_once() -> None:
    wanted, found = [(0, 10), (20, 30)], [(5, 15), (8, 25)]
    assert metrics.span_recall(wanted, found) == pytest.approx((5 + 5) / 20)
    assert metrics.span_precision(wanted, found) == pytest.approx(10 / 20)
    assert metrics.span_precision(wanted, found, elsewhere=20) == pytest.approx(10 / 40)
    assert metrics.span_precision(wanted, []) == 0


@pytest.mark.parametrize(
    ("text", "expected", "contained"),
    [
        ("It weighs 38 kg.", "38", True),
        ("It rose to 1,380 units.", "380", False),
        ("It rose to 38.5 units.", "38", False),
        ("It weighs 38. Nothing else.", "38", True),
        ("TWO suppliers", "Two", True),
        ("Twofold growth", "Two", False),
        ("notice of two\nmonths applies", "two months", True),
        ("a discount of 15 % is given", "15 %", True),
        ("a discount of 115 % is given", "15 %", False),
    ],
)
def test_expected_text_must_stand_as_whole_words_and_numbers(
    text: str, expected: str, contained: bool
) -> None:
    assert metrics.contains_text(text, expected) is contained


def test_answers_are_compared_without_case_articles_and_punctuation() -> None:
    assert metrics.contains_answer('They called it "The Old  Bridge", in 1998.', ["old bridge"])
    assert metrics.contains_answer("nothing here; but blue", ["red", "Blue!"])
    assert metrics.contains_answer("the town of the kings", ["a town of kings"])
    assert not metrics.contains_answer("an oldest bridge", ["old"])
    assert not metrics.contains_answer("The.", ["", "the"])


def test_separation_is_one_half_for_equal_scores_and_one_for_a_clean_cut() -> None:
    assert metrics.separation([0.5], [0.5]) == 0.5
    assert metrics.separation([0.8, 0.9], [0.1, 0.7]) == 1
    assert metrics.separation([0.2, 0.9], [0.5]) == 0.5


def test_the_refusal_curve_runs_from_answering_all_to_answering_none() -> None:
    assert metrics.refusal_curve([0.9, 0.4], [0.1]) == [(1.0, 1.0), (1.0, 0.0), (0.5, 0.0), (0.0, 0.0)]
    assert metrics.refusal_curve([0.1, 0.2, 0.3, 0.4], [0.5], points=2) == [
        (1.0, 1.0),
        (0.5, 1.0),
        (0.0, 0.0),
    ]


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("the gunman police killed", "police killed the gunman", 0.5),
        ("The same, words!", "the SAME words", 1.0),
        ("", "words", 0.0),
        ("other", "words", 0.0),
        ("a b c d", "b d", 2 / 3),
    ],
)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(
    text: str, reference: str, expected: float
) -> None:
    assert metrics.rouge_l(text, reference) == pytest.approx(expected)
