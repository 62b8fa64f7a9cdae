"""Which documents "summarise this" means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.chains.choose import choose_documents
from app.schemas import DocumentInfo

NAMES = ["Annual report 2025.pdf", "employee-handbook.md", "lease_bremen.txt"]


def document(name: str) -> DocumentInfo:
    return DocumentInfo(
        document_id=name[:3].lower(),
        name=name,
        collection="default",
        media_type="text/plain",
        bytes=1,
        sha256="0" * 64,
        status="indexed",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


DOCUMENTS = [document(name) for name in NAMES]


REPORT, HANDBOOK, LEASE = NAMES
SAMPLES = [
    "larkfield-annual-report-2025.pdf",
    "employee-handbook.md",
    "calibration-services-agreement.txt",
    "product-catalogue.json",
]
FILINGS = [
    "AMERICANEXPRESS_2021_10K.pdf",
    "AMERICANEXPRESS_2022_10K.pdf",
    "3M_2022_10K.pdf",
    "BESTBUY_2023_10K.pdf",
]


def names_chosen(question: str, names: list[str]) -> list[str]:
    return [chosen.name for chosen in choose_documents(question, [document(name) for name in names])]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Summarise employee-handbook.md", [HANDBOOK]),
        ("Give me the gist of the employee handbook", [HANDBOOK]),
        ("tl;dr of the Bremen lease", [LEASE]),
        ("Summarise the annual report", [REPORT]),
        ("Summarise the annual report 2025 and the handbook for employees", [REPORT, HANDBOOK]),
        ("Fasse den Vertrag lease_bremen zusammen", [LEASE]),
    ],
)
def test_the_documents_that_the_question_names(question: str, names: list[str]) -> None:
    assert names_chosen(question, NAMES) == names


@pytest.mark.parametrize(
    ("question", "at"),
    [
        ("Summarise the annual report", 0),
        ("Summarise the report", 0),
        ("What is the Larkfield report about?", 0),
        ("Summarise the handbook", 1),
        ("Give me an overview of the calibration agreement", 2),
        ("Summarise the product catalogue in three short sentences", 3),
    ],
)
def test_the_one_document_that_fits_best_is_meant(question: str, at: int) -> None:
    assert names_chosen(question, SAMPLES) == [SAMPLES[at]]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Summarise American Express", FILINGS[:2]),
        ("Summarise American Express's 10-K for 2022", FILINGS[1:2]),
        ("Summarise 3M", FILINGS[2:3]),
        ("Summarise Best Buy and 3M", FILINGS[2:]),
    ],
)
def test_names_are_compared_without_spaces_and_codes(question: str, names: list[str]) -> None:
    assert names_chosen(question, FILINGS) == names


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Summarise the 2022 report", ["report-2022.pdf"]),
        ("Summarise both reports", ["report-2021.pdf", "report-2022.pdf"]),
        ("Summarise the 2020 report", []),
    ],
)
def test_a_year_tells_documents_apart(question: str, names: list[str]) -> None:
    assert names_chosen(question, ["report-2021.pdf", "report-2022.pdf", "minutes.md"]) == names


@pytest.mark.parametrize(
    "question",
    [
        "tl;dr",
        "Summarise all documents",
        "Sumarize everything",
        "Could you please give me a short overview of the collection?",
        "What are the key points of these files?",
        "Summarise everything in five bullet points",
        "Fasse alle Dokumente kurz zusammen",
        "Résume tous les documents",
        "Resume todos los documentos, por favor",
    ],
)
def test_a_bare_request_means_everything(question: str) -> None:
    assert names_chosen(question, SAMPLES) == SAMPLES


@pytest.mark.parametrize(
    "question",
    [
        "Summarise the document about dinosaurs",
        "Summarise the dinosaur report",
        "Give me a summary of what changed in Norway",
        "Summarise the lease",
        "Fasse das Dokument über Dinosaurier zusammen",
    ],
)
def test_what_no_name_explains_is_left_to_retrieval(question: str) -> None:
    assert names_chosen(question, SAMPLES) == []


def test_a_kind_of_text_means_the_only_document() -> None:
    assert names_chosen("Summarise the paper", ["scan0001.pdf"]) == ["scan0001.pdf"]


def test_a_partial_name_that_several_share_is_left_to_retrieval_unless_all_are_meant() -> None:
    leases = ["lease-north-bremen.txt", "lease-south-kiel.txt"]

    assert names_chosen("Summarise the lease agreement of Oslo", leases) == []
    assert names_chosen("Summarise both leases", leases) == leases


def test_it_means_the_document_just_cited() -> None:
    chosen = choose_documents("Summarise it", DOCUMENTS, recently_cited=["gone", "lea", "ann"])

    assert [document.name for document in chosen] == ["lease_bremen.txt"]


def test_all_documents_are_meant_in_spite_of_a_citation() -> None:
    assert len(choose_documents("Summarise all of these documents", DOCUMENTS, recently_cited=["lea"])) == 3
