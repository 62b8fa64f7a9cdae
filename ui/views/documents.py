"""The documents: adding them, watching them being read, finding and deleting them."""

from __future__ import annotations

import streamlit as st

from ui.client import Client
from ui.components.collections import choose_collection
from ui.components.document_list import show_document_list
from ui.components.intake import show_intake
from ui.components.reading import show_reading
from ui.notices import show_notices
from ui.permissions import explain_reading_only, may_change


def show_documents_page(client: Client) -> None:
    st.title("Documents", anchor=False)
    show_notices()
    info = client.info()
    changeable = may_change(info)
    collection = choose_collection(client, changeable=changeable)
    if changeable:
        show_intake(client, info, collection)
    else:
        explain_reading_only()
    show_reading(client, changeable=changeable)
    show_document_list(client, collection, changeable=changeable)
