"""Who sits in front of the page, where the service wants to know: by an API key, for as long as the visit lasts.

The key stays in the memory of this process, until its visitor signs out or leaves. It is in no address, in no cookie
and in no file.
"""

from __future__ import annotations

import os
from contextlib import closing

import streamlit as st

from ui.client import Client, ServerRefused, ServerUnavailable
from ui.clients import forget_clients
from ui.safe_text import safe_label

_KEY = "api_key"


def current_key() -> str | None:
    """That of the visitor, or else the one that this process was given for everybody."""
    key: str | None = st.session_state.get(_KEY)
    return key or os.environ.get("LLMOPS_API_KEY") or None


def offer_sign_out() -> None:
    """On every page, for a visitor who has brought a key of his own."""
    if st.session_state.get(_KEY):
        st.sidebar.button("Sign out", icon=":material/logout:", on_click=_sign_out)


def _sign_out() -> None:
    """Forget the key, and with it everything that was shown by it, in the page's address too."""
    forget_clients()
    st.session_state.clear()
    st.query_params.clear()


def ask_for_key(api_url: str) -> None:
    """Draw the form; a key that the service accepts brings the page back."""
    if st.session_state.pop(_KEY, None) is not None:
        forget_clients()
        st.warning("The service does not accept your key any more.", icon=":material/key_off:")
    with st.form("sign_in", width=480):
        st.subheader("Sign in", anchor=False)
        st.caption("This service wants an API key. Who runs it can give you one.")
        key = st.text_input("API key", type="password", autocomplete="current-password").strip()
        if st.form_submit_button("Sign in", icon=":material/login:") and key:
            _try(api_url, key)


def _try(api_url: str, key: str) -> None:
    if not key.isascii() or not key.isprintable():
        st.error("This is no API key.", icon=":material/key_off:")
        return
    try:
        with closing(Client(api_url, key)) as client:
            client.info()
    except (ServerRefused, ServerUnavailable) as error:
        st.error(safe_label(str(error), limit=200), icon=":material/key_off:")
        return
    st.session_state[_KEY] = key
    st.rerun()
