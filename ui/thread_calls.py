"""What the service is asked about conversations: which there are, what was said, and how they are to change."""

from __future__ import annotations

from typing import Literal

import httpx

from app.schemas import Thread, ThreadInfo, ThreadPage
from ui.connection import Connection, ServerRefused, read_wire

_MOST_LISTED = 200  # that the service gives at a time


class ThreadCalls(Connection):
    """`Client` has these calls among others."""

    def find_threads(self, title: str = "", *, limit: int) -> ThreadPage:
        """The last used conversations with this in their titles, and how many there are in all."""
        found: list[ThreadInfo] = []
        while True:
            wanted = {"limit": min(limit - len(found), _MOST_LISTED), "offset": len(found)}
            params = wanted | ({"q": title} if title else {})
            page = read_wire(ThreadPage, self._request("GET", "/threads", params=params))
            found += page.threads
            if page.next_offset is None or len(found) >= limit:
                return page.model_copy(update={"threads": found})

    def thread(self, thread_id: str, *, last: int) -> Thread | None:
        """A conversation with its newest turns; none where nothing was answered yet."""
        try:
            return read_wire(Thread, self._request("GET", f"/threads/{thread_id}", params={"last": last}))
        except ServerRefused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def rename_thread(self, thread_id: str, title: str) -> ThreadInfo:
        return read_wire(ThreadInfo, self._request("PATCH", f"/threads/{thread_id}", json={"title": title}))

    def fork(self, thread_id: str, *, after_turn: int) -> ThreadInfo:
        """Begin a new conversation with the first turns of another, which stays."""
        body = {"after_turn": after_turn}
        return read_wire(ThreadInfo, self._request("POST", f"/threads/{thread_id}/fork", json=body))

    def delete_thread(self, thread_id: str) -> None:
        self._request("DELETE", f"/threads/{thread_id}")

    def export_thread(self, thread_id: str, kind: Literal["md", "json"]) -> bytes:
        return self._request("GET", f"/threads/{thread_id}/export", params={"format": kind}).content
