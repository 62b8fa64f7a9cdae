"""Every vector store passes LangChain's standard suite, sync and async."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from app.knowledge.faiss_store import FaissVectorStore
from app.knowledge.milvus_store import MilvusVectorStore


class TestFaissVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:
        store = FaissVectorStore.from_texts([], self.get_embeddings())
        yield store
        store.close()

    def test_filter_applies_before_the_search(self, vectorstore: VectorStore) -> None:
        documents = [Document(page_content=f"text {n}", metadata={"part": n % 40}) for n in range(200)]
        vectorstore.add_documents(documents)
        found = vectorstore.similarity_search("text 7", k=5, filter={"part": 3})
        assert [document.metadata["part"] for document in found] == [3] * 5

    def test_relevance_scores_lie_between_zero_and_one(self, vectorstore: VectorStore) -> None:
        vectorstore.add_texts([f"text {n}" for n in range(50)])
        found = vectorstore.similarity_search_with_relevance_scores("text 7", k=50)
        scores = [score for _, score in found]
        assert found[0][0].page_content == "text 7"
        assert scores[0] == pytest.approx(1.0)
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= 0.0

    def test_marginal_relevance_prefers_what_is_unlike_the_chosen(self, vectorstore: VectorStore) -> None:
        vectorstore.add_texts(["the same"] * 3 + ["another"])
        found = vectorstore.max_marginal_relevance_search("the same", k=2, lambda_mult=0.1)
        assert [document.page_content for document in found] == ["the same", "another"]

    def test_search_by_vector_finds_what_search_by_text_finds(self, vectorstore: VectorStore) -> None:
        vectorstore.add_texts([f"text {n}" for n in range(20)])
        vector = self.get_embeddings().embed_query("text 3")
        assert vectorstore.similarity_search_by_vector(vector, k=3) == vectorstore.similarity_search(
            "text 3", k=3
        )

    def test_an_id_given_twice_keeps_the_last_text(self, vectorstore: VectorStore) -> None:
        assert vectorstore.add_texts(["old", "new"], ids=["1", "1"]) == ["1", "1"]
        assert [document.page_content for document in vectorstore.get_by_ids(["1"])] == ["new"]

    def test_delete_without_ids_empties_the_collection(self, vectorstore: VectorStore) -> None:
        vectorstore.add_texts(["one", "two"], ids=["1", "2"])
        vectorstore.delete()
        assert vectorstore.get_by_ids(["1", "2"]) == []
        assert vectorstore.similarity_search("one", k=2) == []

    def test_numbers_that_do_not_fit_together_are_refused(self, vectorstore: VectorStore) -> None:
        with pytest.raises(ValueError, match="2 texts, 1 ids"):
            vectorstore.add_texts(["one", "two"], ids=["1"])


class TestMilvusVectorStore(TestFaissVectorStore):
    @pytest.fixture
    def vectorstore(self) -> Iterator[VectorStore]:
        store = MilvusVectorStore.from_texts([], self.get_embeddings(), index_type="FLAT")
        yield store
        store.close()
