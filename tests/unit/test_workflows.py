"""What GitHub runs is pinned, has few rights, and is what a developer can run as well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return found


def commands() -> list[str]:
    return [
        step["run"]
        for path in WORKFLOWS
        for job in jobs(path).values()
        for step in job["steps"]
        if "run" in step
    ]


def test_the_workflows_are_there() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci-cd.yml", "security.yml"]
    assert len(commands()) >= 10


@each
def test_every_action_is_pinned_by_a_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text())
    assert used
    assert [
        line for line in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []


def test_an_action_has_one_version_everywhere() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    versions: dict[str, set[str]] = {}
    for action, pin in re.findall(r"uses: *([\w./-]+)@(.*)", text):
        versions.setdefault(action, set()).add(pin)
    assert {action: pins for action, pins in versions.items() if len(pins) > 1} == {}


@each
def test_no_right_is_given_to_all_and_each_job_names_its_own(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path).items():
        assert "permissions" in job, name
        assert job["permissions"].get("contents") == "read", name
        assert 0 < job["timeout-minutes"] <= 60, name


def test_only_the_job_that_publishes_may_write() -> None:
    writers = {
        name
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "write" in job["permissions"].values()
    }
    assert writers == {"publish"}
    assert jobs(WORKFLOWS[0])["publish"]["if"] == "github.event_name != 'pull_request'"


@each
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    for name, job in jobs(path).items():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_step_is_one_target_or_one_script_of_this_repository(command: str) -> None:
    assert "\n" not in command
    assert "${{" not in command, "values go in by `env`"
    program, what = command.split()[:2]
    if program == "make":
        assert command == f"make {what}"
        assert re.search(rf"^{what}:.*##", MAKEFILE, flags=re.MULTILINE)
    else:
        assert program == "bash"
        assert (ROOT / what).is_file()


def test_every_supported_python_is_tested() -> None:
    declared = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert jobs(WORKFLOWS[0])["test"]["strategy"]["matrix"]["python"] == declared


@each
def test_somebody_is_told_of_every_job(path: Path) -> None:
    all_jobs = jobs(path)
    notify = all_jobs.pop("notify")
    assert set(notify["needs"]) == set(all_jobs)
    assert "always()" in notify["if"]


def test_dependabot_watches_each_kind_of_package() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {
        "pip",
        "docker",
        "docker-compose",
        "github-actions",
        "npm",
    }
