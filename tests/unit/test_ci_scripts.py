"""The scripts behind the workflows do the same on any machine: Slack and Docker are stand-ins here."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.commands import put_command, run_with

DIGEST = "sha256:" + "a" * 64
DOCKER = f"""printf '%s|' "$@" >>docker.log; echo >>docker.log
[ "$1" != login ] || {{ read -r token; echo "token $token" >>docker.log; }}
while [ $# -gt 0 ]; do
    [ "$1" != --metadata-file ] || echo '{{"containerimage.digest": "{DIGEST}"}}' >"$2"
    shift
done
"""


class Slack:
    """A web hook that remembers what it was told and answers with `status`."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                slack.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(slack.status)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/hook"


@pytest.fixture
def slack() -> Iterator[Slack]:
    stub = Slack()
    thread = threading.Thread(target=stub.server.serve_forever)
    thread.start()
    yield stub
    stub.server.shutdown()
    thread.join()
    stub.server.server_close()


def notify(root: Path, results: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(root / "scripts/notify.sh"), "CI/CD"]
    return run_with(root, command, cwd=root, RESULTS=results, GITHUB_REF_NAME='of "quotes"', **environment)


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ("success success", "succeeded"),
        ("success skipped", "succeeded"),
        ("success failure skipped", "failed"),
        ("success cancelled", "failed"),
    ],
)
def test_slack_is_told_how_it_went(root: Path, slack: Slack, results: str, outcome: str) -> None:
    ended = notify(
        root, results, SLACK_WEBHOOK_URL=slack.url, GITHUB_REPOSITORY="owner/name", GITHUB_RUN_ID="7"
    )
    assert ended.returncode == 0, ended.stderr
    (message,) = slack.told
    assert message["text"].startswith(f'CI/CD of owner/name at of "quotes" {outcome}: ')
    assert message["text"].endswith("/owner/name/actions/runs/7")
    assert slack.url not in ended.stdout + ended.stderr


def test_slack_that_refuses_is_a_failure(root: Path, slack: Slack) -> None:
    slack.status = 404
    assert notify(root, "success", SLACK_WEBHOOK_URL=slack.url).returncode != 0


def test_without_an_address_nobody_is_told(root: Path) -> None:
    ended = notify(root, "failure", SLACK_WEBHOOK_URL="")
    assert ended.returncode == 0
    assert "nobody is told" in ended.stdout


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A repository of one commit with the script in it."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/publish_images.sh").write_text((root / "scripts/publish_images.sh").read_text())
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(
        folder,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "commit",
        "--quiet",
        "--message",
        "first",
    )
    put_command(tmp_path / "tools", "docker", DOCKER)
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def images(checkout: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    command = ["bash", "scripts/publish_images.sh"]
    ended = run_with(
        checkout.parent / "tools", command, cwd=checkout, GITHUB_OUTPUT=str(checkout / "out"), **environment
    )
    log = checkout / "docker.log"
    return ended, [line.split("|") for line in log.read_text().splitlines()] if log.exists() else []


def tags(call: list[str]) -> list[str]:
    return [call[at + 1] for at, argument in enumerate(call) if argument == "--tag"]


def test_an_image_is_named_by_its_commit(checkout: Path) -> None:
    ended, calls = images(checkout, REGISTRY="registry.example.org/team")
    assert ended.returncode == 0, ended.stderr
    commit = git(checkout, "rev-parse", "HEAD")
    assert [tags(call) for call in calls if tags(call)] == [
        [f"registry.example.org/team/{name}:{commit}"] for name in ("llmops-rag-api", "llmops-streamlit")
    ]
    assert not [call for call in calls if call[0] == "login"]


def test_published_images_carry_version_contents_and_provenance(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.3")
    ended, calls = images(
        checkout, REGISTRY="ghcr.io/Owner", REGISTRY_USER="somebody", REGISTRY_TOKEN="made-up"
    )
    assert ended.returncode == 0, ended.stderr
    assert calls[0][:4] == ["login", "ghcr.io", "--username", "somebody"]
    assert calls[1] == ["token made-up"]
    commit = git(checkout, "rev-parse", "HEAD")
    builds = [call for call in calls if call[:2] == ["buildx", "build"]]
    assert [tags(call) for call in builds] == [
        [f"ghcr.io/owner/{name}:{commit}", f"ghcr.io/owner/{name}:v1.2.3"]
        for name in ("llmops-rag-api", "llmops-streamlit")
    ]
    for call in builds:
        assert {"--push", "--sbom=true", "--provenance=mode=max", "VERSION=v1.2.3"} <= set(call)
    assert (checkout / "out").read_text().splitlines() == [
        "llmops-rag-api-name=ghcr.io/owner/llmops-rag-api",
        f"llmops-rag-api-digest={DIGEST}",
        "llmops-streamlit-name=ghcr.io/owner/llmops-streamlit",
        f"llmops-streamlit-digest={DIGEST}",
    ]


def test_nothing_is_published_without_an_address(checkout: Path) -> None:
    ended, calls = images(checkout)
    assert ended.returncode != 0
    assert "REGISTRY" in ended.stderr
    assert calls == []


def test_a_build_that_fails_is_a_failure(checkout: Path) -> None:
    put_command(checkout.parent / "tools", "docker", "exit 1")
    ended, _ = images(checkout, REGISTRY="ghcr.io/owner")
    assert ended.returncode != 0
