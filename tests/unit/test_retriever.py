"""The hybrid retriever: what it finds, in which order, and what it says when it cannot."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import faiss
import pytest
from langchain_core.documents import Document

from app.errors import EmbeddingModelMismatch, InvalidRequest, UnknownCollection, UnknownDocument
from app.knowledge import Knowledge
from app.knowledge.fusion import DENSE_WEIGHT, rank
from app.knowledge.records import Chunk, NewChunk
from app.knowledge.store import KnowledgeStore
from app.models.embeddings import EmbeddingModel
from tests.knowledge_base import DIMENSION, WordHashes, add_document, fake_model, open_test_knowledge

PAGES = [
    "The notice period is six weeks to the end of a quarter.",
    "Every employee has 28 days of paid holiday a year.",
    "The rent is due on the third working day of each month.",
    "Liability is limited to intent and gross negligence.",
]


@pytest.fixture
def embeddings() -> WordHashes:
    return WordHashes()


@pytest.fixture
def knowledge(tmp_path: Path, embeddings: WordHashes) -> Iterator[Knowledge]:
    with open_test_knowledge(tmp_path, EmbeddingModel(fake_model().name, embeddings, DIMENSION)) as opened:
        yield opened


def texts(knowledge: Knowledge, query: str, **options: object) -> list[str]:
    found = knowledge.retriever.search(query, **{"k": 3} | options)  # type: ignore[arg-type]
    return [hit.chunk.text for hit in found.hits]


def test_the_exact_words_of_a_passage_find_it_first(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES)
    for page in PAGES:
        assert texts(knowledge, page[4:40])[0] == page


def test_the_exact_words_of_real_reports_find_their_page(knowledge: Knowledge, evaldata: Path) -> None:
    pages: dict[str, list[str]] = {}
    for line in (evaldata / "sec10q" / "corpus.jsonl").read_text("utf-8").splitlines():
        page = json.loads(line)
        if page["doc"].endswith("NVDA"):
            pages.setdefault(page["doc"], []).append(" ".join(page["text"].split()))
    for name, report in pages.items():
        add_document(knowledge.store, report, name=name)
    chooser = random.Random(3)
    wrong = 0
    for _ in range(100):
        words = chooser.choice(chooser.choice(list(pages.values()))).split()
        start = chooser.randrange(max(1, len(words) - 25))
        passage = " ".join(words[start : start + chooser.randint(15, 25)])
        wrong += passage not in texts(knowledge, passage, k=1)[0]
    assert wrong <= 2


def test_hits_carry_scores_between_zero_and_one_best_first(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES)
    hits = knowledge.retriever.search("notice period of an employee", k=4).hits
    scores = [hit.score for hit in hits]
    assert len(hits) == 4
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= hit.score <= 1.0 for hit in hits)
    assert all(hit.dense is not None and hit.lexical is not None for hit in hits)


def test_the_best_of_both_searches_are_the_best_of_all(knowledge: Knowledge) -> None:
    # More chunks than either search hands on: those that only one of them finds need the other's score as well.
    chooser = random.Random(1)
    words = [f"word{n}" for n in range(60)]
    add_document(
        knowledge.store, [" ".join(chooser.choices(words, k=chooser.randint(4, 40))) for _ in range(400)]
    )
    for _ in range(20):
        query = " ".join(chooser.choices(words, k=4))
        vector = knowledge.retriever.embedding_model.embed_query(query)
        dense = dict(knowledge.vectors.search_vector(vector, 400, collection="default"))
        lexical = dict(knowledge.lexical.search(query, 400, collection="default"))
        everything = rank(dense, lexical, dense_weight=DENSE_WEIGHT)
        found = knowledge.retriever.search(query, k=25).hits
        assert [hit.score for hit in found] == pytest.approx(
            [best.score for best in everything[:25]], abs=1e-5
        )


def test_equal_scores_keep_the_order_of_indexing(knowledge: Knowledge) -> None:
    for number in range(8):
        add_document(knowledge.store, ["the same words"], name=f"copy {number}", metadata={"n": number})
        add_document(knowledge.store, ["the same words "], name=f"other {number}")
    first = knowledge.retriever.search("the same words", k=8).hits
    again = knowledge.retriever.search("the same words", k=8).hits
    assert first == again


def test_as_many_as_asked_for_whenever_they_exist(knowledge: Knowledge) -> None:
    add_document(knowledge.store, [f"text number {n} about something" for n in range(120)])
    wanted = add_document(
        knowledge.store, [f"quite different matter {n}" for n in range(9)], metadata={"kind": "b"}
    )
    assert len(texts(knowledge, "text about something", k=100)) == 100
    assert len(texts(knowledge, "text about something", k=9, document_ids=[wanted.document_id])) == 9
    assert len(texts(knowledge, "text about something", k=9, filter={"kind": "b"})) == 9
    assert texts(knowledge, "text about something", filter={"kind": "c"}) == []


def test_chunks_that_mostly_overlap_count_once(knowledge: Knowledge) -> None:
    text = "one two three four five six seven eight nine ten"
    info = knowledge.store.begin_document(
        text.encode(), name="x", collection="default", media_type="text/plain"
    )
    spans = [(0, 40), (4, 44), (34, len(text))]
    chunks = [NewChunk(text[start:end], None, start, end) for start, end in spans]
    knowledge.store.commit_document(
        info.document_id,
        text=text,
        chunks=chunks,
        vectors=fake_model().embed([chunk.text for chunk in chunks]),
        embedding_model=fake_model().name,
    )
    hits = knowledge.retriever.search("one two three four", k=3).hits
    assert [hit.chunk.char_start for hit in hits] == [0, 34]


def test_unknown_things_are_refused(knowledge: Knowledge) -> None:
    info = add_document(knowledge.store, PAGES, collection="contracts")
    with pytest.raises(UnknownCollection, match="'nowhere'"):
        texts(knowledge, "rent", collection="nowhere")
    with pytest.raises(UnknownDocument, match="'missing'"):
        texts(knowledge, "rent", collection="contracts", document_ids=[info.document_id, "missing"])
    with pytest.raises(UnknownDocument, match="'default'"):
        texts(knowledge, "rent", document_ids=[info.document_id])
    with pytest.raises(InvalidRequest, match="filter"):
        texts(knowledge, "rent", filter={"kind": ["a"]})


def test_the_default_collection_may_be_empty(knowledge: Knowledge) -> None:
    assert texts(knowledge, "anything") == []


def test_without_embeddings_the_words_are_searched_alone(
    knowledge: Knowledge, embeddings: WordHashes
) -> None:
    add_document(knowledge.store, PAGES)
    embeddings.broken = True
    found = knowledge.retriever.search("paid holiday", k=2)
    assert found.degraded == ("embeddings_unavailable",)
    assert found.hits[0].chunk.text == PAGES[1]
    assert found.hits[0].dense is None
    assert 0.0 < found.hits[0].score <= 1.0


def test_a_document_without_vectors_is_found_by_its_words(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES[:2])
    info = knowledge.store.begin_document(b"x", name="x", collection="default", media_type="text/plain")
    knowledge.store.commit_document(
        info.document_id,
        text="quarterly zebra",
        chunks=[NewChunk("quarterly zebra", None, 0, 15)],
        vectors=None,
        embedding_model=fake_model().name,
    )
    assert texts(knowledge, "zebra")[0] == "quarterly zebra"


def test_what_was_deleted_is_not_found(knowledge: Knowledge) -> None:
    vector = knowledge.retriever.embedding_model.embed_query("holiday")
    info = add_document(knowledge.store, PAGES)
    kept = add_document(knowledge.store, ["unrelated"])
    assert len(knowledge.vectors.search_vector(vector, 9, collection="default")) == 5
    knowledge.store.delete_document(info.document_id)
    assert texts(knowledge, "holiday") == ["unrelated"]
    left = knowledge.store.chunks(document_ids=[kept.document_id])
    found = knowledge.vectors.search_vector(vector, 9, collection="default")
    assert [chunk_no for chunk_no, _ in found] == [left[0].chunk_no]


def test_the_document_that_a_question_names_is_preferred_and_no_filter(knowledge: Knowledge) -> None:
    names = [f"FABRIKAM_2023Q{quarter}_EARNINGS.pdf" for quarter in (1, 2, 3, 4)]
    for blanks, name in enumerate(names, start=1):  # equal words, but bytes that differ
        add_document(knowledge.store, [f"The company paid{' ' * blanks}a dividend"], name=name)
    hits = knowledge.retriever.search("Was a dividend paid in the fourth quarter of 2023?", k=4).hits
    assert [hit.chunk.document_name for hit in hits] == [names[3], *names[:3]]
    assert 1.0 > hits[0].score > hits[1].score == hits[3].score


def test_a_quotation_wins_over_texts_with_the_same_words(knowledge: Knowledge) -> None:
    quoted = "the company paid the bank a fee of two percent of the loan in March"
    mixed = "in March the bank paid the company a fee the loan of two percent of"
    add_document(
        knowledge.store, [mixed, f"{mixed} {mixed}", quoted + " and some more words that were not asked for"]
    )
    assert texts(knowledge, quoted)[0].startswith(quoted)


def test_a_quotation_may_cross_into_the_next_chunk(knowledge: Knowledge) -> None:
    text = (
        "first sentence about fees. the tenant pays a deposit of three monthly rents in advance. last words"
    )
    middle = text.index("deposit")
    info = knowledge.store.begin_document(
        text.encode(), name="x", collection="default", media_type="text/plain"
    )
    chunks = [NewChunk(text[:middle], 1, 0, middle), NewChunk(text[middle:], 1, middle, len(text))]
    knowledge.store.commit_document(
        info.document_id,
        text=text,
        chunks=chunks,
        vectors=fake_model().embed([chunk.text for chunk in chunks]),
        embedding_model=fake_model().name,
    )
    add_document(knowledge.store, ["the deposit of the tenant pays three rents, monthly, in a advance"])
    best = knowledge.retriever.search("the tenant pays a deposit of three monthly rents", k=1).hits[0]
    assert best.chunk.document_id == info.document_id
    assert best.chunk.char_start == 0


def test_another_process_is_seen_at_once(knowledge: Knowledge, tmp_path: Path) -> None:
    with open_test_knowledge(tmp_path) as other:
        info = add_document(other.store, PAGES)
        assert texts(knowledge, "paid holiday")[0] == PAGES[1]
        knowledge.store.delete_document(info.document_id)
        assert texts(other, "paid holiday") == []


def test_a_knowledge_base_of_another_model_is_not_opened(knowledge: Knowledge, tmp_path: Path) -> None:
    add_document(knowledge.store, PAGES)
    with pytest.raises(EmbeddingModelMismatch), open_test_knowledge(tmp_path, fake_model("fake:other")):
        pass


def test_texts_of_the_vector_store_are_documents(knowledge: Knowledge) -> None:
    ids = knowledge.vectors.add_texts(PAGES, [{"source": f"page {n}", "n": n} for n in range(4)])
    hit = knowledge.retriever.search("gross negligence", k=1).hits[0]
    assert (hit.chunk.chunk_id, hit.chunk.document_name) == (ids[3], "page 3")
    assert knowledge.store.document_text(hit.chunk.document_id) == PAGES[3]
    knowledge.store.delete_document(hit.chunk.document_id)
    assert knowledge.vectors.get_by_ids(ids[3:]) == []


async def test_it_is_a_langchain_retriever(knowledge: Knowledge) -> None:
    info = add_document(knowledge.store, PAGES, name="handbook.pdf", metadata={"year": 2024})
    found = knowledge.retriever.invoke("paid holiday")
    assert found == await knowledge.retriever.ainvoke("paid holiday")
    best: Document = found[0]
    assert best.page_content == PAGES[1]
    assert best.metadata["year"] == 2024
    assert (best.metadata["document_id"], best.metadata["document_name"]) == (
        info.document_id,
        "handbook.pdf",
    )
    assert best.metadata["page"] == 2
    assert 0.0 < best.metadata["score"] <= 1.0


def test_a_chunk_of_another_collection_is_never_shown_whatever_an_index_says(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the database is one from before, and gives numbers again that an index knows as others."""
    add_document(knowledge.store, PAGES, name="handbook")
    add_document(knowledge.store, ["28 days of paid holiday are nobody's business."], collection="other")
    everything = knowledge.retriever.search("paid holiday", k=2, collection="other").hits
    numbers = [hit.chunk.chunk_no for hit in everything]
    assert len(numbers) == 1
    found = dict.fromkeys(numbers, 0.99)
    monkeypatch.setattr(type(knowledge.retriever), "_search_words", lambda *_: dict(found))
    monkeypatch.setattr(type(knowledge.retriever), "_search_vectors", lambda *_: dict(found))
    assert knowledge.retriever.search("paid holiday", k=2).hits == ()
    monkeypatch.setattr(
        knowledge.vectors, "search_vector", lambda *_, **__: list(found.items()), raising=False
    )
    assert knowledge.vectors.similarity_search("paid holiday") == []


def test_readers_and_writers_do_not_disturb_each_other(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES, name="always there")
    stop = threading.Event()

    def read() -> int:
        searches = 0
        while not stop.is_set():
            found = knowledge.retriever.search("28 days of paid holiday a year", k=2).hits
            assert [hit.chunk.text for hit in found[:1]] == PAGES[1:2]
            assert len(found) == 2
            searches += 1
        return searches

    def write(writer: int) -> None:
        for number in range(12):
            info = add_document(knowledge.store, [f"passing text {writer} {number} {n}" for n in range(5)])
            if number % 2:
                knowledge.store.delete_document(info.document_id)

    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        writers = [pool.submit(write, writer) for writer in range(2)]
        wait(writers)
        stop.set()
    assert [writer.result() for writer in writers] == [None, None]
    assert all(reader.result() > 0 for reader in readers)
    assert len(texts(knowledge, "passing text", k=100)) == 2 * 6 * 5 + len(PAGES)


def test_what_is_deleted_in_the_middle_of_a_search_leaves_its_place_to_the_next(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_document(knowledge.store, PAGES)
    best, following = texts(knowledge, "28 days of paid holiday a year", k=2)
    load, loads = KnowledgeStore.chunks_by_no, iter([1])

    def load_without_the_first(store: KnowledgeStore, numbers: list[int]) -> dict[int, Chunk]:
        return load(store, numbers[next(loads, 0) :])

    monkeypatch.setattr(KnowledgeStore, "chunks_by_no", load_without_the_first)
    found = texts(knowledge, "28 days of paid holiday a year", k=1)
    assert found == [following] != [best]


def test_a_search_keeps_to_its_own_thread_whichever_that_is(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES)

    def threads_after_searching() -> int:
        assert texts(knowledge, "notice period")
        return faiss.omp_get_max_threads()

    with ThreadPoolExecutor(1) as fresh:
        fresh.submit(faiss.omp_set_num_threads, 2).result()
        assert fresh.submit(threads_after_searching).result() == 1
