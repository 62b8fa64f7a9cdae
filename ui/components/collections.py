"""Choosing a collection, making one, and deleting one with all that is in it."""

from __future__ import annotations

import streamlit as st

from app.schemas import COLLECTION_NAME, DEFAULT_COLLECTION, CollectionInfo
from ui.address import keep, restore
from ui.client import Client
from ui.notices import carry_out
from ui.safe_text import safe_label
from ui.wording import counted

# Key of the field, and name of the parameter in the page's address.
_CHOSEN = "collection"
_NEW = "new_collection"
_ALL = "All collections"


def choose_collection(client: Client, *, changeable: bool) -> str | None:
    """The collection that the address names; None means all of them."""
    collections = {collection.name: collection for collection in client.collections()}
    restore(_CHOSEN, accepted=collections)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox("Collection", [_ALL, *collections], key=_CHOSEN, width=320, filter_mode=None)
        if changeable:
            _offer_changes(client, collections.get(chosen))
    named = chosen if chosen in collections else None
    keep(_CHOSEN, named)
    return named


def _offer_changes(client: Client, chosen: CollectionInfo | None) -> None:
    with st.popover("New collection", icon=":material/create_new_folder:"):
        _offer_creation(client)
    if chosen is not None:
        with st.popover("Delete collection", icon=":material/folder_delete:"):
            _offer_deletion(client, chosen)


def _offer_creation(client: Client) -> None:
    with st.form("create_collection", border=False):
        st.text_input(
            "Name",
            key=_NEW,
            max_chars=64,
            required=True,
            validate=(COLLECTION_NAME, "Letters, digits, dots, dashes and underscores"),
        )
        st.form_submit_button("Create", on_click=_create, args=(client,))


def _create(client: Client) -> None:
    name = st.session_state[_NEW].strip()
    if carry_out(lambda: client.create_collection(name), done=f"Collection {name} is ready"):
        st.session_state[_CHOSEN] = name
        st.session_state[_NEW] = ""


def _offer_deletion(client: Client, collection: CollectionInfo) -> None:
    documents = counted(collection.documents, "document")
    what = (
        f"This deletes {documents}; the collection itself always stays."
        if collection.name == DEFAULT_COLLECTION
        else f"This deletes **{safe_label(collection.name)}** with {documents}."
    )
    st.markdown(f"{what} It cannot be undone.")
    st.button(
        "Delete for good",
        key="delete_collection",
        icon=":material/delete:",
        on_click=_delete,
        args=(client, collection.name),
    )


def _delete(client: Client, name: str) -> None:
    if carry_out(lambda: client.delete_collection(name), done=f"Collection {name} is deleted"):
        st.session_state[_CHOSEN] = _ALL
