"""The images and `docker-compose.yml`, on a real Docker Engine: as shipped, then while everything goes wrong.

`make test-docker` runs these, as somebody who may end the engine's processes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_conversation import converse

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # the first test builds two images

LEASE = "The monthly rent of the Bremen warehouse is 14,200 euros. It is due on the third working day."
LARGEST_IMAGE = 700_000_000
UNTIL_HEALTHY_S = 15.0
SMALL_DISK = """
volumes:
  data:
    driver_opts: {type: tmpfs, device: tmpfs, o: "size=48m,uid=10001,gid=10001,mode=0700"}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Project:
    """One start of `docker-compose.yml`, apart from any other on this engine."""

    name: str
    root: Path
    files: tuple[str, ...]
    port: int
    ui_port: int

    def compose(self, *arguments: str, check: bool = True) -> str:
        files = [f"--file={name}" for name in self.files]
        own = {"PORT": f"{self.port}", "UI_PORT": f"{self.ui_port}", "LLMOPS_NETWORK": f"{self.name}-network"}
        done = subprocess.run(
            ["docker", "compose", f"--project-name={self.name}", *files, *arguments],
            cwd=self.root,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done.stdout

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        key = self.compose("exec", "-T", "api", "cat", "/keys/api-key").strip()
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60) as client:
            yield client


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def started(root: Path, name: str, *more_files: str) -> Iterator[Project]:
    project = Project(name, root, ("docker-compose.yml", *more_files), free_port(), free_port())
    project.compose("down", "--volumes", "--remove-orphans")
    try:
        project.compose("up", "--build", "--wait")
        yield project
    finally:
        project.compose("down", "--volumes", check=False)


@pytest.fixture(scope="module")
def project(root: Path) -> Iterator[Project]:
    with started(root, "llmops-tested") as project:
        yield project


@pytest.fixture
def server(project: Project) -> Iterator[httpx.Client]:
    with project.client() as client:
        yield client


def upload(server: httpx.Client, name: str, text: str) -> httpx.Response:
    files = {"files": (name, text.encode())}
    return server.post("/upload", params={"wait": "true"}, files=files)


def add(server: httpx.Client, name: str, text: str) -> str:
    (document,) = upload(server, name, text).raise_for_status().json()["documents"]
    assert document["status"] == "indexed"
    return str(document["document_id"])


def finds(server: httpx.Client, query: str, document_id: str) -> bool:
    results = server.post("/search", json={"query": query}).raise_for_status().json()["results"]
    return any(result["document_id"] == document_id for result in results)


def wait_until_ready(server: httpx.Client) -> float:
    started = time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            if server.get("/health/ready", timeout=5).is_success:
                return time.monotonic() - started
        assert time.monotonic() < started + 60, "the API does not come back"
        time.sleep(0.2)


def moment(text: str) -> datetime:
    """As Docker writes it, in nanoseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


@pytest.mark.parametrize(("service", "image"), [("api", "llmops-rag-api"), ("streamlit", "llmops-streamlit")])
def test_images_are_small_and_soon_healthy(project: Project, service: str, image: str) -> None:
    assert int(docker("image", "inspect", "--format", "{{.Size}}", image)) <= LARGEST_IMAGE
    state: dict[str, Any] = json.loads(
        docker("inspect", "--format", "{{json .State}}", project.container(service))
    )
    assert state["Health"]["Status"] == "healthy"
    well = next(check["End"] for check in state["Health"]["Log"] if check["ExitCode"] == 0)
    assert (moment(well) - moment(state["StartedAt"])).total_seconds() <= UNTIL_HEALTHY_S


@pytest.mark.parametrize("service", ["api", "streamlit"])
def test_containers_may_do_nothing_but_their_work(project: Project, service: str) -> None:
    def inside(command: str) -> str:
        return project.compose("exec", "-T", service, "sh", "-c", command).strip()

    assert inside("id -u; id -g").split() == ["10001", "10001"]
    assert set(inside("grep -h ^Cap /proc/1/status | cut -f2").split()) == {"0" * 16}
    assert inside("grep NoNewPrivs /proc/1/status").split()[-1] == "1"
    assert (
        inside("for d in / /app /opt/llmops /etc; do touch $d/x 2>/dev/null && echo wrote $d; done; true")
        == ""
    )
    assert inside("command -v gcc pip pip3 strip curl wget; python -m pip --version 2>/dev/null; true") == ""
    history = docker(
        "history",
        "--no-trunc",
        "--format",
        "{{.CreatedBy}}",
        f"llmops-{'rag-api' if service == 'api' else service}",
    )
    assert "llmops_" not in history


def test_nobody_comes_in_without_the_key(project: Project) -> None:
    assert httpx.get(f"http://127.0.0.1:{project.port}/documents").status_code == 401
    assert httpx.get(f"http://127.0.0.1:{project.ui_port}/").is_success


def test_the_conversation_of_ten_turns(server: httpx.Client, samples: Path) -> None:
    for path in sorted(samples.iterdir()):
        answer = server.post(
            "/upload", params={"wait": "true"}, files={"files": (path.name, path.read_bytes())}
        )
        assert answer.json()["documents"][0]["status"] == "indexed"
    converse([server])


def test_a_killed_api_comes_back_with_all_that_was_acknowledged(
    project: Project, server: httpx.Client
) -> None:
    document_id = add(server, "lease.txt", LEASE)
    kept = len(server.get("/threads/python").json()["turns"])
    os.kill(int(docker("inspect", "--format", "{{.State.Pid}}", project.container("api"))), signal.SIGKILL)
    wait_until_ready(server)
    assert finds(server, "rent of the Bremen warehouse", document_id)
    assert len(server.get("/threads/python").json()["turns"]) == kept


def test_a_killed_user_interface_comes_back(project: Project) -> None:
    os.kill(
        int(docker("inspect", "--format", "{{.State.Pid}}", project.container("streamlit"))), signal.SIGKILL
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{project.ui_port}") as client:
        deadline = time.monotonic() + 60
        while True:
            with suppress(httpx.TransportError):
                if client.get("/_stcore/health").is_success:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_pause_loses_nothing(project: Project, server: httpx.Client) -> None:
    document_id = add(server, "paused.txt", "The lighthouse keeper of Norderney is called Insa Behrends.")
    project.compose("pause", "api")
    with pytest.raises(httpx.TimeoutException):
        server.get("/health/live", timeout=2)
    project.compose("unpause", "api")
    wait_until_ready(server)
    assert finds(server, "lighthouse keeper of Norderney", document_id)


def test_the_user_interface_reaches_the_api_again_after_the_network_was_cut(
    project: Project, server: httpx.Client
) -> None:
    def seen_by_the_user_interface() -> bool:
        ask = "import urllib.request as web; print(web.urlopen('http://api:8000/health/live', timeout=4).status)"
        return project.compose("exec", "-T", "streamlit", "python", "-c", ask, check=False).strip() == "200"

    api, networks = project.container("api"), [f"{project.name}-network", f"{project.name}_outer"]
    assert seen_by_the_user_interface()
    for network in networks:
        docker("network", "disconnect", network, api)
    assert not seen_by_the_user_interface()
    for network in networks:
        docker("network", "connect", "--alias", "api", network, api)
    wait_until_ready(server)
    assert seen_by_the_user_interface()


def test_a_full_disk_is_said_and_gone_when_there_is_room(root: Path, tmp_path: Path) -> None:
    """On a volume in memory, which a test may fill."""
    override = tmp_path / "small-disk.yml"
    override.write_text(SMALL_DISK)
    with started(root, "llmops-full-disk", str(override)) as project, project.client() as server:
        document_id = add(server, "lease.txt", LEASE)
        assert finds(server, "rent of the Bremen warehouse", document_id)
        fill = "head -c 100M /dev/zero >/data/filler 2>/dev/null; true"
        project.compose("exec", "-T", "api", "sh", "-c", fill)
        refused = upload(server, "more.txt", "The harbour is dredged in March. " * 3000)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert finds(server, "rent of the Bremen warehouse", document_id)
        project.compose("exec", "-T", "api", "rm", "/data/filler")
        harbour = add(server, "more.txt", "The harbour is dredged in March. " * 3000)
        assert finds(server, "When is the harbour dredged?", harbour)
        assert finds(server, "rent of the Bremen warehouse", document_id)
