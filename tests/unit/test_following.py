"""The indexes follow the store while nobody searches."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.knowledge import Knowledge
from app.knowledge.following import Following
from tests.knowledge_base import add_document, open_test_knowledge
from tests.waiting import becomes_true

PROMPTLY = 0.02


def held_by(knowledge: Knowledge) -> tuple[int, int]:
    return knowledge.vectors.state().chunks, knowledge.lexical.state().chunks


def test_what_others_store_is_taken_in_without_a_search(tmp_path: Path) -> None:
    with (
        open_test_knowledge(tmp_path) as reader,
        open_test_knowledge(tmp_path) as writer,
        closing(Following(reader.catch_up, every_s=PROMPTLY)) as following,
    ):
        following.start()
        document_id = add_document(
            writer.store, ["The rent is due in May.", "It is paid by cheque."]
        ).document_id
        assert becomes_true(lambda: held_by(reader) == (2, 2))
        writer.store.delete_document(document_id)
        assert becomes_true(lambda: held_by(reader) == (0, 0))


@pytest.mark.parametrize("error", [StorageUnavailable("away"), RuntimeError("a defect")])
def test_a_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr("app.knowledge.following._AFTER_FAILURE_S", PROMPTLY)
    calls: list[int] = []

    def fail_twice() -> None:
        calls.append(len(calls))
        if len(calls) <= 2:
            raise error

    with closing(Following(fail_twice, every_s=PROMPTLY)) as following:
        following.start()
        assert becomes_true(lambda: len(calls) > 3)


def test_closing_waits_for_what_is_being_taken_in_and_nothing_comes_after() -> None:
    others = set(threading.enumerate())  # of servers that other tests share
    entered, leave, ended = threading.Event(), threading.Event(), threading.Event()

    def take_in() -> None:
        entered.set()
        leave.wait(20)
        ended.set()

    following = Following(take_in, every_s=PROMPTLY)
    following.start()
    assert entered.wait(20)
    threading.Timer(0.1, leave.set).start()
    following.close()
    assert ended.is_set()
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "following"]


def test_what_never_began_can_be_closed() -> None:
    Following(lambda: None).close()
