"""`make lint-infra` looks at the right files and cannot pass by looking at nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import lint_infra
from scripts.lint_infra import Linter, check_compose, check_manifests, named, run, shell_scripts
from tests.commands import put_command


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a script, an image, a composition and an overlay, as git has them."""
    folder = tmp_path / "repository"
    overlay = folder / "infra/k8s/overlays/minikube"
    overlay.mkdir(parents=True)
    (folder / "run").write_text("#!/usr/bin/env bash\ntrue\n")
    (folder / "readme.sh.md").write_text("no script\n")
    (folder / "Dockerfile.streamlit").write_text("FROM scratch\n")
    (folder / "docker-compose.yml").write_text("services: {}\n")
    (overlay / "kustomization.yaml").write_text("resources: []\n")
    put_command(folder / "infra/k8s", "secrets.sh", 'touch "$(dirname "$0")/overlays/$1/secrets.env"')
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    (folder / "untracked.sh").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands that are found first; there, kubectl renders and all is well."""
    folder = tmp_path / "tools"
    for name in ("kubernetes-validate", "checkov", "docker"):
        put_command(folder, name, "exit 0")
    put_command(folder, "kubectl", 'cat "$2/secrets.env"')
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_scripts_are_known_by_their_first_line(repository: Path) -> None:
    assert shell_scripts(repository, lint_infra.tracked_files(repository)) == ["infra/k8s/secrets.sh", "run"]


def test_every_kind_of_file_is_found(repository: Path) -> None:
    names = lint_infra.tracked_files(repository)
    assert named(lint_infra.DOCKERFILES)(repository, names) == ["Dockerfile.streamlit"]
    assert named(lint_infra.COMPOSE)(repository, names) == ["docker-compose.yml"]
    assert named(lint_infra.OVERLAYS)(repository, names) == ["infra/k8s/overlays/minikube/kustomization.yaml"]


@pytest.mark.parametrize(("command", "well"), [("true", True), ("false", False)])
def test_a_linter_decides(repository: Path, command: str, well: bool) -> None:
    assert run(repository, Linter("any", shell_scripts, (command,))) is well


def test_a_linter_without_files_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(repository, Linter("any", named(r".*\.moved"), ("true",)))
    assert "any: there is no file for it to look at" in capsys.readouterr().err


def test_without_compose_the_schema_is_enough_unless_it_is_required(
    repository: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("docker", "docker-compose"):
        put_command(tools, name, "exit 1")
    assert check_compose(repository)
    monkeypatch.setenv("CI_REQUIRE_COMPOSE", "1")
    assert not check_compose(repository)


def test_compose_is_asked_where_it_is(repository: Path, tools: Path) -> None:
    put_command(tools, "docker", '[ "$2" = version ] || [ "$5" = docker-compose.yml ]')
    assert check_compose(repository)
    put_command(tools, "docker", '[ "$2" = version ]')
    assert not check_compose(repository)


def test_compose_by_itself_is_asked_where_docker_has_none(repository: Path, tools: Path) -> None:
    put_command(tools, "docker", "exit 1")
    put_command(tools, "docker-compose", '[ "$1" = version ] || [ "$4" = docker-compose.yml ]')
    assert check_compose(repository)
    put_command(tools, "docker-compose", '[ "$1" = version ]')
    assert not check_compose(repository)


def test_manifests_that_all_are_content_with_pass(repository: Path, tools: Path) -> None:
    assert check_manifests(repository, tools)
    assert not list(repository.rglob("secrets.env")), "made up in a copy alone"


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("kubectl", "exit 1"),
        ("kubernetes-validate", '[ "$4" != 1.31 ]'),
        (
            "kubernetes-validate",
            'echo "WARN Couldn\'t find schema for kind Deploiment with api version apps/v1"',
        ),
        ("checkov", "exit 1"),
    ],
)
def test_manifests_that_one_complains_of_fail(repository: Path, tools: Path, name: str, script: str) -> None:
    put_command(tools, name, script)
    assert not check_manifests(repository, tools)


def test_kinds_of_prometheus_operator_need_no_schema(repository: Path, tools: Path) -> None:
    put_command(
        tools, "kubernetes-validate", 'echo "WARN Couldn\'t find schema for kind ServiceMonitor with api"'
    )
    assert check_manifests(repository, tools)


def test_a_folder_without_overlays_fails(repository: Path, tools: Path) -> None:
    subprocess.run(["git", "rm", "--quiet", "--cached", "-r", "infra"], cwd=repository, check=True)
    assert not check_manifests(repository, tools)
