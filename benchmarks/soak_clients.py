"""Clients who ask, stream, upload, search and delete at once, and note what the service has promised them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx

INTENDED: Final = frozenset((429, 503, 504))
"""What a service may answer that has too much to do, no room, or a model that does not answer."""
NO_ANSWER: Final = 0

_KEPT = 12
"""Documents of one client; with more it deletes one, so that the knowledge base does not grow."""
_SHARED = 8
_TEXT = (
    "The sluice code of depot {0} is {1}. The keeper of depot {0} lives at gate {2} and works until noon. "
)


@dataclass
class Ledger:
    """What was promised, by the names of documents, of which each is used once; and how requests were answered."""

    stored: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Whose upload or deletion got no answer, or 503: either state is right."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, route: str, status: int, seconds: float, body: str = "") -> None:
        with self.lock:
            self.answers[route, status] += 1
            self.seconds.append(seconds)
            if (status >= 400 and status not in INTENDED) or status == NO_ANSWER:
                self.unexpected.append(f"{route}: {status} {body[:300]}")

    def note(self, name: str, into: set[str]) -> None:
        """This is what is known of a document from here on."""
        with self.lock:
            for known in (self.stored, self.deleted, self.unsure):
                known.discard(name)
            into.add(name)


def text_of(name: str) -> str:
    """What the document of this name says: an answer to one question, told once."""
    number = sum(ord(letter) * (place + 7) for place, letter in enumerate(name)) % 90_000 + 10_000
    return _TEXT.format(name, number, number % 97) * 3


class Client:
    """Does one thing after another in a thread, with short pauses, until it is told to stop."""

    def __init__(self, number: int, base_url: str, ledger: Ledger, stop: threading.Event) -> None:
        self.thread = threading.Thread(target=self.run, name=f"client-{number}", daemon=True)
        self._number = number
        self._random = Random(number)  # reproducible, not secret  # nosec B311
        self._http = httpx.Client(base_url=base_url, timeout=90, trust_env=False)
        self._ledger = ledger
        self._over = stop
        self._uploads = 0
        self._mine: dict[str, str] = {}
        """Ids of what this client has stored and not deleted, by name."""

    def run(self) -> None:
        actions: list[tuple[Callable[[], None], int]] = [
            (self._ask, 3), (self._stream, 2), (self._follow_up, 1), (self._search, 6),
            (self._upload, 2), (self._upload_shared, 1), (self._index, 1), (self._delete, 2), (self._list, 1),
        ]  # fmt: skip
        chosen, weights = zip(*actions, strict=True)
        with self._http:
            while not self._over.is_set():
                self._random.choices(chosen, weights)[0]()
                self._over.wait(self._random.uniform(0.1, 0.8))

    def _send(self, route: str, method: str, path: str, **body: object) -> httpx.Response | None:
        started = time.perf_counter()
        try:
            response = self._http.request(method, path, **body)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            self._ledger.count(route, NO_ANSWER, time.perf_counter() - started, repr(error))
            return None
        self._ledger.count(route, response.status_code, time.perf_counter() - started, response.text)
        if response.status_code in INTENDED:
            self._over.wait(min(2.0, float(response.headers.get("retry-after", 1))))
        return response

    def _known(self) -> str:
        return self._random.choice(list(self._mine) or [f"shared-{self._random.randrange(_SHARED)}"])

    def _ask(self) -> None:
        self._send(
            "/ask", "POST", "/ask", json={"question": f"What is the sluice code of depot {self._known()}?"}
        )

    def _follow_up(self) -> None:
        thread = f"soak-{self._number}-{self._random.randrange(20)}"
        asked = {"question": f"Who keeps depot {self._known()}?", "thread_id": thread}
        self._send("/ask", "POST", "/ask", json=asked)

    def _stream(self) -> None:
        asked = {"input": {"question": f"What is the sluice code of depot {self._known()}?"}}
        started = time.perf_counter()
        try:
            with self._http.stream("POST", "/qa/stream", json=asked) as response:
                for _ in response.iter_lines():
                    if self._random.random() < 0.01:
                        break  # a reader who goes away
        except httpx.TransportError as error:
            self._ledger.count("/qa/stream", NO_ANSWER, time.perf_counter() - started, repr(error))
        else:
            self._ledger.count("/qa/stream", response.status_code, time.perf_counter() - started)

    def _search(self) -> None:
        asked = {"query": f"sluice code of depot {self._known()}", "k": 5}
        self._send("/search", "POST", "/search", json=asked)

    def _list(self) -> None:
        self._send("/documents", "GET", "/documents", params={"limit": 20})

    def _upload(self) -> None:
        self._uploads += 1
        name = f"c{self._number}n{self._uploads}"
        self._store(name, self._send("/upload", "POST", "/upload", files={"files": _as_file(name)}))

    def _index(self) -> None:
        self._uploads += 1
        name = f"c{self._number}n{self._uploads}"
        document = {"text": text_of(name), "name": f"{name}.txt"}
        self._store(name, self._send("/index", "POST", "/index", json={"documents": [document]}))

    def _upload_shared(self) -> None:
        """The same bytes as others upload at the same time: they stay one document, and nobody deletes it."""
        name = f"shared-{self._random.randrange(_SHARED)}"
        response = self._send("/upload", "POST", "/upload", files={"files": _as_file(name)})
        if response is not None and response.is_success:
            self._ledger.note(name, self._ledger.stored)

    def _store(self, name: str, response: httpx.Response | None) -> None:
        if response is None or not response.is_success:
            self._ledger.note(name, self._ledger.unsure)
            return
        self._mine[name] = response.json()["documents"][0]["document_id"]
        self._ledger.note(name, self._ledger.stored)
        while len(self._mine) > _KEPT and not self._over.is_set():
            self._delete()

    def _delete(self) -> None:
        if len(self._mine) < 2:
            return
        name = self._random.choice(list(self._mine))
        document_id = self._mine.pop(name)
        self._ledger.note(name, self._ledger.unsure)
        response = self._send("/documents/{id}", "DELETE", f"/documents/{document_id}")
        if response is not None and response.is_success:
            self._ledger.note(name, self._ledger.deleted)


def _as_file(name: str) -> tuple[str, bytes]:
    return f"{name}.txt", text_of(name).encode()
