"""Which documents a question names."""

from __future__ import annotations

import pytest

from app.knowledge.mention import Mention, Naming, raise_score

REPORTS = [
    Naming("NORTHWINDTRADERS_2022_10K.pdf", None),
    Naming("NORTHWINDTRADERS_2023Q4_EARNINGS.pdf", None),
    Naming("2023 Q2 Fabrikam.pdf", "UNITED STATES SECURITIES AND EXCHANGE COMMISSION"),
    Naming("2023 Q3 Fabrikam.pdf", "UNITED STATES SECURITIES AND EXCHANGE COMMISSION"),
    Naming("contoso-annual-report.docx", "Contoso Ltd - Annual report 2021"),
    Naming("四半期報告書2022.pdf", None),
]


def best(query: str) -> list[str]:
    fits = Mention(query, lambda _: 1.0).weigh(REPORTS)
    top = max(fits.values(), default=0.0)
    return [naming.name for naming in REPORTS if fits.get(naming) == top and top > 0.0]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("What drove revenue of Northwind Traders in FY2022?", [REPORTS[0].name]),
        ("How did Northwind Traders' margin change in the fourth quarter of 2023?", [REPORTS[1].name]),
        ("Fabrikam's cash flow in Q3 2023", [REPORTS[3].name]),
        ("FABRIKAM 3Q 2023: inventories", [REPORTS[3].name]),
        ("What are the risks of Fabrikam?", [REPORTS[2].name, REPORTS[3].name]),
        ("Who audits Contoso?", [REPORTS[4].name]),
        ("２０２２年の四半期報告書の売上高", [REPORTS[5].name]),
        ("How is the weather?", []),
        ("and the of", []),
    ],
)
def test_names_are_recognised_as_files_write_them(query: str, wanted: list[str]) -> None:
    assert best(query) == wanted


def test_documents_that_fit_equally_are_preferred_equally() -> None:
    fits = Mention("Fabrikam in 2023", lambda _: 1.0).weigh(REPORTS)
    assert fits[REPORTS[2]] == fits[REPORTS[3]] > 0.0


def test_a_word_that_all_names_have_tells_nothing() -> None:
    fits = Mention("report 2022", lambda _: 0.0).weigh(REPORTS)
    assert fits == {}


def test_a_fit_raises_a_score_within_its_bounds() -> None:
    assert raise_score(0.4, 0.0) == 0.4
    assert 0.4 < raise_score(0.4, 0.5) < raise_score(0.4, 1.0) < 1.0
    assert raise_score(1.0, 1.0) == 1.0
