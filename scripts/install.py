"""Make `.venv` hold exactly what a lock file names, and the project itself; do nothing when it already does.

    install.py LOCK           install
    install.py --check LOCK   exit code 0 when there is nothing to do

Runs under the system's Python before anything is installed, so it uses the standard library alone. What was installed
is remembered in `.venv/installed.json`; while an installation is under way that file says so, and an interrupted one
is started again from nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = VENV / "installed.json"
RUNTIME_LOCK = "requirements.lock"
# No byte code: it would add 200 MB for modules that are mostly never imported; `scripts.compile_used` adds the rest.
PIP_UNINSTALL = ["-m", "pip", "uninstall", "--quiet", "--yes"]
PIP_INSTALL = ["-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--disable-pip-version-check"]


def main(lock: str) -> None:
    """Let two `make` in one clone install one after the other, and the second find everything in place."""
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if not is_current(lock):
            install(lock)
    finally:
        os.close(directory)


def is_current(lock: str) -> bool:
    state = read_state()
    return (
        PYTHON.exists()
        and state.get("complete") is True
        and state.get("built_with") == identity()
        and state.get("project") == digest("pyproject.toml")
        and state.get("locks", {}).get(lock) == digest(lock)
    )


def install(lock: str) -> None:
    """Bring `.venv` to what `lock` names; keep what the user added to it (another model provider's package, say)."""
    state = read_state()
    if not can_be_extended(state):
        shutil.rmtree(VENV, ignore_errors=True)
        say(f"creating .venv with Python {sys.version.split()[0]}")
        run([sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be created")
        # Python 3.11 puts 11 MB of setuptools into it, which nothing here uses.
        run([str(PYTHON), *PIP_UNINSTALL, "setuptools"], "pip does not work")
        state = {}
    write_state({**state, "complete": False})
    remove_unlocked(state.get("packages", []))
    say(f"installing {len(locked_packages(lock))} packages from {lock} (half a minute to a few minutes)")
    run(
        [str(PYTHON), *PIP_INSTALL, "--require-hashes", "-r", lock],
        "pip could not install the locked packages; is a package index reachable?",
    )
    run(
        [str(PYTHON), *PIP_INSTALL, "--no-build-isolation", "-e", "."],
        "the project itself could not be installed",
    )
    write_state(installed_state(lock))
    if subprocess.run([str(PYTHON), "-m", "scripts.compile_used"], cwd=ROOT, check=False).returncode != 0:
        say("a trial run failed; `.venv/bin/llmops doctor` looks for the cause")
    say("complete")


def can_be_extended(state: dict[str, Any]) -> bool:
    """A virtual environment is started anew when its Python or its place has changed or an installation broke off."""
    if not PYTHON.exists():
        return False
    if not state:
        return built_with(PYTHON) == identity()
    return state.get("complete") is True and state.get("built_with") == identity()


def built_with(python: Path) -> str:
    """The `identity` of a virtual environment that this script did not make; "" when its Python does not start."""
    probe = "import pip, sys; print(sys.version.split()[0], sys.base_prefix)"
    answer = subprocess.run([str(python), "-c", probe], capture_output=True, text=True, check=False)
    return f"{answer.stdout.strip()} {ROOT}" if answer.returncode == 0 else ""


def identity() -> str:
    """Python's version and home, and this directory, which the commands in `.venv/bin` name in their first lines."""
    return f"{sys.version.split()[0]} {sys.base_prefix} {ROOT}"


def installed_state(lock: str) -> dict[str, Any]:
    """What `installed.json` says once `lock` is installed; the others contain the run-time lock."""
    return {
        "complete": True,
        "built_with": identity(),
        "project": digest("pyproject.toml"),
        "locks": {name: digest(name) for name in {lock, RUNTIME_LOCK}},
        "packages": sorted(all_locked_packages()),
    }


def remove_unlocked(earlier: list[str]) -> None:
    """Uninstall what an earlier version of the locks named and none names now."""
    leftovers = sorted(set(earlier) - all_locked_packages())
    if leftovers:
        command = [str(PYTHON), *PIP_UNINSTALL, *leftovers]
        run(command, "packages that are no longer needed could not be removed")


def all_locked_packages() -> set[str]:
    return set().union(*(locked_packages(path.name) for path in ROOT.glob("requirements*.lock")))


def locked_packages(lock: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", (ROOT / lock).read_text(), flags=re.MULTILINE))


def digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def read_state() -> dict[str, Any]:
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(state: dict[str, Any]) -> None:
    aside = STATE.with_suffix(".new")
    aside.write_text(json.dumps(state, indent=1))
    aside.replace(STATE)


def run(command: list[str], failure: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit(f"error: {failure}")


def say(message: str) -> None:
    sys.stderr.write(f"setup: {message}\n")


if __name__ == "__main__":
    try:
        if sys.argv[1] == "--check":
            sys.exit(not is_current(sys.argv[2]))
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; the next `make` starts it again")
