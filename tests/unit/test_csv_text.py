"""Rows of a table say what their cells mean, however the table is written."""

from __future__ import annotations

import pytest

from app.errors import DocumentTooComplex, EmptyDocument
from app.ingestion.loaders import ParsedDocument, ParseLimits, parse


def read(source: str | bytes, name: str = "table.csv", **limits: int) -> ParsedDocument:
    data = source.encode() if isinstance(source, str) else source
    return parse(data, name, limits=ParseLimits(**limits))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["name", "note", "sum"], ["Ann", '"a, b; c"', "1.5"], ["Bob", '"say ""hi"""', "2"]]
    parsed = read("\r\n".join(delimiter.join(row) for row in rows))
    assert parsed.text == 'name: Ann | note: a, b; c | sum: 1.5\n\nname: Bob | note: say "hi" | sum: 2'
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("sep=;\na;b\n1,5;2", "a: 1,5 | b: 2"),
        ("\ufeffa,b\n1,2", "a: 1 | b: 2"),
        (",price\nx,1\ny,2", "column 1: x | price: 1\n\ncolumn 1: y | price: 2"),
        ("country,2019,2020\nDE,1.5,2.5", "country: DE | 2019: 1.5 | 2020: 2.5"),
        ("only\nhello, you\n", "only: hello, you"),
        ("Sales 2024\n\na,b\n1,2\n3,4", "Sales 2024\n\na: 1 | b: 2\n\na: 3 | b: 4"),
        ('a,b\n"two\nlines",1', "a: two lines | b: 1"),
        ('size,n\n5" pipe,2', 'size: 5" pipe | n: 2'),
        ("a,b\n\n,\n1,2\n", "a: 1 | b: 2"),
        ("a,b\n1,", "a: 1"),
    ],
)
def test_tables_as_they_are_found(source: str, text: str) -> None:
    assert read(source).text == text


@pytest.mark.parametrize(
    "source", ["1,2\n3,4", "Ann,2001-05-01\nBob,2002-06-02", "Oslo,1999\nRome,2001", "x,x\ny,z"]
)
def test_without_a_header_columns_are_numbered(source: str) -> None:
    parsed = read(source)
    assert parsed.text.startswith("column 1: ")
    assert "numbered" in parsed.extraction.guessed[0]


def test_ragged_rows_are_kept_and_said() -> None:
    parsed = read("a,b,c\n1,2,3\n4,5\n6,7,8,9\n1,2,3\n")
    assert "a: 4 | b: 5\n\na: 6 | b: 7 | c: 8 | column 4: 9" in parsed.text
    assert parsed.warnings == ("2 rows have more or fewer cells than there are columns: row 3, 4",)


def test_a_quote_that_is_never_closed_swallows_nothing() -> None:
    parsed = read('a,b\n1,"open\n2,3\n4,5\n')
    assert parsed.text == 'a: 1 | b: "open\n\na: 2 | b: 3\n\na: 4 | b: 5'
    assert "never closed" in parsed.warnings[0]


def test_zero_bytes_are_left_out_and_said() -> None:
    parsed = read(b"name,sum\nA\x00nn,1\nBob,\x002\n")
    assert parsed.text == "name: Ann | sum: 1\n\nname: Bob | sum: 2"
    assert parsed.warnings == ("zero bytes were left out",)


def test_a_long_row_has_a_line_for_each_cell() -> None:
    names = [f"field{n}" for n in range(40)]
    parsed = read(",".join(names) + "\n" + ",".join(f"a value {n}" for n in range(40)))
    assert parsed.text.splitlines()[7] == "field7: a value 7"


def test_a_cell_of_ten_megabytes_is_read() -> None:
    parsed = read("id,blob\n1," + "word " * 2_000_000)
    assert len(parsed.text) > 9_999_000


def test_names_that_multiply_are_too_complex() -> None:
    source = "n" * 90 + ",b\n" + "1,2\n" * 20_000
    with pytest.raises(DocumentTooComplex, match="more than 1,000,000 characters"):
        read(source, max_chars=1_000_000)


@pytest.mark.parametrize("source", [",,,\n,,,\n", "\n\n", '"",""'])
def test_a_table_without_words_is_empty(source: str) -> None:
    with pytest.raises(EmptyDocument):
        read(source)
