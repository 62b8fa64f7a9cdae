"""Collections that keep documents for some time only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app.errors import StorageUnavailable
from app.housekeeping import Housekeeping
from app.knowledge.retention import Retention
from app.knowledge.store import open_store
from app.schemas import CollectionSettings
from app.telemetry.audit import close_audit_log, open_audit_log
from tests.live import make_settings


@pytest.mark.parametrize(("age_days", "is_kept"), [(0, True), (29, True), (31, False)])
def test_documents_go_when_their_collection_keeps_them_no_longer(
    tmp_path: Path, age_days: int, is_kept: bool
) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.catalogue.create("brief", CollectionSettings(retention_days=30))
        store.create_collection("lasting")
        ids = {
            collection: store.begin_document(
                b"A note.", name="n.txt", collection=collection, media_type="text/plain"
            ).document_id
            for collection in ("brief", "lasting")
        }
        later = datetime.now(UTC) + timedelta(days=age_days)
        deleted: list[str] = []
        Retention(store._database, store.delete_document, lambda: later).sweep(deleted.append)
        assert deleted == ([] if is_kept else [ids["brief"]])
        assert {info.document_id for info in store.list_documents()} == set(ids.values()) - set(deleted)


def test_a_document_that_somebody_else_deletes_meanwhile_does_no_harm(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.catalogue.create("brief", CollectionSettings(retention_days=1))
        store.begin_document(b"A note.", name="n.txt", collection="brief", media_type="text/plain")
        later = datetime.now(UTC) + timedelta(days=2)

        def overtaken(document_id: str) -> None:
            store.delete_document(document_id)
            store.delete_document(document_id)

        told: list[str] = []
        Retention(store._database, overtaken, lambda: later).sweep(told.append)
        assert told == []


def test_what_is_to_be_kept_after_all_is_not_deleted(tmp_path: Path) -> None:
    """Somebody changes his mind while the first of many is being deleted."""
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.catalogue.create("brief", CollectionSettings(retention_days=1))
        for text in (b"A note.", b"Another."):
            store.begin_document(text, name="n.txt", collection="brief", media_type="text/plain")
        later = datetime.now(UTC) + timedelta(days=2)

        def delete(document_id: str) -> None:
            store.delete_document(document_id)
            store.catalogue.change("brief", CollectionSettings(retention_days=None))

        told: list[str] = []
        Retention(store._database, delete, lambda: later).sweep(told.append)
        assert len(told) == 1
        assert len(store.list_documents()) == 1


async def test_what_nobody_expected_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.housekeeping._EVERY_S", 0)
    calls, has_succeeded = [], asyncio.Event()

    async def in_pool(sweep: object, on_deleted: object) -> list[str]:
        calls.append(sweep)
        if len(calls) < 3:
            raise RuntimeError("a bug")
        has_succeeded.set()
        return []

    housekeeping = Housekeeping(cast(Retention, SimpleNamespace(sweep=None)), lambda: None, in_pool)
    housekeeping.start()
    try:
        await asyncio.wait_for(has_succeeded.wait(), 5)
    finally:
        await housekeeping.aclose()
    assert "housekeeping_failed" in caplog.text


async def test_a_store_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.housekeeping._EVERY_S", 0)
    calls, has_succeeded = [], asyncio.Event()

    async def in_pool(sweep: object, on_deleted: object) -> list[str]:
        calls.append(sweep)
        if len(calls) < 3:
            raise StorageUnavailable("the disk is full")
        has_succeeded.set()
        return ["d1"]

    housekeeping = Housekeeping(Retention(None, lambda _: None), lambda: None, in_pool)  # type: ignore[arg-type]
    housekeeping.start()
    await has_succeeded.wait()
    await housekeeping.aclose()


async def test_what_a_server_forgets_by_itself_is_in_its_audit_log(tmp_path: Path) -> None:
    """Each as soon as it is gone: the next may fail."""
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.catalogue.create("brief", CollectionSettings(retention_days=1))
        for text in (b"A note.", b"Another."):
            store.begin_document(text, name="n.txt", collection="brief", media_type="text/plain")
        later, gone = datetime.now(UTC) + timedelta(days=2), []

        def delete(document_id: str) -> None:
            if gone:
                raise StorageUnavailable("the disk is full")
            store.delete_document(document_id)
            gone.append(document_id)

        async def in_pool(sweep: Callable[..., object], on_deleted: object) -> None:
            try:
                await asyncio.to_thread(sweep, on_deleted)
            finally:
                is_over.set()

        is_over = asyncio.Event()
        housekeeping = Housekeeping(Retention(store._database, delete, lambda: later), lambda: None, in_pool)
        open_audit_log(tmp_path)
        try:
            housekeeping.start()
            await asyncio.wait_for(is_over.wait(), 10)
            await housekeeping.aclose()
        finally:
            close_audit_log()
    (line,) = map(json.loads, (tmp_path / "audit.jsonl").read_text().splitlines())
    assert (line["actor"], line["action"], line["subject_id"]) == ("retention", "expire", gone[0])
