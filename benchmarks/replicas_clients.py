"""Clients that do each thing at one replica and look at once, at another, whether it has been done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Final

from benchmarks.replicas_ledger import Budget, Promises
from benchmarks.replicas_requests import Replicas, Reply
from benchmarks.replicas_town import Town
from benchmarks.soak_clients import text_of

_KEPT: Final = 12
_SHARED: Final = 8
_TURNS: Final = 8
_INDEXED_WITHIN_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.25
_LEASE_OF_THREAD_S: Final = 20.0


class Client:
    """One operation after another in a thread, for as long as the budget lasts."""

    def __init__(self, number: int, town: Town, promises: Promises, budget: Budget) -> None:
        self.thread = threading.Thread(target=self._run, name=f"client-{number}", daemon=True)
        self._number = number
        self._random = Random(number)  # reproducible, not secret  # nosec B311
        self._promises = promises
        self._budget = budget
        self._replicas = Replicas(town, promises, self._random)
        self._uploads = 0
        self._mine: dict[str, str] = {}
        self._deleted: list[str] = []
        self._threads = 0
        self._said: list[str] = []
        self._unsure_turns = 0
        self._busy_until = 0.0

    def _run(self) -> None:
        actions: list[tuple[Callable[[], None], int]] = [
            (self._search, 40), (self._turn, 15), (self._ask, 8), (self._upload, 12),
            (self._index, 8), (self._upload_shared, 3), (self._delete, 13), (self._batch, 1),
        ]  # fmt: skip
        chosen, weights = zip(*actions, strict=True)
        while self._budget.take():
            action = self._random.choices(chosen, weights)[0]
            action()
            with self._promises.lock:
                self._promises.done[action.__name__.lstrip("_")] += 1

    # Documents

    def _new_name(self) -> str:
        self._uploads += 1
        return f"c{self._number}n{self._uploads}"

    def _upload(self) -> None:
        """Stored by one replica, read by a worker, found by another replica."""
        name = self._new_name()
        reply = self._replicas.insist(
            "/upload", "POST", "/upload", files=_file(name), headers={"Idempotency-Key": name}
        )
        document_id = self._stored(name, reply)
        if reply is None or document_id is None:
            return
        began, replica = time.monotonic(), reply.replica
        while True:
            seen = self._replicas.look("/documents/{id}", "GET", f"/documents/{document_id}", replica)
            if not self._kept("stored", seen.status == 200, f"{name} is {seen.status} at {seen.replica}"):
                return
            if seen.body["status"] == "indexed":
                break
            late = time.monotonic() - began > _INDEXED_WITHIN_S
            if late or seen.body["status"] in ("failed", "cancelled"):
                self._kept("indexed", False, f"{name}: {seen.body['status']} {seen.body['error']}")
                return
            replica = seen.replica
            time.sleep(_LOOK_EVERY_S)
        with self._promises.lock:
            self._promises.until_indexed_s.append(time.monotonic() - began)
        self._begin_keeping(name, document_id, seen.replica)

    def _index(self) -> None:
        """Found everywhere once it is acknowledged."""
        name = self._new_name()
        document = {"text": text_of(name), "name": f"{name}.txt"}
        reply = self._replicas.insist("/index", "POST", "/index", json={"documents": [document]})
        document_id = self._stored(name, reply)
        if reply is not None and document_id is not None:
            self._begin_keeping(name, document_id, reply.replica)

    def _stored(self, name: str, reply: Reply | None) -> str | None:
        if reply is None or not reply.is_success:
            self._promises.note(name, self._promises.unsure)
            return None
        self._promises.note(name, self._promises.stored)
        return str(reply.body["documents"][0]["document_id"])

    def _begin_keeping(self, name: str, document_id: str, replica: str) -> None:
        self._mine[name] = document_id
        self._must_find(name, replica)
        while len(self._mine) > _KEPT:
            self._delete()

    def _upload_shared(self) -> None:
        """The same bytes as others upload at the same time: they stay one document, and nobody deletes it."""
        name = f"shared-{self._random.randrange(_SHARED)}"
        reply = self._replicas.insist("/upload", "POST", "/upload?wait=true", files=_file(name))
        if self._stored(name, reply) is not None and reply is not None:
            self._must_find(name, reply.replica)

    def _delete(self) -> None:
        """Gone everywhere once it is acknowledged."""
        if len(self._mine) < 2:
            return
        name = self._random.choice(list(self._mine))
        document_id = self._mine.pop(name)
        self._promises.note(name, self._promises.unsure)
        reply = self._replicas.insist("/documents/{id}", "DELETE", f"/documents/{document_id}")
        if reply is None or reply.status not in (204, 404):
            return
        self._promises.note_deleted(name)
        self._deleted.append(name)
        seen = self._replicas.look("/documents/{id}", "GET", f"/documents/{document_id}", reply.replica)
        self._kept("gone", seen.status == 404, f"{name} is {seen.status} at {seen.replica}")
        self._search_for(name, reply.replica)

    def _search(self) -> None:
        """For what is there or for what is gone, each through the balancer."""
        if self._deleted and self._random.random() < 0.25:
            self._search_for(self._random.choice(self._deleted[-20:]), None)
        elif self._mine:
            self._must_find(self._random.choice(list(self._mine)), None)

    def _must_find(self, name: str, other_than: str | None) -> None:
        found = self._search_for(name, other_than)
        if found is not None:
            names = _names(found)
            self._kept("found", name in names, f"{name} is not among {names} at {found.replica}")

    def _search_for(self, name: str, other_than: str | None) -> Reply | None:
        """Whatever is looked for, nothing may come that was deleted before, and nothing twice."""
        asked = {"query": f"The sluice code of depot {name}", "k": 10}
        if other_than is None:
            reply = self._replicas.send("/search", "POST", "/search", json=asked)
        else:
            reply = self._replicas.look("/search", "POST", "/search", other_than, json=asked)
        if reply is None or not reply.is_success:
            return None
        names = _names(reply)
        ghosts = self._promises.gone_before(names, reply.began)
        self._kept("no ghost", not ghosts, f"{ghosts} at {reply.replica}")
        self._kept("no duplicate", len(set(names)) == len(names), f"{names} at {reply.replica}")
        return reply

    # Questions

    def _ask(self) -> None:
        if not self._mine:
            return
        name = self._random.choice(list(self._mine))
        asked = {"question": _question(name), "document_ids": [self._mine[name]]}
        reply = self._replicas.send("/ask", "POST", "/ask", json=asked)
        if reply is not None and reply.is_success:
            self._kept("answered", _code(name) in reply.body["answer"], f"{name}: {reply.body['answer']!r}")

    def _turn(self) -> None:
        """The next turn of a conversation at any replica, which knows all turns before; then a look at another's."""
        if time.monotonic() < self._busy_until or not self._mine:
            return
        if len(self._said) >= _TURNS:
            self._threads, self._said, self._unsure_turns = self._threads + 1, [], 0
        thread = f"c{self._number}t{self._threads}"
        name = self._random.choice(list(self._mine))
        question = f"{_question(name)} This is turn {len(self._said) + self._unsure_turns}."
        reply = self._replicas.send("/ask", "POST", "/ask", json={"question": question, "thread_id": thread})
        if reply is None:
            self._unsure_turns += 1
            self._busy_until = (
                time.monotonic() + _LEASE_OF_THREAD_S + 1
            )  # the dead replica has the thread so long
            return
        if not reply.is_success:
            self._kept("thread free", reply.status != 409, f"{thread} is busy at {reply.replica}")
            self._unsure_turns += 1
            return
        self._said.append(question)
        seen = self._replicas.look("/threads/{id}", "GET", f"/threads/{thread}", reply.replica)
        there = [turn["question"] for turn in seen.body["turns"]] if seen.is_success else []
        known = [one for one in there if one in self._said]
        is_whole = known == self._said and len(there) - len(known) <= self._unsure_turns
        self._kept("turns", is_whole, f"{thread} has {there} at {seen.replica}, not {self._said}")

    def _batch(self) -> None:
        """Questions that workers answer: each once, in order, whoever is asked for the answers."""
        names = list(self._mine)[:4]
        questions = [{"question": _question(name), "document_ids": [self._mine[name]]} for name in names]
        reply = (
            self._replicas.send("/ask/batch", "POST", "/ask/batch", json={"questions": questions})
            if names
            else None
        )
        if reply is None or not reply.is_success:
            return
        job, began = reply.body["job_id"], time.monotonic()
        while time.monotonic() - began < _INDEXED_WITHIN_S:
            seen = self._replicas.look("/jobs/{id}", "GET", f"/jobs/{job}", reply.replica)
            if not self._kept("job", seen.is_success, f"{job} is {seen.status} at {seen.replica}"):
                return
            if seen.body["state"] not in ("queued", "running"):
                break
            time.sleep(_LOOK_EVERY_S * 2)
        results = self._replicas.look("/jobs/{id}/results", "GET", f"/jobs/{job}/results", seen.replica).body[
            "results"
        ]
        answers = [(result["answer"] or {}).get("answer", result["state"]) for result in results]
        is_whole = len(answers) == len(names) and all(
            _code(name) in answer for name, answer in zip(names, answers, strict=True)
        )
        self._kept("batch", is_whole, f"{job}: {answers}")

    def _kept(self, kind: str, is_kept: bool, what: str) -> bool:
        return self._promises.check(kind, is_kept, f"{time.strftime('%H:%M:%S')} {what}")


def _names(reply: Reply) -> list[str]:
    return [result["document_name"].removesuffix(".txt") for result in reply.body["results"]]


def _question(name: str) -> str:
    return f"What is the sluice code of depot {name}?"


def _code(name: str) -> str:
    """What an answer to the question must hold."""
    return text_of(name).split(" is ")[1].split(".")[0]


def _file(name: str) -> dict[str, tuple[str, bytes]]:
    return {"files": (f"{name}.txt", text_of(name).encode())}
