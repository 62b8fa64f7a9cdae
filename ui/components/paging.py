"""Choosing one page of a long list; the page's address names it, so that loading it again stays there."""

from __future__ import annotations

from math import ceil

import streamlit as st

from ui.address import keep


def choose_page(total: int, *, per_page: int, parameter: str, scope: str) -> int:
    """The number of the page, from 1. Another `scope`, which says what is listed, is another choice."""
    pages = ceil(total / per_page)
    if pages <= 1:
        return 1
    number = st.pagination(pages, default=min(_named(parameter), pages), key=f"{parameter}-{scope}")
    keep(parameter, str(number) if number > 1 else None)
    return number


def _named(parameter: str) -> int:
    named = st.query_params.get(parameter, "")
    # Nine digits are more than any list has, and no more than every number can hold.
    return max(1, int(named)) if named.isdecimal() and len(named) <= 9 else 1
