"""The fenced blocks of the documents, and what the mark behind ``` says of their commands.

| mark | the commands |
|---|---|
| `sh` | exist and have these options; `make` runs them elsewhere, or they run until they are stopped |
| `sh run` | are run in an installation of their own |
| `sh server` | are run in front of a server that has the sample documents; so is `python server` |
| `sh docker`, `sh cluster` | need that; what is ours among them exists |
| `sh manual: why` | nobody but a person runs them; what is ours among them exists |
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

MARKS = re.compile(r"sh(?: run| server| docker| cluster| manual: \S.*)?")
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_OPERATORS = {"&&", "||", "|", ";", "&", "(", ")"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """`where` is the file and the line of its first fence."""

    where: str
    info: str
    text: str

    def commands(self) -> list[list[str]]:
        """Each simple command as its words, without assignments, redirections' targets and comments."""
        return simple_commands(self.text)


def documents(root: Path) -> list[Path]:
    """All that people read, but for what is generated."""
    found = [
        *root.glob("*.md"),
        *(root / "docs").glob("*.md"),
        *(root / "infra").glob("*.md"),
        *root.glob("clients/*/*.md"),
    ]
    return sorted(path for path in found if path.name not in ("api.md", "cli.md", "licences.md"))


def blocks(root: Path) -> list[Block]:
    found = []
    for path in documents(root):
        text = path.read_text()
        for fence in _FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(f"{path.relative_to(root)}:{line}", fence["info"], fence["text"]))
    return found


def simple_commands(text: str) -> list[list[str]]:
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="()|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if word in _OPERATORS:
                found.append(words)
                words = []
            elif words or not _ASSIGNMENT.fullmatch(word):
                words.append(word)
        found.append(words)
    return [words for words in found if words]
