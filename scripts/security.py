"""Look for dangerous code by bandit and for what must not be published by detect-secrets.

Exit code 0 only when both ran and found nothing. What is made up in tests and documents stands below, word by word.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("app", "ui", "server.py", "scripts", "benchmarks", "clients", "examples")
MADE_UP = (
    "sk-test",
    "sk-test-not-a-key",
    "sk-measured",
    "llmops_from_file",
    "sk-soak",
    "made-up",
    "geheim",
    "sk-canary-not-a-key",
    "sk-secret-4711",
    "not-a-key",
    "4bf92f3577b34da6a3ce929d0e0e4736",  # the W3C's example of a trace
    "unused",
    "true",
    "any-word",
    "secret",
    "the boss is never in on Fridays",
    "The safe in the cellar opens with the number nine four two seven\\.\\\\n",
    "the password is swordfish",
    "ab8be7db72e6be332476126dc6bf5c8d6e5e05b18d7f9a0cf3342d4953104138",  # the example's sha256
    "76f1863d7b31459ebd035e49b4e1df4d",  # the example's id
    "llmops-secrets",  # names of Secrets in infra/k8s
    "llmops-tls",
    "llmops-api-tls",
)
_WITHOUT_TEXT = re.compile(r"\.(?:png|pdf|lock|ico|onnx)$|package-lock\.json$|\.jsonl$")


def find_dangerous_code(root: Path, places: Sequence[str]) -> int:
    """Run bandit with the settings in pyproject.toml; gives its exit code."""
    command = [_command("bandit"), "--quiet", "--configfile", str(ROOT / "pyproject.toml"), "--recursive"]
    return subprocess.run([*command, *places], cwd=root, check=False).returncode


def find_secrets(root: Path, files: Sequence[str]) -> int:
    """Run detect-secrets over the files; gives its exit code."""
    known = f"^(?:{'|'.join(MADE_UP)})$"
    command = [_command("detect-secrets-hook"), "--exclude-secrets", known]
    return subprocess.run([*command, *files], cwd=root, check=False).returncode


def tracked_files(root: Path) -> list[str]:
    """What git has of text, except for the locks, whose hashes look like secrets and are none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and not _WITHOUT_TEXT.search(name)]


def _command(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def main() -> int:
    return find_dangerous_code(ROOT, CODE) or find_secrets(ROOT, tracked_files(ROOT))


if __name__ == "__main__":
    sys.exit(main())
