"""The frame around every page: navigation, and plain words for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import getLogger
from pathlib import Path

import streamlit as st

from ui.client import Client, ServerRefused, ServerUnavailable
from ui.clients import open_client
from ui.components.problems import show_refusal, show_unexpected, show_unreachable
from ui.sign_in import ask_for_key, current_key, offer_sign_out
from ui.views.batch import show_batch_page
from ui.views.chat import show_chat
from ui.views.documents import show_documents_page
from ui.views.evaluation import show_evaluation_page
from ui.views.status import show_status_page

log = getLogger("llmops.ui")

# A file of our own: for its named icons Streamlit would ask a server on the internet.
_ICON = Path(__file__).with_name("icon.svg")


def show_page(api_url: str) -> None:
    """Draw everything. Whatever goes wrong, the reader gets a sentence and a way on, never a traceback."""
    client = open_client(api_url, current_key())
    page = st.navigation(_list_pages(client))
    st.set_page_config(page_title=f"{page.title} · Ask your documents", page_icon=_ICON)
    page.run()
    offer_sign_out()


def _list_pages(client: Client) -> list[st.Page]:
    # Without icons, of which Streamlit makes the browser's too: it would ask a server on the internet for them.
    def page(view: Callable[[Client], None], title: str, *, default: bool = False) -> st.Page:
        return st.Page(partial(_show, view, client), title=title, url_path=title.lower(), default=default)

    return [
        page(show_chat, "Chat", default=True),
        page(show_documents_page, "Documents"),
        page(show_batch_page, "Batch"),
        page(show_evaluation_page, "Evaluation"),
        page(show_status_page, "Status"),
    ]


def _show(view: Callable[[Client], None], client: Client) -> None:
    try:
        view(client)
    except ServerUnavailable as error:
        show_unreachable(client, error)
    except ServerRefused as refusal:
        if refusal.is_unknown_caller:
            ask_for_key(client.api_url)
        else:
            show_refusal(refusal)
    except Exception:
        log.exception("page_failed")
        show_unexpected()
