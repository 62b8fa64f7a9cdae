"""The configured embedding model: unit vectors from any provider, and our errors when it fails."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from app.errors import (
    ConfigurationError,
    ModelError,
    ModelMisbehaved,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
)
from app.logs import KeyValueFormatter
from app.models.embeddings import EmbeddingModel, build_embedding_model
from app.settings import load_settings
from tests.stub_openai import Mode, StubOpenAI

KEY = "sk-very-secret-0123456789"


class FixedEmbeddings(Embeddings):
    """A provider that answers every call with the same vectors."""

    def __init__(self, *vectors: list[float]) -> None:
        self._vectors = list(vectors)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._vectors

    def embed_query(self, text: str) -> list[float]:
        return self._vectors[0]


@pytest.fixture
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture
def build(stub: StubOpenAI) -> Iterator[Callable[..., EmbeddingModel]]:
    built = ExitStack()

    def build_on_stub(**overrides: Any) -> EmbeddingModel:
        values = {
            "openai_api_key": KEY,
            "openai_base_url": stub.base_url,
            "model_max_retries": 0,
            "_env_file": None,
        }
        return built.enter_context(closing(build_embedding_model(load_settings(**(values | overrides)))))

    with built:
        yield build_on_stub


def test_without_a_key_the_embedded_model_is_chosen_and_gives_arrays() -> None:
    model = build_embedding_model(load_settings(_env_file=None))

    assert (model.name, model.dimension) == ("embedded:all-MiniLM-L6-v2", 384)
    assert model.embed(["a", "b"]).shape == (2, 384)
    np.testing.assert_array_equal(model.embed(["a"])[0], model.embed_query("a"))


def test_the_embedded_model_is_there_in_32_bits_as_well() -> None:
    exact, usual = (
        build_embedding_model(load_settings(embedding_model=name, _env_file=None)).embed_query("the rent")
        for name in ("embedded:all-MiniLM-L6-v2-fp32", "embedded:all-MiniLM-L6-v2")
    )
    assert 0.98 < exact @ usual < 0.99999


def test_a_providers_vectors_come_normalised_and_in_order(build: Callable[..., EmbeddingModel]) -> None:
    model = build()
    vectors = model.embed(["monthly rent of the flat", "rent", "something else"])

    assert model.name == "openai:text-embedding-3-large"
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[1], model.embed_query("rent"), atol=1e-6)
    assert np.linalg.norm(model.embed_query("rent")) == pytest.approx(1, abs=1e-6)


def test_texts_are_sent_as_text_in_requests_of_bounded_size(
    build: Callable[..., EmbeddingModel], stub: StubOpenAI
) -> None:
    texts = [f"chunk {number}" for number in range(600)]

    vectors = build().embed(texts)

    assert vectors.shape == (600, stub.dimensions)
    assert [text for request in stub.requests for text in request.body["input"]] == texts
    assert max(len(request.body["input"]) for request in stub.requests) <= 256


def test_what_a_provider_would_refuse_is_not_sent(
    build: Callable[..., EmbeddingModel], stub: StubOpenAI
) -> None:
    assert build().embed(["", "lone \ud800", "x" * 50_000]).shape == (3, stub.dimensions)

    assert stub.requests[0].body["input"] == [" ", "lone \N{REPLACEMENT CHARACTER}", "x" * 8_000]


def test_a_closed_model_leaves_no_connection(build: Callable[..., EmbeddingModel]) -> None:
    model = build()
    model.embed_query("a")
    model.close()
    del model
    gc.collect()  # a socket that was left open would warn here, and warnings are errors


def test_no_texts_need_no_request(build: Callable[..., EmbeddingModel], stub: StubOpenAI) -> None:
    assert len(build().embed([])) == 0
    assert stub.requests == []


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("429", ModelRateLimited),
        ("500", ModelUnavailable),
        ("hang", ModelTimeout),
        ("garbage", ModelMisbehaved),
        ("empty", ModelMisbehaved),
    ],
)
def test_failures_become_our_errors_and_keep_the_key_secret(
    build: Callable[..., EmbeddingModel],
    stub: StubOpenAI,
    mode: Mode,
    error: type[ModelError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub.embeddings_mode = mode
    model = build(model_timeout_s=0.3)

    calls: list[Callable[[], object]] = [lambda: model.embed(["a"]), lambda: model.embed_query("a")]
    for call in calls:
        with pytest.raises(error) as raised:
            call()
        assert KEY not in "".join(traceback.format_exception(raised.value))
    assert stub.requests[0].authorization == f"Bearer {KEY}"
    logged = "\n".join(map(KeyValueFormatter().format, caplog.records))
    assert KEY not in logged
    assert f"code={error.code}" in logged


def test_a_server_that_is_not_there_is_unavailable() -> None:
    settings = load_settings(
        openai_api_key=KEY, openai_base_url="http://127.0.0.1:9/v1", model_max_retries=0, _env_file=None
    )
    with closing(build_embedding_model(settings)) as model, pytest.raises(ModelUnavailable):
        model.embed_query("a")


def test_a_passing_failure_is_retried(build: Callable[..., EmbeddingModel], stub: StubOpenAI) -> None:
    stub.embeddings_mode = "429"
    stub.retry_after_s = 0.01
    with pytest.raises(ModelRateLimited) as raised:
        build(model_max_retries=2).embed(["a"])

    assert len(stub.requests) == 3
    # Work that can wait longer is told how long.
    assert (raised.value.retry_after_s, raised.value.is_final) == (0.01, False)


@pytest.mark.parametrize(
    "vectors",
    [([1.0, 0.0],), ([1.0, 0.0], [1.0]), ([1.0, 0.0], [0.0, 0.0]), ([1.0, 0.0], [float("nan"), 1.0])],
)
def test_vectors_that_cannot_be_searched_with_are_refused(vectors: tuple[list[float], ...]) -> None:
    with pytest.raises(ModelMisbehaved):
        EmbeddingModel("fixed:test", FixedEmbeddings(*vectors)).embed(["a", "b"])


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("embedded:other", "embedded:all-MiniLM-L6-v2"),
        ("openai:text-embedding-3-small", "OPENAI_API_KEY"),
        ("cohere:embed-v4", "langchain-cohere"),
        ("nobody:knows", "cannot be used"),
    ],
)
def test_an_impossible_choice_names_the_setting_and_the_remedy(name: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        build_embedding_model(load_settings(embedding_model=name, _env_file=None))

    assert f"LLMOPS_EMBEDDING_MODEL={name!r}" in str(raised.value)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)
