"""The documents tell the same story as the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.api.mcp.tools import TOOLS
from app.cli import app
from app.settings import Settings, environment_name
from scripts import api_reference

FIELDS = pytest.mark.parametrize("field", sorted(Settings.model_fields))


def written_default(field: str) -> str:
    """A default as an operator would write it; "" for none."""
    default: Any = Settings.model_fields[field].default
    if default in (None, ()):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


@FIELDS
def test_the_example_file_has_each_variable_with_its_default(field: str, root: Path) -> None:
    lines = (root / ".env.example").read_text().splitlines()
    assert f"# {environment_name(field)}={written_default(field)}" in lines


@FIELDS
def test_the_configuration_page_has_each_variable_with_its_default(field: str, root: Path) -> None:
    default = written_default(field)
    row = f"| `{environment_name(field)}` | {f'`{default}`' if default else 'none'} | "
    assert any(line.startswith(row) for line in (root / "docs/configuration.md").read_text().splitlines()), (
        row
    )


def test_the_documents_invent_no_variable(root: Path) -> None:
    known = {environment_name(field) for field in Settings.model_fields} | {
        "LLMOPS_API_URL",
        "LLMOPS_EVALDATA",
    }
    known |= set(re.findall(r"\$\{(LLMOPS_[A-Z_]+)", (root / "docker-compose.yml").read_text()))
    for path in [root / ".env.example", *documents(root)]:
        named = set(re.findall(r"\bLLMOPS_[A-Z_]+\b", path.read_text()))
        assert named <= known, f"{path.name} names {sorted(named - known)}"


def test_every_make_target_is_named_in_the_readme(root: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (root / "Makefile").read_text(), flags=re.MULTILINE)
    assert {"run", "setup", "test", "check", "bench", "eval", "clean"} <= set(targets)
    readme = (root / "README.md").read_text()
    assert [target for target in targets if f"make {target}" not in readme] == []


def test_every_command_is_named_in_the_readme(root: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert "ask" in commands
    readme = (root / "README.md").read_text()
    assert [name for name in commands if f"llmops {name}" not in readme] == []


def test_every_link_inside_the_documents_leads_somewhere(root: Path) -> None:
    for path in documents(root):
        for target, part in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", path.read_text()):
            if "://" not in target:
                place = path.parent / target if target else path
                assert place.exists(), f"{path.name} links to {target!r}"
                assert not part or part in anchors(place), f"{path.name} links to {target}#{part}"


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link to it, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_file_and_folder_named_in_the_documents_exists(root: Path) -> None:
    made_at_run_time = ("benchmarks/results/",)
    for path in documents(root):
        for name in re.findall(
            r"`((?:app|ui|docs|scripts|examples|tests|infra)/[\w./-]*)`", path.read_text()
        ):
            assert name in made_at_run_time or (root / name).exists(), f"{path.name} names {name!r}"


def test_the_settings_for_mcp_clients_can_be_copied(root: Path) -> None:
    blocks = re.findall(r"```json\n(.*?)```", (root / "docs/mcp.md").read_text(), flags=re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        ((_, servers),) = json.loads(block).items()
        documents = servers["documents"]
        assert documents.get("url", "").endswith("/mcp") or documents["args"][0] == "mcp"


def test_every_tool_and_argument_is_in_the_page_about_mcp(root: Path) -> None:
    page = (root / "docs/mcp.md").read_text()
    for tool in TOOLS.values():
        arguments = ", ".join(f"`{name}`" for name in tool.arguments.model_fields)
        assert f"| `{tool.name}` | {arguments} | " in page


def test_decision_records_are_numbered_without_gaps_and_short(root: Path) -> None:
    records = sorted((root / "docs/adr").glob("*.md"))
    assert [record.name[:4] for record in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    for record in records:
        assert len(record.read_text().splitlines()) <= 30, f"{record.name} is no short record"


def test_no_file_names_an_index_or_a_machine(root: Path) -> None:
    """Locks and documents hold on any machine and with any package index."""
    texts = {path.name: path.read_text() for path in [*root.glob("requirements*.lock"), *documents(root)]}
    for name, text in texts.items():
        assert not re.search(r"--(?:extra-)?index-url|--find-links|file://", text), name
        assert name.endswith(".md") or "://" not in text, name
        assert not re.search(r"(?:^|[\s`(])/(?:root|home|work|opt)/", text), name


def test_the_lock_holds_neither_pytorch_nor_an_unhashed_package(root: Path) -> None:
    text = (root / "requirements.lock").read_text()
    packages = re.findall(r"^([a-z0-9._-]+)==.*?(?=^[a-z0-9]|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 50
    assert "torch" not in packages
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_larger_locks_change_no_version_of_the_smaller(root: Path) -> None:
    first, full, development = (
        set(re.findall(r"^\S+==\S+", (root / name).read_text(), flags=re.MULTILINE))
        for name in ("requirements.lock", "requirements-full.lock", "requirements-dev.lock")
    )
    assert first < full < development


def documents(root: Path) -> list[Path]:
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "infra").glob("*.md")])


def test_the_api_reference_is_the_one_that_make_docs_writes(root: Path) -> None:
    assert (root / "docs/api.md").read_text() == api_reference.current()
