"""The documents that are there: found by name and state, each with what could be read of it."""

from __future__ import annotations

import streamlit as st

from app.schemas import DocumentInfo, DocumentPage, DocumentStatus
from ui.address import keep, restore
from ui.client import Client
from ui.components.paging import choose_page
from ui.components.problems import problems_in_words
from ui.components.reading import follow
from ui.extraction_report import list_warnings, summarise_extraction
from ui.notices import carry_out, show_notices
from ui.safe_text import one_line, safe_label
from ui.wording import counted, describe_document, is_being_read

# Keys of fields, and names of parameters in the page's address.
_NAME, _STATUS, _PAGE = "name", "status", "page"
_PER_PAGE = 20
_STATUSES: dict[str, tuple[DocumentStatus, ...]] = {
    "Ready": ("indexed",),
    "In progress": ("queued", "parsing", "embedding"),
    "Failed": ("failed", "cancelled"),
}
_ICONS = {"indexed": ":material/description:", "failed": ":material/error:", "cancelled": ":material/block:"}
_WAITING = ":material/hourglass_top:"


@st.fragment
def show_document_list(client: Client, collection: str | None, *, changeable: bool) -> None:
    """Typing in the search field draws this part of the page anew, nothing else."""
    with problems_in_words():
        show_notices()
        name, statuses = _choose_filters()
        rows = st.container()
        found = _find(client, collection, name, statuses)
        with rows:
            _show_count(found, is_filtered=bool(name or statuses), changeable=changeable)
            for document in found.documents:
                _show_document(client, document, changeable=changeable)


def _choose_filters() -> tuple[str, tuple[DocumentStatus, ...]]:
    restore(_NAME)
    restore(_STATUS, accepted=_STATUSES)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.text_input(
            "Search by name",
            key=_NAME,
            type="search",
            max_chars=255,
            live=True,
            width=320,
            on_change=keep,
            args=(_PAGE, None),
        )
        status = st.segmented_control(
            "Status", list(_STATUSES), key=_STATUS, on_change=keep, args=(_PAGE, None)
        )
    keep(_NAME, name)
    keep(_STATUS, status)
    return one_line(name or ""), _STATUSES[status] if status else ()


def _find(
    client: Client, collection: str | None, name: str, statuses: tuple[DocumentStatus, ...]
) -> DocumentPage:
    def page_of(number: int) -> DocumentPage:
        return client.find_documents(
            collection=collection,
            name=name,
            statuses=statuses,
            limit=_PER_PAGE,
            offset=(number - 1) * _PER_PAGE,
        )

    first = page_of(1)
    scope = repr((collection, name, statuses))
    number = choose_page(first.total, per_page=_PER_PAGE, parameter=_PAGE, scope=scope)
    return first if number == 1 else page_of(number)


def _show_count(found: DocumentPage, *, is_filtered: bool, changeable: bool) -> None:
    if found.total:
        st.caption(counted(found.total, "document"))
    elif is_filtered:
        st.info("No document fits this search.", icon=":material/search_off:")
    else:
        hint = " Drop some files above." if changeable else ""
        st.info(f"No documents here yet.{hint}", icon=":material/upload_file:")


def _show_document(client: Client, document: DocumentInfo, *, changeable: bool) -> None:
    label = f"{safe_label(document.name, limit=70)} :small[:gray[{describe_document(document)}]]"
    row = st.expander(
        label,
        icon=_ICONS.get(document.status, _WAITING),
        key=f"document-{document.document_id}",
        on_change="rerun",
    )
    # What is folded away is not drawn: a page of documents is four times as fast without it.
    if row.open:
        with row:
            _show_report(document)
            _show_actions(client, document, changeable=changeable)


def _show_report(document: DocumentInfo) -> None:
    if document.error:
        st.error(safe_label(document.error.detail, limit=400), icon=":material/error:")
    if summary := summarise_extraction(document):
        st.markdown(summary)
    for warning in list_warnings(document):
        st.warning(safe_label(warning, limit=400), icon=":material/warning:")
    if document.keywords:
        words = " ".join(f":gray-badge[{safe_label(word, limit=40)}]" for word in document.keywords)
        st.markdown(f"About: {words}")
    st.caption(f"In the collection {safe_label(document.collection)}, {safe_label(document.media_type)}")


def _show_actions(client: Client, document: DocumentInfo, *, changeable: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Download the original",
            # Fetched when it is asked for, so that drawing the list costs nothing of it.
            data=lambda: client.original(document.document_id),
            file_name=one_line(document.name),
            # Not its own type: what others uploaded is to be saved, never opened by the browser.
            mime="application/octet-stream",
            key=f"download-{document.document_id}",
            icon=":material/download:",
            on_click="ignore",
        )
        if changeable:
            _offer_changes(client, document)


def _offer_changes(client: Client, document: DocumentInfo) -> None:
    if st.button(
        "Read again",
        key=f"read_again-{document.document_id}",
        icon=":material/refresh:",
        disabled=is_being_read(document),
        help="Reads and indexes the original anew. Until that is done, what was read before is searched.",
    ):
        _read_again(client, document)
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("This deletes the document with its text and its file. It cannot be undone.")
        st.button(
            "Delete for good",
            key=f"delete_document-{document.document_id}",
            on_click=_delete,
            args=(client, document),
        )


def _read_again(client: Client, document: DocumentInfo) -> None:
    carry_out(
        lambda: follow(client.reindex(document.document_id)), done=f"{document.name} is being read again"
    )
    st.rerun()  # the whole page, which shows how far it is


def _delete(client: Client, document: DocumentInfo) -> None:
    carry_out(lambda: client.delete(document.document_id), done=f"{document.name} is deleted")
