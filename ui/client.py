"""Knows the service's addresses."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from app.schemas import DocumentInfo, DocumentList, Health, Info, Stats
from ui.connection import (
    CONNECT_S,
    ServerRefused,
    ServerUnavailable,
    foreign_errors_translated,
    read_wire,
)
from ui.document_calls import DocumentCalls
from ui.evaluation_calls import EvaluationCalls
from ui.feedback_calls import FeedbackCalls
from ui.job_calls import UPLOAD_S, JobCalls, Upload
from ui.run_calls import Event, RunCalls
from ui.thread_calls import ThreadCalls

__all__ = ["Client", "Event", "ServerRefused", "ServerUnavailable", "Upload"]

_LISTED = 1_000  # the most that the service gives at a time


class Client(DocumentCalls, EvaluationCalls, FeedbackCalls, JobCalls, RunCalls, ThreadCalls):
    """Talks to one service; safe to share between the sessions of all users."""

    def info(self) -> Info:
        return read_wire(Info, self._request("GET", "/info"))

    def stats(self) -> Stats:
        return read_wire(Stats, self._request("GET", "/stats"))

    def health(self) -> Health:
        """How the service itself says it is; that it cannot serve is an answer here, not a failure."""
        with foreign_errors_translated():
            response = self._http.get("/health")
            if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                response.raise_for_status()
            return read_wire(Health, response)

    def is_reachable(self) -> bool:
        try:
            self.info()
        except (ServerUnavailable, ServerRefused):
            return False
        return True

    def documents(self) -> list[DocumentInfo]:
        found: list[DocumentInfo] = []
        while True:
            response = self._request("GET", "/documents", params={"limit": _LISTED, "offset": len(found)})
            page = read_wire(DocumentList, response).documents
            found += page
            if len(page) < _LISTED:
                return found

    def upload(self, file: Upload) -> DocumentInfo:
        """Index one file and wait until it can be asked about; an unreadable file has status `failed`."""
        response = self._request(
            "POST",
            "/upload",
            params={"wait": "true"},
            files=[("files", (file.name, file.data, file.media_type))],
            timeout=httpx.Timeout(UPLOAD_S, connect=CONNECT_S),
        )
        documents = read_wire(DocumentList, response).documents
        if len(documents) != 1:
            raise ServerUnavailable(f"The service reported {len(documents)} documents for one file")
        return documents[0]

    def delete(self, document_id: str) -> None:
        self._request("DELETE", f"/documents/{document_id}")
