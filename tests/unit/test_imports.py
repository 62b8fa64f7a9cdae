"""What loads what: import contracts that really break, and light modules that stay light."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = set(
    "alembic faiss fastapi langchain langchain_core langchain_openai langgraph langserve mcp mcp_types numpy"
    " onnxruntime openai opentelemetry prometheus_client pypdf pypdfium2 sqlalchemy starlette streamlit tantivy"
    " tokenizers uvicorn".split()
)


def modules_loaded_by(statement: str, root: Path) -> list[str]:
    code = f"import sys\ntry:\n    {statement}\nexcept SystemExit:\n    pass\nprint('modules:', *sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=50
    )
    return result.stdout.split("modules:")[1].split()


@pytest.mark.parametrize(
    ("statement", "at_most"),
    [
        ("import app, app.errors", 100),
        ("import app.settings", 360),
        ("from app.cli import main; main(['--help'])", 400),
    ],
)
def test_light_modules_stay_light(statement: str, at_most: int, root: Path) -> None:
    """`import app.settings` has 0.3 s and `llmops --help` 0.7 s; the number of modules is the same on any machine."""
    loaded = modules_loaded_by(statement, root)
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    assert len(loaded) <= at_most


def test_the_server_starts_without_the_sdk_of_mcp(root: Path) -> None:
    """It takes half as long again to import as all the rest; the first request to `/mcp` loads it."""
    loaded = modules_loaded_by("import server; server.create_app()", root)
    assert {name.partition(".")[0] for name in loaded} & {"mcp", "mcp_types"} == set()


def test_the_server_loads_no_exporter_of_spans_unless_they_are_wanted(root: Path) -> None:
    loaded = modules_loaded_by("import server; server.create_app()", root)
    assert "app.telemetry.otlp" not in loaded


def test_importing_the_server_needs_no_key_and_opens_nothing(root: Path, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import server"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=50)
    assert list(tmp_path.iterdir()) == []


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=50)


def contracts(root: Path) -> list[dict[str, object]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    found: list[dict[str, object]] = settings["tool"]["importlinter"]["contracts"]
    return found


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """The sources alone, for planting violations."""
    for file in ("pyproject.toml", "server.py"):
        shutil.copy(root / file, tmp_path)
    for package in ("app", "ui"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_sources_keep_every_contract(root: Path) -> None:
    result = lint(root)
    assert result.returncode == 0, result.stdout


VIOLATIONS = [
    ("app.chains.answer", "import app.graph", "Imports go one way"),
    ("app.settings", "import app.models", "Imports go one way"),
    ("app.telemetry.traces", "import app.logs", "Imports go one way"),
    ("app.telemetry.audit", "import sqlalchemy", "Whoever is observed"),
    ("app.agents.qa", "import app.agents.research", "Agents know nothing of each other"),
    ("app.runs", "import fastapi", "The core knows neither HTTP nor"),
    ("app.knowledge.store", "import langserve", "The core knows neither HTTP nor"),
    ("ui.client", "import app.settings", "The user interface knows the wire types"),
    ("app.api.ops", "import ui.client", "The service does not know its user interface"),
    ("app.runs", "import server", "Only what starts a service of its own imports the server"),
    ("app.knowledge.retriever", "import faiss", "A vendor's package"),
    ("app.ingestion.splitter", "import tokenizers", "A vendor's package"),
]


def test_every_planted_violation_is_found_under_its_contract(copy: Path) -> None:
    for module, statement, _ in VIOLATIONS:
        with (copy / f"{module.replace('.', '/')}.py").open("a") as file:
            file.write(f"\n\ndef planted() -> None:\n    {statement}\n")
    result = lint(copy)
    assert result.returncode != 0
    sections = re.split(r"\n(.+)\n-{5,}\n", result.stdout.partition("Broken contracts")[2])
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    for module, statement, contract in VIOLATIONS:
        (report,) = (text for name, text in found.items() if name.startswith(contract))
        assert f"{module} -> {statement.removeprefix('import ')} " in report


def test_every_contract_is_put_to_the_test(root: Path) -> None:
    planted = [contract for *_, contract in VIOLATIONS]
    assert all(any(str(found["name"]).startswith(name) for name in planted) for found in contracts(root))


def test_the_contract_between_agents_names_all_of_them(root: Path) -> None:
    agents = {path.stem for path in (root / "app/agents").glob("*.py")} - {"__init__", "base"}
    (contract,) = (found for found in contracts(root) if found["type"] == "independence")
    assert contract["modules"] == [f"app.agents.{name}" for name in sorted(agents)]
