"""Words are found by their ordinary spelling, and the span of the hit points to how the document has them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.documents import docx_paragraph, make_docx, make_pdf
from tests.live import make_settings, running

# What is in the file, the word that people would type, and what the stored text has in its place.
CASES = [
    ("hyphen.txt", b"The notice obli-\n  gation of lessees", "obligation", "obli-\n  gation"),
    ("compound.txt", b"A seaworthi-\nness certificate", "seaworthiness", "seaworthi-\nness"),
    ("halves.txt", b"Their carbon-\nneutral turbines", "carbon", "carbon-\nneutral"),
    (
        "umlaut.md",
        "Die Grundstu\u0308cksverwertung ruht".encode(),
        "Grundstücksverwertung",
        "Grundstu\u0308cks",
    ),
    ("plain.md", "Une re\u0301siliation anticipe\u0301e".encode(), "resiliation", "re\u0301siliation"),
    ("digits.txt", "契約番号 ４７１１８ です".encode(), "47118", "４７１１８"),
    ("letters.txt", "Ｑｕａｒｔｚｉｔｅ floor".encode(), "quartzite", "Ｑｕａｒｔｚｉｔｅ"),
    ("ligature.txt", "The e\ufb03cacy of insulin".encode(), "efficacy", "efficacy"),
    ("soft.txt", "An amor\u00adtisa\u00adtion schedule".encode(), "amortisation", "amortisation"),
    ("soft-end.txt", "The depreci\u00ad\n  ation method".encode(), "depreciation", "depreciation"),
    ("page.html", b"<p>Sub&shy;ordination and <b>in</b>demnity", "subordination", "Subordination"),
    ("word.docx", make_docx(docx_paragraph("Es\u00adcrow agent")), "escrow", "Escrow"),
    ("column.pdf", make_pdf(["The arbitra-\ntion clause of this lease"]), "arbitration", "arbitration"),
    ("table.csv", "item,price\nTurboﬁlter,３００\n".encode(), "turbofilter", "Turbofilter"),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(make_settings(tmp_path_factory.mktemp("words"))) as client:
        files = [("files", (name, data)) for name, data, *_ in CASES]
        documents = client.post("/upload?wait=true", files=files).json()["documents"]
        assert [document["status"] for document in documents] == ["indexed"] * len(CASES)
        yield client


@pytest.mark.parametrize(("name", "data", "query", "literal"), CASES, ids=[name for name, *_ in CASES])
def test_a_word_is_found_however_it_was_typeset(
    filled: httpx.Client, name: str, data: bytes, query: str, literal: str
) -> None:
    best = filled.post("/search", json={"query": query}).json()["results"][0]

    assert best["document_name"] == name
    text = filled.get(f"/documents/{best['document_id']}/text").text
    assert text[best["char_start"] : best["char_end"]] == best["text"]
    assert literal in best["text"]
