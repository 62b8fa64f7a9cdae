"""`llmops keys` and `llmops tenants`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from app.cli import main
from app.knowledge.store import open_store
from tests.api.tenants import QUESTIONS, SECRETS, town
from tests.live import make_settings


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LLMOPS_LOG_DIR", str(tmp_path / "logs"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    code = 0
    try:
        main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_key_is_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys, "keys", "create", "--name", "import", "--tenant", "north", "--scopes", "write,read"
    )
    assert code == 0
    key = out.strip()
    assert key.startswith("llmops_")
    assert key not in err
    _, listed, _ = run(capsys, "keys", "list")
    assert "north" in listed
    assert "read,write" in listed
    assert "valid" in listed
    assert key.rpartition("_")[2] not in listed
    key_id = key.split("_")[1]
    assert run(capsys, "keys", "revoke", key_id)[1] == f"revoked {key_id} (import)\n"
    assert "revoked" in run(capsys, "keys", "list")[1]
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        assert store.keys().verify(key) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "x", "--tenant", "North/South"),
        ("--name", " "),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, "keys", "create", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    ("scopes", "named"),
    [("read,reed", "'reed'"), ("reed, right", "'reed', 'right'"), (" ,", "none is named")],
)
def test_a_wrong_scope_is_named_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str], scopes: str, named: str
) -> None:
    code, out, err = run(capsys, "keys", "create", "--name", "x", "--scopes", scopes)
    assert (code, out) == (1, "")
    assert named in err
    assert "read, write, admin" in err


def test_what_does_not_exist_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "keys", "revoke", "nothing")[0] == 1
    assert run(capsys, "tenants", "erase", "nobody", "--yes")[0] == 1
    assert run(capsys, "tenants", "export", "nobody", str(tmp_path / "x.zip"))[0] == 1
    assert not (tmp_path / "x.zip").exists()


def test_a_tenant_is_exported_and_erased_and_the_other_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path) as found:
        asked = {"questions": [{"question": QUESTIONS["north"], "collection": "vaults"}]}
        found.north.client.post("/ask/batch", json=asked, params={"wait": "true"}).raise_for_status()
        for tenant in (found.north, found.south):
            failing = {"question": "?", "document_ids": [f"lost in the {tenant.name}"]}
            assert tenant.client.post("/ask", json=failing).status_code == 404
    capsys.readouterr()
    names = [line.split()[0] for line in run(capsys, "tenants", "list")[1].splitlines()]
    assert names == ["TENANT", "default", "north", "south"]

    file = tmp_path / "north.zip"
    assert json.loads(run(capsys, "tenants", "export", "north", str(file), "--json")[1])["documents"] == 1
    with ZipFile(file) as archive:
        contents = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted({name.split("/")[0] for name in contents}) == ["batches", "documents", "threads"]
    assert SECRETS["north"] in "".join(
        text for name, text in contents.items() if name.endswith("original.txt")
    )
    assert QUESTIONS["north"] in contents["threads/1.json"]
    assert SECRETS["south"] not in "".join(contents.values())
    assert run(capsys, "tenants", "export", "north", str(file))[0] == 1  # nothing is written over

    assert run(capsys, "tenants", "erase", "north")[0] == 1
    snapshot = tmp_path / "data" / "indexes" / "vectors" / f"{0:016x}-{0:032x}"  # from before the deletion
    snapshot.mkdir(parents=True)
    (snapshot / "words").write_text(SECRETS["north"])
    assert (
        run(capsys, "tenants", "erase", "north", "--yes")[1] == "erased north: 1 documents, 1 conversations\n"
    )
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert b"seven brass levers" not in path.read_bytes(), path
            assert b"lost in the north" not in path.read_bytes(), path
    assert b"lost in the south" in (tmp_path / "data" / "threads.db").read_bytes()
    assert file.stat().st_mode & 0o077 == 0  # nobody else on the machine reads it
    assert [line.split()[0] for line in run(capsys, "tenants", "list")[1].splitlines()] == [
        "TENANT",
        "default",
        "south",
    ]
