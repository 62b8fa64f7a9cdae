"""What the reader sees when something is wrong: plain words, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ui.client import Client, ServerRefused, ServerUnavailable
from ui.safe_text import safe_label

_POLL_S = 5


def show_unreachable(client: Client, error: ServerUnavailable) -> None:
    """Say so, and come back by itself as soon as the service answers."""
    st.warning(
        f"**The service cannot be reached.** {safe_label(str(error), limit=200)} "
        f"({safe_label(client.api_url)}).\n\n"
        "If it is just starting, this page continues by itself. Otherwise start it with `make run`.",
        icon=":material/cloud_off:",
    )
    st.button("Try again", icon=":material/refresh:")
    _watch_for(client)


@st.fragment(run_every=_POLL_S)
def _watch_for(client: Client) -> None:
    if client.is_reachable():
        st.rerun()


def show_refusal(refusal: ServerRefused) -> None:
    reference = f" (request {safe_label(refusal.request_id)})" if refusal.request_id else ""
    st.error(f"{safe_label(str(refusal), limit=300)}{reference}", icon=":material/block:")
    st.button("Try again", icon=":material/refresh:")


def show_unexpected() -> None:
    st.error(
        "Something went wrong on this page. What happened stands in the log of the user interface.",
        icon=":material/error:",
    )
    st.button("Try again", icon=":material/refresh:")


@contextmanager
def problems_in_words(*, hint: str = "") -> Iterator[None]:
    """For a part of the page that is drawn by itself, where the frame around the page cannot help."""
    try:
        yield
    except ServerUnavailable as error:
        st.warning(
            f"**The service cannot be reached.** {safe_label(str(error), limit=200)}. {hint}",
            icon=":material/cloud_off:",
        )
    except ServerRefused as refusal:
        st.error(safe_label(str(refusal), limit=300), icon=":material/block:")
