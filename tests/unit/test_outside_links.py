"""No answer leads its reader to an address that no source names, and none loads anything by itself."""

from __future__ import annotations

import re

import pytest

from app.chains.outside_links import REMOVED, remove_outside_links

SOURCE = "The form is at https://example.org/form (see www.example.org/help)."
EVIL = "http://evil.example/?q=secret"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (f"See [the form]({EVIL}) [1].", "See the form [1]."),
        (f"![]({EVIL}) Rent is due. [1]", " Rent is due. [1]"),
        (f"![pixel]({EVIL})", "pixel"),
        ("![form](https://example.org/form)", "form"),
        (f"Visit {EVIL}.", f"Visit {REMOVED}."),
        ("Visit www.evil.example/x, now.", f"Visit {REMOVED}, now."),
        (f'<img src="{EVIL}"> ok <a href="{EVIL}">x</a>', " ok x"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("[x](javascript:alert(1))", "x"),
        ("It is at https://example.org/form. [1]", "It is at https://example.org/form. [1]"),
        ("See [the form](https://example.org/form).", "See the form (https://example.org/form)."),
        ("It is due![1][2] So.", "It is due![1][2] So."),
        ("It is due![1][x].", "It is due1."),
        (f"詳細は{EVIL}", f"詳細は{REMOVED}"),
        (f"_{EVIL}_ 1{EVIL} _www.evil.example_", f"_{REMOVED}_ 1{REMOVED} _{REMOVED}_"),
        ("詳細はhttps://example.org/form", "詳細はhttps://example.org/form"),
        ("user_data:5, awww.x", "user_data:5, awww.x"),
        ("Ratio 3://4, and/or, a [1], b (2).", "Ratio 3://4, and/or, a [1], b (2)."),
    ],
)
def test_only_addresses_of_the_sources_stay(written: str, kept: str) -> None:
    assert remove_outside_links(written, SOURCE) == kept


@pytest.mark.parametrize("piece", ["![", "[a](", "<img ", "http:", "[x](http://", "!", "[", "<a "])
def test_what_is_never_closed_costs_little(piece: str) -> None:
    text = remove_outside_links(piece * 20_000, "")
    assert not re.search(r"!\[[^\]]*\]\(http", text)
