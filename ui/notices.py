"""What became of a click, kept until the page has said it once."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.connection import ServerRefused, ServerUnavailable
from ui.safe_text import safe_label

_DONE, _FAILED = "notices_done", "notices_failed"


def carry_out(action: Callable[[], object], *, done: str) -> bool:
    """Do what a button asks; `done`, or why it failed, is said when the page is drawn next.

    Streamlit shows a traceback for whatever leaves a callback, so nothing that is expected may.
    """
    try:
        action()
    except (ServerUnavailable, ServerRefused) as error:
        note_failure(str(error))
        return False
    st.session_state.setdefault(_DONE, []).append(done)
    return True


def note_failure(message: str) -> None:
    st.session_state.setdefault(_FAILED, []).append(message)


def show_notices() -> None:
    for message in st.session_state.pop(_DONE, []):
        st.toast(safe_label(message, limit=200), icon=":material/check_circle:")
    for message in st.session_state.pop(_FAILED, []):
        st.error(safe_label(message, limit=400), icon=":material/error:")
