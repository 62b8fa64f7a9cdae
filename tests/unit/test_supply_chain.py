"""What is installed is known, looked up and licensed; what could not be looked up is not said to be well."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit, licences, security

PACKAGE = {"name": "lxml", "version": "6.1.3", "vulns": []}
FLAW = {"id": "CVE-2026-0001", "fix_versions": ["6.1.4"], "aliases": [], "description": ""}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text("lxml==6.1.3 \\\n    --hash=sha256:00\n")
    return path


def stub(folder: Path, answer: str, *, code: int, complaint: str = "") -> str:
    """Stands for the command pip-audit."""
    command = folder / "pip-audit"
    lines = [
        "import sys",
        f"sys.stdout.write({answer!r})",
        f"sys.stderr.write({complaint!r})",
        f"sys.exit({code})",
    ]
    command.write_text(f"#!{sys.executable}\n" + "\n".join(lines) + "\n")
    command.chmod(0o755)
    return str(command)


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_packages_without_a_known_flaw_pass(
    tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.audit(stub(tmp_path, answer(PACKAGE), code=0), lock) == 0
    assert "1 packages were looked up" in capsys.readouterr().out


def test_a_known_flaw_is_told(tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.audit(stub(tmp_path, answer(PACKAGE | {"vulns": [FLAW]}), code=1), lock) == 1
    assert "lxml 6.1.3: CVE-2026-0001, mended in ['6.1.4']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "code", "complaint"),
    [
        ("", 1, "ConnectionError: name resolution failed"),
        ("", 0, ""),
        ("<html>proxy</html>", 0, ""),
        (answer(), 0, ""),
        (answer(PACKAGE, {"name": "pypdf", "skip_reason": "could not be audited"}), 0, ""),
    ],
)
def test_what_could_not_be_asked_fails_loudly(
    tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str], said: str, code: int, complaint: str
) -> None:
    """The last is what pip-audit says, and ends well, where a mirror has no such data."""
    assert audit.audit(stub(tmp_path, said, code=code, complaint=complaint), lock) == 2
    told = capsys.readouterr().err
    assert "NOTHING WAS CHECKED" in told
    assert complaint in told


def test_a_missing_command_fails_loudly(
    tmp_path: Path, lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.audit(str(tmp_path / "nowhere"), lock) == 2
    assert "NOTHING WAS CHECKED" in capsys.readouterr().err


def test_the_page_of_licences_has_every_locked_package(root: Path) -> None:
    listed = [
        line.split(" | ")[0].removeprefix("| ")
        for line in licences.PAGE.read_text().splitlines()
        if " | " in line
    ]
    assert set(licences.locked(root / "requirements.lock")) <= set(listed), "run `make licences`"


def test_no_package_asks_to_open_the_source_of_what_uses_it() -> None:
    page = licences.page()
    assert "| langserve | LangServe's own |" in page
    assert "GPL" not in page


@pytest.mark.parametrize(
    ("name", "words", "title"),
    [
        ("a", "MIT License", "MIT"),
        ("a", "Apache-2.0 OR BSD-3-Clause", "Apache-2.0 / BSD"),
        ("a", "GNU Affero General Public License v3", "AGPL"),
    ],
)
def test_licences_are_told_by_their_words(name: str, words: str, title: str) -> None:
    assert licences.family(name, words) == title


def test_an_unknown_licence_stops_the_page() -> None:
    with pytest.raises(LookupError, match="'Beerware'"):
        licences.family("a", "Beerware")


def test_planted_code_and_a_planted_secret_are_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "harmless.py").write_text("print()\n")
    (tmp_path / "harmless.json").write_text('{"token": "sk-test"}\n')
    assert security.find_dangerous_code(tmp_path, ["harmless.py"]) == 0
    assert security.find_secrets(tmp_path, ["harmless.json"]) == 0

    (tmp_path / "code.py").write_text("import subprocess\nsubprocess.run('ls', shell=True)\n")
    (tmp_path / "secret.py").write_text(f'password = "{"hunter" + "2" + "-and-more"}"\n')
    assert security.find_dangerous_code(tmp_path, ["code.py"]) != 0
    assert security.find_secrets(tmp_path, ["secret.py"]) != 0
    assert "B602" in capfd.readouterr().out


def test_what_is_looked_through_are_texts(root: Path) -> None:
    files = security.tracked_files(root)
    assert {"server.py", "README.md", ".env.example", ".ci/run"} <= set(files)
    assert not [name for name in files if name.endswith((".png", ".pdf", ".lock"))]
