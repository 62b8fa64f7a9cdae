"""What no code of this project does, found in its syntax trees: names are followed through imports and aliases."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MODULES = frozenset(
    "pickle _pickle marshal shelve dill cloudpickle joblib jsonpickle imp pty telnetlib ftplib"
    " xml.etree xml.dom xml.sax langchain.load langchain_core.load langchain_community.vectorstores".split()
)
"""They run what they read, expand what strangers wrote, or (the last) unpickle an index."""

CALLS = frozenset(
    "eval exec compile __import__ breakpoint os.system os.popen os.tempnam tempfile.mktemp subprocess.getoutput"
    " subprocess.getstatusoutput asyncio.create_subprocess_shell ssl._create_unverified_context"
    " yaml.load yaml.load_all yaml.unsafe_load yaml.full_load torch.load hashlib.new random.seed".split()
)
WEAK_HASHES = frozenset({"hashlib.md5", "hashlib.sha1"})
"""Allowed where `usedforsecurity=False` says that nothing depends on them."""

ARGUMENTS: dict[str, object] = {
    "shell": True,
    "verify": False,
    "allow_pickle": True,
    "trust_remote_code": True,
    "unsafe_allow_html": True,
    "resolve_entities": True,
    "huge_tree": True,
    "no_network": False,
}
FORBIDDEN_ARGUMENTS = frozenset({"allow_dangerous_deserialization"})
SQL_CALLS = frozenset(
    "execute executemany executescript exec_driver_sql scalar scalars DDL literal_column".split()
)


@dataclass(frozen=True)
class Finding:
    """`what` is a banned name, or `SQL from parts`."""

    path: str
    line: int
    what: str


def banned(source: str, path: str = "") -> list[Finding]:
    """What is banned of a module."""
    visitor = _Visitor(path)
    visitor.visit(ast.parse(source))
    return visitor.found


def banned_below(root: Path, places: list[str]) -> Iterator[Finding]:
    """The same of all modules of these files and folders."""
    for place in places:
        paths = [root / place] if place.endswith(".py") else sorted((root / place).rglob("*.py"))
        for path in paths:
            yield from banned(path.read_text(), path.relative_to(root).as_posix())


@dataclass
class _Visitor(ast.NodeVisitor):
    path: str
    found: list[Finding] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(node, alias.name)
            self.aliases[alias.asname or alias.name.partition(".")[0]] = (
                alias.name if alias.asname else alias.name.partition(".")[0]
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            name = f"{node.module or ''}.{alias.name}"
            self._import(node, name)
            self.aliases[alias.asname or alias.name] = name

    def visit_Call(self, node: ast.Call) -> None:
        name = self._name(node.func)
        if name in CALLS or (name in WEAK_HASHES and not _says(node, "usedforsecurity", value=False)):
            self._report(node, name)
        for keyword in node.keywords:
            is_banned = keyword.arg in FORBIDDEN_ARGUMENTS or (
                keyword.arg in ARGUMENTS and _says(node, keyword.arg, value=ARGUMENTS[keyword.arg])
            )
            if is_banned:
                self._report(node, str(keyword.arg))
        is_sql = name in ("text", "sqlalchemy.text") or name.rpartition(".")[2] in SQL_CALLS
        if is_sql and node.args and _is_assembled(node.args[0]):
            self._report(node, "SQL from parts")
        self.generic_visit(node)

    def _import(self, node: ast.stmt, name: str) -> None:
        parts = name.split(".")
        prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        for module in prefixes & MODULES:
            self._report(node, module)

    def _name(self, node: ast.expr) -> str:
        """The dotted name of what is called, as it was called where it was defined."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._name(node.value)}.{node.attr}"
        return ""

    def _report(self, node: ast.AST, what: str) -> None:
        self.found.append(Finding(self.path, getattr(node, "lineno", 0), what))


def _says(node: ast.Call, argument: str, *, value: object) -> bool:
    given = [keyword.value for keyword in node.keywords if keyword.arg == argument]
    return any(isinstance(each, ast.Constant) and each.value is value for each in given)


def _is_assembled(node: ast.expr) -> bool:
    """Whether a text is put together of parts that are not all written there."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return any(_is_text(side) for side in (node.left, node.right))
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in ("format", "replace", "join") and _is_text(node.func.value)  # type: ignore[attr-defined]


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
