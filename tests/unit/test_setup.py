"""The set-up: which Python is taken, and when there is nothing to do."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

LOCK = "requirements.lock"
DEVELOPMENT_LOCK = "requirements-dev.lock"


def find_python(root: Path, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(root / "scripts/find_python.sh")],
        env={"PATH": f"{path}:/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def put_python(folder: Path, name: str, *, version: tuple[int, int] | None, has_venv: bool = True) -> None:
    """A command that behaves like a Python of this version; None is a version manager's shim that leads nowhere."""
    script = folder / name
    if version is None:
        script.write_text("#!/bin/sh\nexit 127\n")
    else:
        pretend = f"import sys; sys.version_info = {version}"
        hide = "" if has_venv else "; sys.modules['ensurepip'] = None"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}{hide}\n$2"\n')
    script.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder with all names the search tries, so that none of this machine's Pythons is found instead."""
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        put_python(tmp_path, name, version=None)
    return tmp_path


def test_the_newest_python_that_really_runs_is_taken(root: Path, bin_folder: Path) -> None:
    put_python(bin_folder, "python3.12", version=(3, 12))
    put_python(bin_folder, "python3.11", version=(3, 11))
    assert find_python(root, bin_folder).stdout == "python3.12\n"


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_an_unsuitable_python_is_refused_in_one_line_that_names_it(
    root: Path, bin_folder: Path, version: tuple[int, int]
) -> None:
    put_python(bin_folder, "python3", version=version)
    outcome = find_python(root, bin_folder)
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert f"python3={version[0]}.{version[1]}" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_python_without_venv_is_passed_over_and_explained(root: Path, bin_folder: Path) -> None:
    put_python(bin_folder, "python3.11", version=(3, 11), has_venv=False)
    outcome = find_python(root, bin_folder)
    assert outcome.returncode == 1
    assert "install python3.11-venv" in outcome.stderr


def test_a_named_python_is_the_only_candidate(root: Path, bin_folder: Path) -> None:
    put_python(bin_folder, "python3.13", version=(3, 13))
    put_python(bin_folder, "mine", version=(3, 11))
    assert find_python(root, bin_folder, PYTHON="mine").stdout == "mine\n"
    assert find_python(root, bin_folder, PYTHON="missing").returncode == 1


def load_install(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", project / "scripts" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """A project of two packages with a virtual environment in which the development lock was installed."""
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(root / "scripts/install.py", folder / "scripts")
    (folder / "pyproject.toml").write_text("[project]\n")
    (folder / LOCK).write_text("alpha==1.0 \\\n    --hash=sha256:00\n")
    (folder / DEVELOPMENT_LOCK).write_text(
        "alpha==1.0 \\\n    --hash=sha256:00\nbeta==2.0 \\\n    --hash=sha256:11\n"
    )
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    install = load_install(folder)
    install.write_state(install.installed_state(DEVELOPMENT_LOCK))
    return folder


def test_what_is_installed_needs_nothing_and_development_includes_the_rest(project: Path) -> None:
    install = load_install(project)
    assert install.is_current(DEVELOPMENT_LOCK)
    assert install.is_current(LOCK)


def test_an_installation_to_run_is_none_to_develop(project: Path) -> None:
    install = load_install(project)
    install.write_state(install.installed_state(LOCK))
    assert install.is_current(LOCK)
    assert not install.is_current(DEVELOPMENT_LOCK)


@pytest.mark.parametrize("changed", [LOCK, "pyproject.toml"])
def test_a_changed_file_asks_for_another_installation(project: Path, changed: str) -> None:
    with (project / changed).open("a") as file:
        file.write("# changed\n")
    assert not load_install(project).is_current(LOCK)
    assert load_install(project).can_be_extended(load_install(project).read_state())


def test_a_moved_project_is_set_up_anew(project: Path) -> None:
    moved = project.rename(project.with_name("moved"))
    install = load_install(moved)
    assert not install.is_current(LOCK)
    assert not install.can_be_extended(install.read_state())


def test_an_interrupted_installation_is_started_anew(project: Path) -> None:
    install = load_install(project)
    state = install.read_state()
    install.write_state({**state, "complete": False})
    assert not install.is_current(LOCK)
    assert not install.can_be_extended(install.read_state())


@pytest.mark.parametrize("content", ["", "[]", '{"complete":'])
def test_a_damaged_record_counts_as_none(project: Path, content: str) -> None:
    (project / ".venv/installed.json").write_text(content)
    assert not load_install(project).is_current(LOCK)


def test_a_python_that_is_gone_is_noticed(project: Path) -> None:
    (project / ".venv/bin/python").unlink()
    assert not load_install(project).is_current(LOCK)


def test_the_check_is_an_exit_code(project: Path) -> None:
    command = [sys.executable, str(project / "scripts/install.py"), "--check", LOCK]
    assert subprocess.run(command, check=False).returncode == 0
    state = json.loads((project / ".venv/installed.json").read_text())
    assert state["packages"] == ["alpha", "beta"]
    (project / LOCK).write_text("alpha==1.1\n")
    assert subprocess.run(command, check=False).returncode == 1
