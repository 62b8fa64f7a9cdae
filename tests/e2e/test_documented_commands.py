"""The blocks of the documents that are marked `sh run`, `sh server` and `python server` do what they show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fences import Block, blocks
from tests.live import make_settings, running

pytestmark = pytest.mark.timeout(240)
ROOT = Path(__file__).parents[2]
BLOCKS = blocks(ROOT)


def marked(info: str) -> list[Block]:
    return [block for block in BLOCKS if block.info == info]


def document(block: Block) -> str:
    return block.where.partition(":")[0]


@dataclass
class Installation:
    """A folder with what the documents take to be there, and the ids that stand for `ID` and `JOB_ID`."""

    folder: Path
    url: str = ""
    ids: tuple[tuple[str, str], ...] = ()

    def run(self, command: list[str]) -> str:
        ended = subprocess.run(
            [self._filled(word) for word in command],
            cwd=self.folder,
            env=os.environ | {"HOME": str(self.folder), "PYTHONPATH": str(ROOT / "clients/python")},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def shell(self, text: str) -> str:
        return self.run(["bash", "-euo", "pipefail", "-c", text])

    def _filled(self, text: str) -> str:
        text = text.replace("http://127.0.0.1:8000", self.url) if self.url else text
        for pattern, value in self.ids:
            text = re.sub(pattern, value, text)
        return text


@pytest.fixture
def installation(tmp_path: Path, samples: Path) -> Installation:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".curlrc").write_text("fail-with-body\n")
    (tmp_path / "contracts").mkdir()
    handbook = (samples / "employee-handbook.md").read_bytes()
    (tmp_path / "contracts/handbook.md").write_bytes(handbook)
    (tmp_path / "letter.txt").write_text(
        "Dear neighbours, we want the hedge to be cut before May. Yours, the Millers.\n"
    )
    (tmp_path / "copy-of-its-text.txt").write_text(
        "The lease of the barn at Applecross ends on the third of August.\n"
    )
    (tmp_path / "report.pdf").write_bytes((samples / "larkfield-annual-report-2025.pdf").read_bytes())
    (tmp_path / "questions.csv").write_text("question\nHow long is the notice period after probation?\n")
    return Installation(tmp_path)


@pytest.mark.parametrize("where", sorted({document(block) for block in marked("sh run")}))
def test_commands_run_in_the_order_of_their_document(installation: Installation, where: str) -> None:
    installation.shell(".venv/bin/llmops index ~/contracts copy-of-its-text.txt")
    listed = json.loads(installation.shell(".venv/bin/llmops documents --json"))
    ids = {each["name"]: each["document_id"] for each in listed["documents"]}
    kept, deleted = ids["handbook.md"], ids["copy-of-its-text.txt"]
    installation.shell(f".venv/bin/llmops delete {deleted}")
    installation.ids = ((r"verify-deletion ID\b", f"verify-deletion {deleted}"), (r"\bID\b", kept))
    for block in marked("sh run"):
        if document(block) == where:
            installation.shell(block.text)


@pytest.fixture
def served(installation: Installation, samples: Path) -> Iterator[Installation]:
    settings = make_settings(
        installation.folder / "service", use_demo_mode=True, embedding_model="embedded:all-MiniLM-L6-v2"
    )
    with running(settings) as client:
        installation.url = str(client.base_url).rstrip("/")
        job = upload(client, samples / "employee-handbook.md")
        upload(client, samples / "larkfield-annual-report-2025.pdf")
        installation.ids = (
            (r"\bJOB_ID\b", job["job_id"]),
            (r"\bID\b", job["documents"][0]["document_id"]),
        )
        yield installation


def upload(client: httpx.Client, path: Path) -> dict[str, Any]:
    answer = client.post(
        "/upload", params={"wait": "true"}, files=[("files", (path.name, path.read_bytes()))]
    )
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


@pytest.mark.parametrize("where", sorted({document(block) for block in marked("sh server")}))
def test_calls_of_a_server_succeed(served: Installation, where: str) -> None:
    for block in marked("sh server"):
        if document(block) == where:
            assert served.shell(block.text)


@pytest.mark.parametrize("block", marked("python server"), ids=document)
def test_programs_run_in_front_of_a_server(served: Installation, block: Block) -> None:
    assert served.run([sys.executable, "-c", block.text]).strip()
