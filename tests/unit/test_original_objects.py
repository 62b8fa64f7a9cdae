"""Originals in a store of objects are kept, found and removed as those in a folder are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from app.errors import ConfigurationError, InvalidRequest, MissingOriginal, StorageUnavailable
from app.knowledge import original_objects
from app.knowledge.backup import back_up
from app.knowledge.image_cache import ImageCache
from app.knowledge.original_objects import OriginalObjects, open_original_objects
from app.knowledge.originals import OriginalFiles, Originals, placed, size_of
from app.knowledge.restore import restore
from app.knowledge.store import KnowledgeStore, open_store
from tests.knowledge_base import add_document

SHA = "ab" * 32
OTHER = "cd" * 32


class Objects:
    """A store in memory, which can fail."""

    def __init__(self) -> None:
        self.files = fsspec.filesystem("memory")
        self.root = f"/{uuid4().hex}"
        self.broken: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.broken is not None:
            raise self.broken
        return getattr(self.files, name)

    def names(self) -> list[str]:
        found = (path.removeprefix(f"{self.root}/") for path in self.files.find(self.root))
        return sorted(name for name in found if name != "knowledge-base")


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture(params=["folder", "objects"])
def originals(request: pytest.FixtureRequest, tmp_path: Path, objects: Objects) -> Originals:
    images = ImageCache(tmp_path)
    if request.param == "folder":
        return OriginalFiles(tmp_path / "originals", images)
    return OriginalObjects(objects, objects.root, images)


def keep(originals: Originals, sha256: str, data: bytes) -> None:
    with originals.staged(data, sha256) as publish:
        publish()


def test_a_file_is_there_when_it_is_put_into_place_and_not_before(originals: Originals) -> None:
    with originals.staged(b"the lease", SHA), pytest.raises(MissingOriginal):
        originals.open(SHA)
    assert list(originals.hashes()) == []
    keep(originals, SHA, b"the lease")
    keep(originals, SHA, b"the lease")
    keep(originals, OTHER, b"")
    with originals.open(SHA) as file:
        assert size_of(file) == 9
        assert (file.read(4), file.seek(4, io.SEEK_SET), file.read()) == (b"the ", 4, b"lease")
    with originals.open(OTHER) as file:
        assert size_of(file) == 0
    assert sorted(originals.hashes()) == [SHA, OTHER]


def test_pictures_go_with_their_file(originals: Originals) -> None:
    keep(originals, SHA, b"x")
    originals.images.put(SHA, "1", b"picture")
    originals.images.put(OTHER, "1", b"picture")
    originals.remove(SHA)
    originals.remove(SHA)
    with pytest.raises(MissingOriginal):
        originals.open(SHA)
    assert list(originals.hashes()) == []
    assert list(originals.images.hashes()) == [OTHER]


def test_what_a_killed_process_left_goes_after_an_hour(
    originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with originals.staged(b"half done", SHA) as publish:
        originals.remove_abandoned()
        publish()
    assert list(originals.hashes()) == [SHA]
    with originals.staged(b"half done", OTHER) as publish:
        for module in ("originals", "original_objects"):
            monkeypatch.setattr(f"app.knowledge.{module}.ABANDONED_AFTER_S", -1)
        originals.remove_abandoned()
        with pytest.raises(FileNotFoundError):
            publish()
    assert list(originals.hashes()) == [SHA]


def test_a_store_that_fails_is_unavailable_whatever_it_raises(objects: Objects, tmp_path: Path) -> None:
    originals = elsewhere(objects, tmp_path)
    keep(originals, SHA, b"x")
    for broken in (RuntimeError("Generic S3 error: 500\nDebug source: secrets"), PermissionError("no")):
        objects.broken = broken
        with pytest.raises(StorageUnavailable) as raised:
            originals.open(SHA)
        assert raised.value.detail == "The store of the originals cannot be used"
        with pytest.raises(StorageUnavailable):
            originals.remove(SHA)
        with pytest.raises(StorageUnavailable):
            list(originals.hashes())
    objects.broken = None
    with originals.open(SHA) as file:
        assert file.read() == b"x"


def test_a_copy_that_cannot_be_tidied_away_is_no_failure(objects: Objects, tmp_path: Path) -> None:
    originals = elsewhere(objects, tmp_path)
    with originals.staged(b"x", SHA) as publish:
        publish()
        objects.broken = RuntimeError("Generic S3 error: 503")
    objects.broken = None
    assert list(originals.hashes()) == [SHA]
    assert [name for name in objects.names() if name.startswith("arriving/")] != []


def test_what_arrives_while_it_is_looked_for_stops_nobody(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = elsewhere(objects, tmp_path)
    with originals.staged(b"x", SHA) as publish:
        found = objects.files.find(f"{objects.root}/arriving")
        publish()
    monkeypatch.setattr(objects, "find", lambda _: found, raising=False)
    originals.remove_abandoned()


def test_a_file_that_was_opened_is_read_to_its_end_though_it_is_deleted(originals: Originals) -> None:
    keep(originals, SHA, b"the lease")
    with originals.open(SHA) as file:
        originals.remove(SHA)
        assert file.read() == b"the lease"


@pytest.fixture
def shared(objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KnowledgeStore]:
    monkeypatch.setattr(
        "app.knowledge.original_objects.open_original_objects",
        lambda _, images: OriginalObjects(objects, objects.root, images),
    )
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path, "s3://bucket") as store:
        yield store


def test_a_document_and_its_object_come_and_go_together(
    shared: KnowledgeStore, objects: Objects, tmp_path: Path
) -> None:
    info = add_document(shared, ["The rent is due on Monday."], name="lease.txt")
    assert objects.names() == [placed(info.sha256)]
    file, size = shared.listing.open_original(info.document_id)
    with file:
        assert (len(file.read()), size) == (size, info.bytes)
    assert not (tmp_path / "originals").exists()
    shared.delete_document(info.document_id)
    assert objects.names() == []


def test_another_knowledge_base_is_kept_away(
    shared: KnowledgeStore, objects: Objects, tmp_path: Path
) -> None:
    """Or each would sweep away what only the other one knows."""
    info = add_document(shared, ["The rent is due on Monday."], name="lease.txt")
    other = tmp_path / "other"
    with pytest.raises(ConfigurationError, match="another knowledge base"):
        open_store(f"sqlite:///{other / 'llmops.db'}", other, "s3://bucket").__enter__()
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path, "s3://bucket") as again:
        again.sweep()
    assert objects.names() == [placed(info.sha256)]
    back_up(
        f"sqlite:///{tmp_path / 'llmops.db'}",
        tmp_path,
        tmp_path / "b.tar",
        originals=elsewhere(objects, tmp_path),
    )
    with pytest.raises(InvalidRequest, match="new prefix"):
        restore(
            tmp_path / "b.tar",
            f"sqlite:///{other / 'llmops.db'}",
            other,
            replace=True,
            originals=elsewhere(objects, tmp_path),
        )


def elsewhere(objects: Objects, folder: Path) -> OriginalObjects:
    return OriginalObjects(objects, objects.root, ImageCache(folder))


def test_a_backup_moves_originals_from_a_store_of_objects_to_a_folder_and_back(
    shared: KnowledgeStore, objects: Objects, tmp_path: Path
) -> None:
    info = add_document(shared, ["The rent is due on Monday."], name="lease.txt")
    url, target = f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path / "b.tar"
    originals = elsewhere(objects, tmp_path)
    assert back_up(url, tmp_path, target, originals=originals).originals == 1

    folder = tmp_path / "folder"
    restore(target, f"sqlite:///{folder / 'llmops.db'}", folder)
    assert (folder / "originals" / placed(info.sha256)).is_file()

    objects.files.rm(objects.root, recursive=True)
    again = tmp_path / "again"
    restore(target, f"sqlite:///{again / 'llmops.db'}", again, originals=originals)
    assert not (again / "originals").exists()
    assert objects.names() == [placed(info.sha256)]


def test_pictures_of_what_another_machine_deleted_are_swept(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) as store:
        info = add_document(store, ["The rent is due on Monday."], name="lease.txt")
        images = ImageCache(tmp_path)
        for sha256 in (info.sha256, OTHER):
            images.put(sha256, "1", b"picture")
        store.sweep_images()
    assert list(images.hashes()) == [info.sha256]


@pytest.mark.parametrize(
    "url", ["s3:///prefix", "ftp://host/x", "bucket", "s3://key:secret@bucket/x", "s3://bucket?x=y"]
)
def test_other_addresses_are_refused_without_showing_what_they_hold(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_original_objects(url, ImageCache(tmp_path))
    assert "secret" not in raised.value.detail


def test_a_store_that_does_not_answer_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setitem(original_objects._OPTIONS, "retry_config", {"max_retries": 0})
    with pytest.raises(ConfigurationError, match="LLMOPS_ORIGINALS_URL"):
        open_original_objects("s3://bucket", ImageCache(tmp_path))
