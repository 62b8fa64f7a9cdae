"""What the key of a visitor opens, so that nothing is offered that the service would refuse."""

from __future__ import annotations

import streamlit as st

from app.schemas import Info

_WORDS = "This key may read and ask, not change documents."


def may_change(info: Info) -> bool:
    """Whether documents and collections may be added, changed and deleted; an older service does not say."""
    return info.caller is None or "write" in info.caller.scopes


def explain_reading_only() -> None:
    """In the place of what is not offered."""
    st.caption(f":material/lock: {_WORDS}")
