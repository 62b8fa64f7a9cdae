"""The client that a visit talks to the service with."""

from __future__ import annotations

import streamlit as st

from ui.client import Client


@st.cache_resource(show_spinner=False, scope="session", on_release=Client.close)
def open_client(api_url: str, api_key: str | None) -> Client:
    """Each visit has its own, so that a key goes with the visit that brought it; `forget_clients` ends it sooner."""
    return Client(api_url, api_key)


def forget_clients() -> None:
    """Close those of this visit, which hold its key."""
    open_client.clear()
