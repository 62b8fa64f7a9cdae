"""A reader that has been taken over by a document reaches no network, starts no program and changes no file."""

from __future__ import annotations

import ctypes
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.ingestion.sandbox import run_isolated
from tests.fixtures.documents import make_pdf
from tests.sandbox_probe import ATTEMPTS

IS_FILTERED = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
HAS_LANDLOCK = sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 1
LIMITS = {"timeout_s": 30, "memory_mb": 1024}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("probed")
    (folder / "secret").write_text("of somebody else")
    found, _ = run_isolated("tests.sandbox_probe", b"", LIMITS | {"folder": str(folder)}, max_bytes=1 << 20)
    assert [path.name for path in folder.iterdir()] == ["secret"]
    return found


@pytest.mark.parametrize("attempt", [name for name in ATTEMPTS if name.startswith("python")])
def test_python_is_refused(outcomes: dict[str, str], attempt: str) -> None:
    assert outcomes[attempt] == "refused"


@pytest.mark.skipif(not IS_FILTERED, reason="no filter of system calls on this system")
@pytest.mark.parametrize("attempt", [name for name in ATTEMPTS if name.startswith("native")])
def test_native_code_is_refused(outcomes: dict[str, str], attempt: str) -> None:
    if attempt == "native read" and not HAS_LANDLOCK:
        pytest.skip("this kernel has no Landlock")
    assert outcomes[attempt] == "refused"


def test_outside_of_the_sandbox_nothing_is_refused(tmp_path: Path) -> None:
    """Or the attempts would prove nothing; in a process of its own, for some of them end it."""
    (tmp_path / "secret").write_text("x")
    code = f"""
from tests.sandbox_probe import ATTEMPTS, _outcome
for name in ("python socket", "native socket", "native write", "native read", "native shell", "python write"):
    print(name, _outcome(ATTEMPTS[name], {str(tmp_path / "new")!r} if name == "native write" else {str(tmp_path)!r}))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line.rsplit(" ", 1)[1] for line in ended.stdout.splitlines()] == ["done"] * 6


@pytest.mark.skipif(not IS_FILTERED, reason="no filter of system calls on this system")
@pytest.mark.parametrize("module", ["sandbox_child", "page_image_child"])
def test_both_readers_are_confined_before_they_read(module: str) -> None:
    command = [sys.executable, "-m", f"app.ingestion.{module}", json.dumps(LIMITS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        status = Path(f"/proc/{child.pid}/status")
        deadline = time.monotonic() + 20
        while "Seccomp:\t2" not in status.read_text():
            assert time.monotonic() < deadline, "it reads without a filter"
            time.sleep(0.02)


def test_a_page_is_drawn_in_it() -> None:
    request = LIMITS | {"number": 1, "span": None, "text_bytes": 0}
    header, png = run_isolated(
        "app.ingestion.page_image_child", make_pdf(["words"]), request, max_bytes=9 << 20
    )
    assert header["pages"] == 1
    assert png.startswith(b"\x89PNG")
