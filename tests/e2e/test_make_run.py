"""`make run` after its set-up: both processes start, an empty knowledge base gets the samples, both stop cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.knowledge.store import open_store
from scripts.run import ADD_SAMPLES

pytestmark = pytest.mark.timeout(120)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Installation:
    """A data folder and two ports, on which the real program runs."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.port, self.ui_port = free_port(), free_port()
        self.url, self.ui_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.ui_port}"

    def start(self, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.run"],
            cwd=self.root,
            env=os.environ | self._environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/documents").json()["documents"]
        return found

    @contextmanager
    def running(self, said: list[str] | None = None, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Started, and everything printed up to the last line of the start, which `said` collects."""
        process = self.start(**environment)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if said is not None:
                    said.append(line)
                if "Ctrl-C stops both" in line:
                    break
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=40)

    def _environment(self) -> dict[str, str]:
        return {
            "PORT": str(self.port),
            "UI_PORT": str(self.ui_port),
            "USE_DEMO_MODE": "true",
            "LLMOPS_EMBEDDING_MODEL": "embedded:all-MiniLM-L6-v2",
            "LLMOPS_DATA_DIR": str(self.folder / "data"),
            "LLMOPS_LOG_DIR": str(self.folder / "logs"),
        }


@pytest.fixture(scope="module")
def installation(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(root, tmp_path_factory.mktemp("installation"))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_both_answer_about_the_samples_and_stop_at_ctrl_c(installation: Installation) -> None:
    with installation.running() as process:
        samples = installation.root / "examples/documents"
        assert len(installation.documents()) == len(list(samples.iterdir()))
        assert httpx.get(f"{installation.ui_url}/_stcore/health").is_success
        question = {"question": "Who audits the accounts of Larkfield?"}
        answer = httpx.post(f"{installation.url}/ask", json=question, timeout=60).json()
        assert "Brandt & Loewe" in answer["answer"]
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
    assert is_free(installation.port)
    assert is_free(installation.ui_port)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process to kill in /proc")
def test_a_filled_knowledge_base_is_left_alone_and_a_death_ends_both(installation: Installation) -> None:
    text = {"documents": [{"text": "The only document.", "name": "only.txt"}]}
    with installation.running() as process:
        httpx.post(f"{installation.url}/clear", json={"confirm": True}).raise_for_status()
        httpx.post(f"{installation.url}/index", json=text, timeout=60).raise_for_status()
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    with installation.running() as process:
        assert [document["name"] for document in installation.documents()] == ["only.txt"]
        os.kill(ui_process(installation.ui_port), signal.SIGKILL)
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "the UI ended with exit code -9" in errors
    assert "doctor" in errors
    assert is_free(installation.port)


def test_with_keys_the_samples_need_one(root: Path, tmp_path: Path) -> None:
    installation = Installation(root, tmp_path)
    with open_store(f"sqlite:///{tmp_path}/data/llmops.db", tmp_path / "data") as store:
        key = store.keys().create(name="run", tenant="default", scopes=["read", "write"]).key
    said: list[str] = []
    with installation.running(said, LLMOPS_API_KEYS_REQUIRED="true"):
        assert any("the samples are left out: " in line and ADD_SAMPLES in line for line in said)
        assert httpx.get(f"{installation.ui_url}/_stcore/health").is_success
    with installation.running(LLMOPS_API_KEYS_REQUIRED="true", LLMOPS_API_KEY=key):
        stats = httpx.get(f"{installation.url}/stats", headers={"authorization": f"Bearer {key}"}).json()
        assert stats["documents"] == 4


def test_a_taken_port_is_one_line(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.ui_port)):
        process = installation.start()
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{installation.ui_port}" in errors
    assert "UI_PORT=" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "http"), ("UI_PORT", "0"), ("LLMOPS_TOP_K", "many")]
)
def test_a_wrong_value_is_one_line(installation: Installation, variable: str, value: str) -> None:
    process = installation.start(**{variable: value})
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 1
    assert f"{variable}={value!r} is not accepted" in errors
    assert errors.count("\n") == 1


def ui_process(port: int) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and f"--server.port={port}" in _command_line(entry):
            return int(entry.name)
    raise AssertionError(f"no process serves the user interface on {port}")


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text()
    except OSError:
        return ""
