"""The list of conversations: finding one, opening it, and what can be done with the open one."""

from __future__ import annotations

from functools import partial
from typing import Literal

import streamlit as st

from app.schemas import MAX_THREAD_TITLE_CHARS, ThreadInfo
from ui.client import Client
from ui.notices import carry_out, note_failure
from ui.safe_text import one_line, safe_label
from ui.state import Session, open_thread, start_conversation
from ui.wording import how_long_ago

_AT_A_TIME = 8
_SHOWN = "threads_shown"
# Streamlit centres what stands in a button, and has no parameter for it.
_LEFT_ALIGNED = """
<style>
[class*="st-key-thread-"] button, [class*="st-key-thread-"] button > div { justify-content: flex-start; }
[class*="st-key-thread-"] button p { text-align: start; }
</style>
"""
_EXPORTS: tuple[tuple[Literal["md", "json"], str], ...] = (("md", "Markdown"), ("json", "JSON"))


def show_threads(client: Client, session: Session) -> None:
    st.subheader("Conversations", anchor=False)
    title = st.text_input(
        "Search conversations",
        key="thread_query",
        max_chars=MAX_THREAD_TITLE_CHARS,
        placeholder="Search conversations",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    found = client.find_threads(title.strip(), limit=st.session_state.setdefault(_SHOWN, _AT_A_TIME))
    if not found.threads:
        st.caption("No conversation has this in its title." if title.strip() else "None yet.")
    st.html(_LEFT_ALIGNED)
    for thread in found.threads:
        _show_thread(client, session, thread)
    if found.total > len(found.threads):
        st.button(
            "More conversations", key="more_threads", icon=":material/expand_more:", on_click=_show_more
        )


def _show_more() -> None:
    st.session_state[_SHOWN] += _AT_A_TIME


def _show_thread(client: Client, session: Session, thread: ThreadInfo) -> None:
    is_open = session.conversation is not None and session.conversation.thread_id == thread.thread_id
    title = safe_label(thread.title, limit=60)
    when = f"{'a plan waits · ' if thread.waits else ''}{how_long_ago(thread.updated_at)}"
    st.button(
        f"{f'**{title}**' if is_open else title} :small[:gray[{when}]]",
        key=f"thread-{thread.thread_id}",
        help="The open conversation" if is_open else None,
        icon=_icon(thread, is_open=is_open),
        type="secondary" if is_open else "tertiary",
        on_click=open_thread,
        args=(session, thread.thread_id),
    )
    if is_open:
        with st.container(horizontal=True, gap="small"):
            _offer_rename(client, thread)
            if thread.turn_count:
                _offer_copy(client, session, thread)
            _offer_export(client, thread)
            _offer_delete(client, session, thread)


def _icon(thread: ThreadInfo, *, is_open: bool) -> str:
    if thread.waits:
        return ":material/pending_actions:"
    return ":material/chat:" if is_open else ":material/chat_bubble_outline:"


def _offer_rename(client: Client, thread: ThreadInfo) -> None:
    key = f"title-{thread.thread_id}"
    with st.popover("Rename", type="tertiary"):
        st.text_input("Title", thread.title, key=key, max_chars=MAX_THREAD_TITLE_CHARS)
        st.button(
            "Save",
            key=f"rename-{thread.thread_id}",
            on_click=_rename,
            args=(client, thread, key),
        )


def _rename(client: Client, thread: ThreadInfo, key: str) -> None:
    title = one_line(str(st.session_state[key]))
    if title:
        carry_out(lambda: client.rename_thread(thread.thread_id, title), done="Renamed")
    else:
        note_failure("A title needs at least one letter.")


def _offer_copy(client: Client, session: Session, thread: ThreadInfo) -> None:
    st.button(
        "Fork",
        key=f"fork-{thread.thread_id}",
        type="tertiary",
        help="Go on in a copy; this conversation stays as it is",
        on_click=_fork,
        args=(client, session, thread),
    )


def _fork(client: Client, session: Session, thread: ThreadInfo) -> None:
    def fork() -> None:
        open_thread(session, client.fork(thread.thread_id, after_turn=thread.turn_count).thread_id)

    carry_out(fork, done="This is the copy")


def _offer_export(client: Client, thread: ThreadInfo) -> None:
    with st.popover("Export", type="tertiary"):
        for kind, name in _EXPORTS:
            st.download_button(
                name,
                data=partial(client.export_thread, thread.thread_id, kind),
                file_name=f"{one_line(thread.title)}.{kind}",
                mime="application/octet-stream",
                key=f"export_{kind}-{thread.thread_id}",
                icon=":material/download:",
                on_click="ignore",
            )


def _offer_delete(client: Client, session: Session, thread: ThreadInfo) -> None:
    with st.popover("Delete", type="tertiary"):
        st.markdown("This deletes the conversation. It cannot be undone.")
        st.button(
            "Delete this conversation",
            key=f"delete_thread-{thread.thread_id}",
            on_click=_delete,
            args=(client, session, thread),
        )


def _delete(client: Client, session: Session, thread: ThreadInfo) -> None:
    if carry_out(lambda: client.delete_thread(thread.thread_id), done="The conversation is deleted"):
        start_conversation(session)
