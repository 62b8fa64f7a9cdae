"""What the service is asked about work in the background: files that are read, questions that are answered."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import httpx

from app.schemas import BatchAccepted, BatchResult, JobInfo, JobList, UploadResponse
from ui.connection import CONNECT_S, Connection, foreign_errors_translated, read_wire

UPLOAD_S = 900.0
_MOST_JOBS = 100  # that the service lists
_DATA = b"data:"


@dataclass(frozen=True)
class Upload:
    name: str
    data: bytes
    media_type: str


class JobCalls(Connection):
    """`Client` has these calls among others."""

    def submit(self, file: Upload, *, collection: str | None) -> str:
        """Hand over one file and give the job that reads it."""
        response = self._request(
            "POST",
            "/upload",
            files=[("files", (file.name, file.data, file.media_type))],
            data={"collection": collection} if collection else None,
            timeout=httpx.Timeout(UPLOAD_S, connect=CONNECT_S),
        )
        return read_wire(UploadResponse, response).job_id

    def reindex(self, document_id: str) -> str:
        """Have a document read again and give the job that does it."""
        return read_wire(UploadResponse, self._request("POST", f"/documents/{document_id}/reindex")).job_id

    def submit_batch(self, table: bytes) -> str:
        """Hand over a CSV file of questions and give the job that answers them."""
        response = self._request("POST", "/ask/batch", content=table, headers={"content-type": "text/csv"})
        return read_wire(BatchAccepted, response).job_id

    def jobs(self) -> list[JobInfo]:
        """The newest jobs, newest first."""
        return read_wire(JobList, self._request("GET", "/jobs", params={"limit": _MOST_JOBS})).jobs

    def job(self, job_id: str) -> JobInfo:
        return read_wire(JobInfo, self._request("GET", f"/jobs/{job_id}"))

    def follow_job(self, job_id: str, *, patience_s: float) -> Generator[JobInfo]:
        """Each state of a job as it comes, until it is finished or nothing of it has changed for `patience_s`."""
        timeout = httpx.Timeout(patience_s, connect=CONNECT_S)
        with foreign_errors_translated():
            try:
                with self._streaming(f"/jobs/{job_id}/events", timeout=timeout) as response:
                    for line in _lines(response):
                        if line.startswith(_DATA):
                            yield JobInfo.model_validate_json(line.removeprefix(_DATA), extra="ignore")
            except httpx.ReadTimeout:
                return

    def cancel_job(self, job_id: str) -> None:
        self._request("DELETE", f"/jobs/{job_id}")

    def resume_job(self, job_id: str) -> None:
        """Go on with what failed or was cancelled of a job."""
        self._request("POST", f"/jobs/{job_id}/resume")

    def batch_results(self, job_id: str, *, limit: int, offset: int = 0) -> list[BatchResult]:
        """Some of a batch's questions with what became of them; no more is read than is wanted."""
        with (
            foreign_errors_translated(),
            self._streaming(f"/jobs/{job_id}/results", params={"format": "jsonl"}) as response,
        ):
            lines = islice(_lines(response), offset, offset + limit)
            return [BatchResult.model_validate_json(line, extra="ignore") for line in lines]

    def batch_file(self, job_id: str, form: Literal["csv", "json"]) -> bytes:
        params = {"format": form}
        return self._request("GET", f"/jobs/{job_id}/results", params=params, timeout=UPLOAD_S).content


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Split at line feeds alone: a text in JSON may hold the other characters that end a line."""
    rest = b""
    for part in response.iter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
    if rest:
        yield rest
