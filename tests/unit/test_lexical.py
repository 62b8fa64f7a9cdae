"""The lexical index: words of any language are found, and scores of different queries can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.knowledge.lexical import LexicalIndex
from app.knowledge.store import KnowledgeStore, open_store
from tests.knowledge_base import add_document
from tests.postgres import database_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(tmp_path), tmp_path) as opened:
        yield opened


def found(store: KnowledgeStore, query: str, *, collection: str = "default") -> list[str]:
    hits = LexicalIndex(store).search(query, 10, collection=collection)
    chunks = store.chunks_by_no([chunk_no for chunk_no, _ in hits])
    return [chunks[chunk_no].text for chunk_no, _ in hits]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The tenants have terminated their leases", "tenant terminating a lease"),
        ("Die Kündigungsfrist beträgt sechs Wochen", "kundigungsfrist"),
        ("Die Verträge der Mieter wurden nicht verlängert", "Was gilt für die Verlängerung eines Vertrages?"),
        ("Die Verträge der Mieter wurden nicht verlängert", "Verträgen"),
        (
            "Los inquilinos habitaban las viviendas de la empresa",
            "¿Quién es el inquilino que habita la vivienda?",
        ),
        (
            "Les locataires ont résilié leurs contrats dans les délais",
            "la résiliation du contrat par le locataire",
        ),
        ("Договоры расторгались арендаторами досрочно", "расторжение договора арендатором"),
        ("ينتهي العقد في شهر مارس", "عقد"),
        ("Ｔｈｅ　ｎｏｔｉｃｅ　ｐｅｒｉｏｄ", "notice period"),
        ("the notice period", "ｎｏｔｉｃｅ"),
        ("Die Ku\u0308ndigung ist wirksam", "Kündigung"),
        ("Die Kündigung ist wirksam", "Ku\u0308ndigung"),
        ("Le contrat prévoit une clause de résiliation", "RÉSILIATION"),
        ("La señora vive en España", "senora"),
        ("Договор расторгается через шесть недель", "договор"),
        ("Η σύμβαση λήγει τον Μάρτιο", "σύμβαση"),
        ("ينتهي العقد في شهر مارس", "العقد"),
        ("合同期限为三年，到期自动续签", "合同期限"),
        ("契約期間は三年間です", "契約期間"),
        ("สัญญามีอายุสามปี", "สัญญา"),
        ("अनुबंध तीन वर्ष का है", "अनुबंध"),
        ("계약 기간은 삼 년입니다", "기간"),
        ("the eﬃcient oﬃce", "efficient office"),
        ("clause 7.3.2 applies", "7.3.2"),
        ('(a:b) AND "c" [x TO y] ~2 +must', '"c" AND [x TO y'),
        ("to be or not to be", "to be or not to be"),
        ("战", "战"),
    ],
)
def test_words_are_found(store: KnowledgeStore, text: str, query: str) -> None:
    add_document(store, [text, "nothing of the kind is written here, 无关的文字"])
    assert found(store, query)[0] == text


@pytest.mark.parametrize("query", ["", "   ", "?!", "::", "absent"])
def test_a_query_without_a_known_word_finds_nothing(store: KnowledgeStore, query: str) -> None:
    add_document(store, ["some text"])
    assert found(store, query) == []


def test_an_empty_index_finds_nothing(store: KnowledgeStore) -> None:
    assert found(store, "anything") == []


def test_a_score_is_the_share_of_the_best_possible(store: KnowledgeStore) -> None:
    add_document(
        store, ["notice period of six weeks", "rent and deposit", "the period", "notice board"], name="x"
    )
    index = LexicalIndex(store)

    def best(query: str) -> float:
        return index.search(query, 1, collection="default")[0][1]

    assert 0.0 < best("notice period of submarine licences") < best("notice period") <= 1.0
    assert best("period " * 50) == best("period")


def test_languages_may_be_mixed(store: KnowledgeStore) -> None:
    german = "Die Mieter haben die Verträge mit der Bank nicht verlängert"
    english = "The tenants have not prolonged their contracts with the bank"
    russian = "Арендаторы не продлили договоры с банком"
    for text in (german, english, russian, "nothing of the kind"):
        add_document(store, [text])
    assert found(store, "Wer hat den Vertrag mit der Bank verlängert?")[0] == german
    assert found(store, "Who has prolonged the contract with the bank?")[0] == english
    assert found(store, "кто продлил договор с банком")[0] == russian


def test_the_name_of_a_document_speaks_for_its_chunks(store: KnowledgeStore) -> None:
    add_document(store, ["revenue grew by ten percent"], name="GLOBEX_2021.pdf")
    wanted = add_document(store, ["revenue grew by ten  percent"], name="ACMEROCKETS_2022_10K.pdf")
    add_document(store, ["revenue grew by ten   percent"], name="INITECH_2023.pdf")
    top, _ = LexicalIndex(store).search("revenue of Acme Rockets", 1, collection="default")[0]
    assert store.chunks_by_no([top])[top].document_id == wanted.document_id


def test_collections_are_searched_apart(store: KnowledgeStore) -> None:
    add_document(store, ["notice period here"], collection="here")
    add_document(store, ["notice period there"], collection="there")
    assert found(store, "notice period", collection="there") == ["notice period there"]
    assert found(store, "notice period", collection="nowhere") == []


def test_a_restriction_applies_before_the_search(store: KnowledgeStore) -> None:
    for number in range(60):
        add_document(store, [f"notice notice notice {number}"])
    weakest = add_document(store, ["a long text in which notice is one word among many others"])
    within = store.select_chunk_nos("default", [weakest.document_id])
    index = LexicalIndex(store)
    assert [no for no, _ in index.search("notice", 1, collection="default", within=within)] == within.tolist()
    assert index.search("notice", 1, collection="default", within=np.arange(0)) == []


def test_an_open_index_follows_the_store(store: KnowledgeStore) -> None:
    index = LexicalIndex(store)
    assert index.search("notice", 5, collection="default") == []
    first = add_document(store, ["notice one"])
    second = add_document(store, ["notice two"])
    assert len(index.search("notice", 5, collection="default")) == 2
    store.delete_document(first.document_id)
    kept = store.chunks(document_ids=[second.document_id])
    assert [no for no, _ in index.search("notice", 5, collection="default")] == [kept[0].chunk_no]


def test_a_very_long_query_keeps_its_rarest_words(store: KnowledgeStore) -> None:
    add_document(
        store, [" ".join(f"common{n}" for n in range(300)), *(f"common{n} text" for n in range(300))]
    )
    add_document(store, ["needle"])
    query = " ".join(f"common{n}" for n in range(300)) + " needle"
    assert "needle" in found(store, query)
