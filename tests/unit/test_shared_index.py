"""One writer at a time to an index outside the database, among threads, processes and machines."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from threading import Event

import pytest

from app.errors import StorageUnavailable
from app.knowledge.snapshots import Cancelled
from app.knowledge.store import open_store
from tests.postgres import postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return postgres_url(tmp_path) if request.param == "postgres" else f"sqlite:///{tmp_path / 'llmops.db'}"


def test_one_after_another(url: str, tmp_path: Path) -> None:
    inside: list[int] = []
    seen: list[int] = []

    def work(number: int) -> None:
        with open_store(url, tmp_path) as store, store.shared_index().turn(Event()) as keep:
            inside.append(number)
            seen.append(len(inside))
            keep()
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert seen == [1] * 16


def test_who_waits_can_be_told_to_give_up(url: str, tmp_path: Path) -> None:
    closing = Event()
    closing.set()
    with (
        open_store(url, tmp_path) as store,
        store.shared_index().turn(Event()),
        pytest.raises(Cancelled),
        store.shared_index().turn(closing),
    ):
        raise AssertionError


def hold(url: str, folder: Path, has_it: ProcessEvent) -> None:
    with open_store(url, folder) as store, store.shared_index().turn(Event()):
        has_it.set()
        Event().wait()


def test_a_process_that_is_killed_leaves_its_turn_to_others(url: str, tmp_path: Path) -> None:
    with open_store(url, tmp_path):
        pass
    spawning = multiprocessing.get_context("spawn")
    has_it = spawning.Event()
    other = spawning.Process(target=hold, args=(url, tmp_path, has_it))
    other.start()
    assert has_it.wait(40)
    other.kill()
    other.join()
    with open_store(url, tmp_path) as store, store.shared_index().turn(Event()) as keep:
        keep()


@pytest.mark.postgres
def test_a_turn_that_was_lost_with_its_connection_is_noticed(tmp_path: Path) -> None:
    url = postgres_url(tmp_path)
    with (
        open_store(url, tmp_path) as store,
        pytest.raises(StorageUnavailable),
        store.shared_index().turn(Event()) as keep,
        _cut_off(url),
        store.shared_index().turn(Event()),  # another one has it now
    ):
        keep()


def test_all_processes_draw_the_same_id(url: str, tmp_path: Path) -> None:
    def draw(_: int) -> str:
        with open_store(url, tmp_path) as store:
            return store.shared_index().store_id()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(draw, range(6)))) == 1


@contextmanager
def _cut_off(url: str) -> Iterator[None]:
    """Have the server end all other connections to the database, as a network does that fails."""
    import psycopg

    address = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    yield
