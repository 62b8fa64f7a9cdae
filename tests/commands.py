"""Commands that stand for others in a test: small scripts in a folder that comes first in PATH."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


def put_command(folder: Path, name: str, script: str) -> Path:
    """`script` is of the shell; the folder is made."""
    folder.mkdir(exist_ok=True)
    command = folder / name
    command.write_text(f"#!/usr/bin/env bash\n{script}\n")
    command.chmod(0o755)
    return command


def run_with(
    folder: Path, command: Sequence[str], *, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that finds those in the folder before all others."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
