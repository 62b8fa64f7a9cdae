"""A backup is whole and consistent whatever goes on beside it, and a restore is checked before it happens."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ConfigurationError, InvalidRequest, LlmopsError, StorageUnavailable, UnusableBackup
from app.knowledge.archive import MANIFEST, SUMS
from app.knowledge.backup import back_up
from app.knowledge.restore import restore
from app.knowledge.store import open_store
from tests.backup_children import (
    NO_ROOM,
    back_up_and_restore,
    back_up_in_little_space,
    backup_of,
    restore_in_little_space,
    restore_to,
)
from tests.knowledge_base import add_document, open_test_knowledge
from tests.processes import start

QUERIES = ["When is the rent due?", "deposit", "clause 7", "heating"]


def answers(folder: Path) -> list[list[tuple[str, str, float]]]:
    with open_test_knowledge(folder) as knowledge:
        found = [knowledge.retriever.search(query, k=5).hits for query in QUERIES]
    return [[(hit.chunk.chunk_id, hit.chunk.text, hit.score) for hit in hits] for hits in found]


def check_originals(folder: Path) -> int:
    """Every document is whole; tell how many there are."""
    with open_store(f"sqlite:///{folder / 'llmops.db'}", folder) as store:
        documents = store.list_documents()
        for info in documents:
            assert hashlib.sha256(store.original(info.document_id)).hexdigest() == info.sha256
            assert len(store.chunks([info.document_id])) == info.chunks
        return len(documents)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A data directory with three documents."""
    folder = tmp_path / "live"
    with open_test_knowledge(folder) as knowledge:
        add_document(knowledge.store, ["The rent is due on Monday.", "The deposit is returned in May."])
        add_document(knowledge.store, [f"This is clause {n}." for n in range(20)], name="lease.txt")
        add_document(knowledge.store, ["The heating is on in winter."], collection="house")
    return folder


def test_what_is_restored_gives_the_same_answers(live: Path, tmp_path: Path) -> None:
    manifest = backup_of(live, tmp_path / "b.tar")
    assert (manifest.documents, manifest.chunks, manifest.originals) == (3, 23, 3)
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0

    assert restore_to(tmp_path / "new" / "data", tmp_path / "b.tar").manifest == manifest

    assert answers(tmp_path / "new" / "data") == answers(live)
    assert check_originals(tmp_path / "new" / "data") == 3
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["data"]


def test_a_backup_during_load_is_consistent(live: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    rounds: list[int] = []

    def work(name: str) -> None:
        with open_store(f"sqlite:///{live / 'llmops.db'}", live) as store:
            number = 0
            while not stop.is_set():
                pages = [f"{name} adds part {part} of {number}" for part in range(3)]
                info = add_document(store, pages, name=f"{name}{number}")
                if number % 3:
                    store.delete_document(info.document_id)
                number += 1
        rounds.append(number)

    workers = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    try:
        for number in range(4):
            manifest = backup_of(live, tmp_path / f"{number}.tar")
            restore_to(tmp_path / str(number), tmp_path / f"{number}.tar")
            assert check_originals(tmp_path / str(number)) == manifest.documents >= 3
            assert len(answers(tmp_path / str(number))[0]) == 5
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert min(rounds) > 0


def test_a_document_that_is_deleted_before_its_file_is_copied_is_left_out(live: Path, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{live / 'llmops.db'}", live) as store:
        *_, last = sorted(store.list_documents(), key=lambda info: info.sha256)

        def delete_last(done: int, total: int) -> None:
            if store.stats().documents == 3:
                store.delete_document(last.document_id)

        manifest = back_up(
            f"sqlite:///{live / 'llmops.db'}", live, tmp_path / "b.tar", on_progress=delete_last
        )
    assert (manifest.documents, manifest.originals) == (2, 2)
    restore_to(tmp_path / "data", tmp_path / "b.tar")
    assert check_originals(tmp_path / "data") == 2
    assert last.document_id.encode() not in (tmp_path / "data" / "llmops.db").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "damaged", "link"])
def test_a_lost_or_damaged_original_is_named(live: Path, tmp_path: Path, damage: str) -> None:
    with open_store(f"sqlite:///{live / 'llmops.db'}", live) as store:
        info = store.list_documents()[0]
    path = live / "originals" / info.sha256[:2] / info.sha256
    content = path.read_bytes()
    path.unlink()
    if damage == "damaged":
        path.write_bytes(content[:-1] + b"!")
    elif damage == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable, match=info.document_id):
        backup_of(live, tmp_path / "b.tar")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".", "b"))] == []


def test_a_file_is_replaced_only_on_demand(live: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    target.write_text("something dear")
    with pytest.raises(InvalidRequest, match="--force"):
        backup_of(live, target)
    assert target.read_text() == "something dear"
    assert backup_of(live, target, replace=True).documents == 3
    with pytest.raises(InvalidRequest, match="no folder"):
        backup_of(live, tmp_path / "nowhere" / "b.tar")


def test_a_full_disk_leaves_the_last_backup_as_it_was(live: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.tar"
    backup_of(live, target)
    before = target.read_bytes()
    for limit in (20_000, len(before) - 4_096):
        child = start(back_up_in_little_space, limit, live, target)
        child.join()
        assert child.exitcode == NO_ROOM
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "live"]


def test_a_full_disk_leaves_no_half_restored_folder(live: Path, tmp_path: Path) -> None:
    backup_of(live, tmp_path / "b.tar")
    child = start(restore_in_little_space, 20_000, tmp_path / "data", tmp_path / "b.tar")
    child.join()
    assert child.exitcode == NO_ROOM
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "live"]


def test_a_kill_leaves_all_or_nothing_and_no_rubbish_after_the_next_time(live: Path, tmp_path: Path) -> None:
    target, backups = tmp_path / "b.tar", tmp_path / "backups"
    manifest = backup_of(live, target)
    backups.mkdir()
    moments = random.Random(4)
    for number in range(8):
        data = tmp_path / f"data{number}"
        child = start(back_up_and_restore, live, backups, target, data)
        while not (backups / "begun").exists():
            time.sleep(0.002)
        time.sleep(moments.uniform(0.0, 0.1))
        child.kill()
        child.join()
        (backups / "begun").unlink()
        if data.exists():
            assert check_originals(data) == manifest.documents
        else:
            restore_to(data, target)
            assert check_originals(data) == manifest.documents
    backup_of(live, backups / "b.tar", replace=True)
    restore_to(tmp_path / "last", target)
    assert [path.name for path in backups.iterdir()] == ["b.tar"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_volume_takes_the_files_in(live: Path, tmp_path: Path) -> None:
    """As a container has one, which cannot be renamed. Needs the right to mount."""
    backup_of(live, tmp_path / "b.tar")
    volume = tmp_path / "volume"
    volume.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(volume)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        assert restore_to(volume, tmp_path / "b.tar").moved_aside is None
        assert answers(volume) == answers(live)
        moved = restore_to(volume, tmp_path / "b.tar", replace=True).moved_aside
        assert moved is not None
        assert moved.parent == volume
        assert check_originals(volume) == check_originals(moved) == 3
        assert [path.name for path in volume.iterdir() if path.name.startswith(".")] == []
    finally:
        subprocess.run(["umount", "-l", str(volume)], check=True)


def test_a_directory_with_content_is_moved_aside_only_on_demand(live: Path, tmp_path: Path) -> None:
    backup_of(live, tmp_path / "b.tar")
    before = answers(live)
    with open_store(f"sqlite:///{live / 'llmops.db'}", live) as store:
        store.clear()
    with pytest.raises(InvalidRequest, match="not empty"):
        restore_to(live, tmp_path / "b.tar")
    moved = restore_to(live, tmp_path / "b.tar", replace=True).moved_aside
    assert answers(live) == before
    assert moved is not None
    assert check_originals(moved) == 0


def test_a_directory_that_a_server_has_open_is_left_alone(live: Path, tmp_path: Path) -> None:
    backup_of(live, tmp_path / "b.tar")
    with open_test_knowledge(live), pytest.raises(InvalidRequest, match="stop the server"):
        restore_to(live, tmp_path / "b.tar", replace=True)
    assert check_originals(live) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "live"]


def test_a_database_that_is_elsewhere_is_not_torn_from_its_files(live: Path, tmp_path: Path) -> None:
    backup_of(live, tmp_path / "b.tar")
    with pytest.raises(ConfigurationError, match="LLMOPS_DATABASE_URL"):
        restore(tmp_path / "b.tar", f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "data")


Edit = Callable[[list[tuple[tarfile.TarInfo, bytes]]], list[tuple[tarfile.TarInfo, bytes]]]


def named(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content)
    return member, content


def flip(name_start: str) -> Edit:
    """One bit of the first file with such a name is another."""

    def edit(members: list[tuple[tarfile.TarInfo, bytes]]) -> list[tuple[tarfile.TarInfo, bytes]]:
        place = next(n for n, (member, _) in enumerate(members) if member.name.startswith(name_start))
        member, content = members[place]
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        return [*members[:place], (member, changed), *members[place + 1 :]]

    return edit


HOSTILE: dict[str, Edit] = {
    "a name that climbs": lambda members: [named("../evil"), *members],
    "a name that climbs further in": lambda members: [named("originals/../../evil"), *members],
    "an absolute name": lambda members: [named("/tmp/evil"), *members],
    "a name nobody gave": lambda members: [named("originals/aa/notes.txt"), *members],
    "a link": lambda members: [named("llmops.db", b"", tarfile.SYMTYPE, "/etc/passwd"), *members],
    "a hard link": lambda members: [named("threads.db", b"", tarfile.LNKTYPE, "llmops.db"), *members],
    "a device": lambda members: [named("threads.db", b"", tarfile.CHRTYPE), *members],
    "a folder": lambda members: [named("originals", b"", tarfile.DIRTYPE), *members],
    "a file twice": lambda members: [members[0], *members],
    "a stranger's original": lambda members: [
        named(f"originals/2d/{hashlib.sha256(b'x').hexdigest()}"),
        *members,
    ],
    "conversations nobody had": lambda members: [named("threads.db"), *members],
    "an original less": lambda members: members[1:],
    "a changed original": flip("originals/"),
    "a changed database": flip("llmops.db"),
    "a changed list": flip(SUMS),
    "no list": lambda members: [(m, c) for m, c in members if m.name != SUMS],
    "no manifest": lambda members: [(m, c) for m, c in members if m.name != MANIFEST],
    "no manifest that can be read": lambda members: [*members[:-1], named(MANIFEST, b"[]")],
}  # fmt: skip


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_a_backup_that_was_changed_is_refused_and_nothing_is_written(
    live: Path, tmp_path: Path, edit: Edit
) -> None:
    backup_of(live, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        for member, content in edit(members):
            tar.addfile(member, io.BytesIO(content))
    refuse(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_refused(live: Path, tmp_path: Path, share: float) -> None:
    backup_of(live, tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    end = content.rindex(b'"sums_sha256"')
    (tmp_path / "b.tar").write_bytes(content[: int(end * share)])
    refuse(tmp_path)


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"%PDF-1.7 " * 1_000)
    refuse(tmp_path)
    with pytest.raises(InvalidRequest):
        restore_to(tmp_path / "data", tmp_path / "nothing.tar")


def refuse(folder: Path) -> None:
    with pytest.raises(LlmopsError) as raised:
        restore_to(folder / "data", folder / "b.tar")
    assert isinstance(raised.value, UnusableBackup)
    assert not (folder / "data").exists()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".") or "evil" in path.name] == []
