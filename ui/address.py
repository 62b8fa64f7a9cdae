"""The choices that stand in the page's address, so that loading it again, or sending it on, keeps them.

Streamlit can bind a field to the address by itself, but what it writes and what a page writes overtake each other.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

_LONGEST = 255  # that any field takes


def restore(parameter: str, *, accepted: Collection[str] | None = None) -> None:
    """To be called before the field whose key is `parameter`: it begins with what the address says."""
    named = st.query_params.get(parameter)
    if parameter not in st.session_state and named and (accepted is None or named in accepted):
        st.session_state[parameter] = named[:_LONGEST]


def keep(parameter: str, value: str | None) -> None:
    """Write a choice into the address; none is no parameter."""
    if value:
        # Writing what stands there already would send it to the browser once more.
        if st.query_params.get(parameter) != value:
            st.query_params[parameter] = value
    elif parameter in st.query_params:
        del st.query_params[parameter]
