"""How the service is, what it holds and works on, in words that need no operator."""

from __future__ import annotations

import streamlit as st

from ui.client import Client
from ui.components.problems import problems_in_words
from ui.components.service_state import show_engines, show_health, show_limits, show_stock
from ui.components.service_work import show_failures, show_queue

_TICK_S = 5


def show_status_page(client: Client) -> None:
    st.title("Status", anchor=False)
    # First, since it fails when nothing answers: that is said once, for the whole page.
    info = client.info()
    _show_now(client)
    with st.expander("Models, agents and limits", icon=":material/tune:"):
        show_engines(info)
        show_limits(client, info)


@st.fragment(run_every=_TICK_S)
def _show_now(client: Client) -> None:
    with problems_in_words(hint="This page continues by itself."):
        show_health(client.health())
        stats = client.stats()
        show_stock(stats)
        show_queue(stats, client.jobs())
        show_failures(client)
