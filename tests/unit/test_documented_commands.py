"""Whatever command stands in a document exists, with its options; the namesake in tests/e2e runs what can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from app.cli import app
from app.settings import Settings
from scripts import cli_reference
from server import create_app
from tests.fences import MARKS, Block, blocks, documents, simple_commands

ROOT = Path(__file__).parents[2]
BLOCKS = blocks(ROOT)
COMMANDS = [
    (block, command) for block in BLOCKS if block.info.startswith("sh") for command in block.commands()
]
ELSEWHERE = set(
    "git cd cp cat mkdir export pip .venv/bin/pip claude gh openssl promtool echo sed sudo".split()
)
"""Programs that are not ours and of which nothing is checked."""
NEED = {"docker": ("docker", "manual")} | dict.fromkeys(
    ("kubectl", "kind", "minikube"), ("cluster", "manual")
)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_every_block_says_what_it_is(block: Block) -> None:
    assert block.info, "a language, or a mark of tests/fences.py"
    if re.match(r"(?:sh|bash|shell|console|zsh)\b", block.info):
        assert MARKS.fullmatch(block.info), block.info


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=lambda each: getattr(each, "where", ""))
def test_every_command_exists(block: Block, command: list[str]) -> None:
    assert complaint(command, block.info) is None


@pytest.mark.parametrize(
    ("line", "info"),
    [
        ("make nothing", "sh"),
        ("llmops nothing", "sh"),
        (".venv/bin/llmops keys make", "sh"),
        ("docker compose exec api llmops index --nothing FILE", "sh docker"),
        ("kubectl --namespace llmops exec deployment/llmops-rag-api -- llmops nothing", "sh cluster"),
        ("docker compose up", "sh"),
        ("kubectl get pods", "sh docker"),
        ("bash scripts/nothing.sh", "sh"),
        ("infra/nothing.sh", "sh"),
        (".venv/bin/python -m scripts.nothing", "sh"),
        ("curl http://127.0.0.1:8000/nothing", "sh server"),
        ("curl -X PUT http://127.0.0.1:8000/ask", "sh server"),
        ("some-program", "sh"),
    ],
)
def test_what_does_not_exist_is_told(line: str, info: str) -> None:
    (command,) = simple_commands(line)
    assert complaint(command, info) is not None


def test_every_command_within_a_sentence_exists() -> None:
    found = []
    for path in documents(ROOT):
        for span in re.findall(r"`((?:\.venv/bin/)?llmops [a-z][^`]*)`", path.read_text()):
            words = shlex.split(span.partition("\\|")[0].replace("[", " ").replace("]", " "))
            found.append((path.name, span, of_llmops(words[1:])))
    assert len(found) > 40
    assert [each for each in found if each[2]] == []


def test_the_reference_of_commands_is_the_one_that_make_docs_writes() -> None:
    assert cli_reference.PAGE.read_text() == cli_reference.render()


def test_every_command_has_a_line_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text().replace("\\|", " · ")
    names = [name for name, _ in cli_reference.commands()]
    assert "llmops keys create" in names
    missing = [name for name in names if not _named(name, readme)]
    assert missing == []


def _named(name: str, readme: str) -> bool:
    """`llmops keys list` may be short for it within a line about `keys`: `keys list`, or `list` behind `threads`."""
    words = name.split()[1:]
    if f"llmops {' '.join(words)}" in readme or (len(words) == 2 and f"`{' '.join(words)}" in readme):
        return True
    return any(
        f"llmops {words[0]} " in line and re.search(rf"\b{words[-1]}\b", line) for line in readme.splitlines()
    )


def complaint(command: list[str], info: str) -> str | None:
    """What is wrong with a command; None when it exists."""
    program = command[0]
    needed = NEED.get(program)
    if needed and not any(f" {mark}" in info for mark in needed):
        return f"{program} needs the mark `sh {needed[0]}`"
    inner = _within_a_container(command)
    if program.rpartition("/")[2] == "llmops" or inner:
        return of_llmops(inner or command[1:])
    if needed or program in ELSEWHERE:
        return None
    return _of_ours(command)


def _within_a_container(command: list[str]) -> list[str]:
    """What `llmops` is told by `docker compose exec api llmops …` or `kubectl exec … -- llmops …`; else nothing."""
    if command[0] == "kubectl":
        command = command[command.index("--") :] if "--" in command else []
        return command[2:] if command[1:2] == ["llmops"] else []
    return command[command.index("llmops") + 1 :] if command[0] == "docker" and "llmops" in command else []


def _of_ours(command: list[str]) -> str | None:
    program, *rest = command
    if program == "make":
        known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
        unknown = {word for word in rest if "=" not in word} - known
        return f"no target {unknown}" if unknown else None
    if program == "curl":
        return _of_curl(rest)
    if program.endswith("python") and rest[0] == "-m":
        module = ROOT / rest[1].replace(".", "/")
        return None if module.is_dir() or module.with_suffix(".py").is_file() else f"no module {rest[1]}"
    file = rest[0] if program in ("bash", "sh") else program
    return None if "/" in file and (ROOT / file).is_file() else f"nothing is known of {program}"


def of_llmops(words: list[str]) -> str | None:
    command: object = get_command(app)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        command, words = command.commands.get(words[0]), words[1:]
    if command is None:
        return "no such command"
    assert isinstance(command, TyperCommand | TyperGroup)
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-"}
    unknown = {word.partition("=")[0] for word in words if word.startswith("-")} - options
    return f"no option {unknown}" if unknown else None


def _of_curl(words: list[str]) -> str | None:
    """Whether the service has the route that is called, and the method."""
    address = next((word for word in words if ":8000" in word), None)
    if address is None:
        return None
    path = re.sub(r"^[^/]*//[^/]*|\?.*$", "", address) or "/"
    sends = any(re.match(r"-(?:d|F|-data|-form|-json)", word) for word in words)
    named = [words[at + 1] for at, word in enumerate(words) if word in ("-X", "--request")]
    method = named[0] if named else "POST" if sends else "GET"
    known = any(
        method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", route), path)
        for route, methods in _routes().items()
    )
    return None if known or path in ("/docs", "/openapi.json", "/metrics") else f"no route {method} {path}"


def _routes(found: dict[str, Any] = {}) -> dict[str, Any]:  # noqa: B006 # made once
    if not found:
        found |= create_app(Settings(_env_file=None)).openapi()["paths"]
    return found
