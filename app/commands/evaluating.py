"""`llmops eval`: the evaluation of `make eval`, which lives outside the installed package."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import typer

from app.errors import ConfigurationError


def evaluate(*, quick: bool, as_json: bool) -> None:
    """Run the evaluation in a process of its own, whose tables or JSON and exit code become this command's.

    Raises:
        ConfigurationError: this is an installation without the benchmarks.
    """
    if find_spec("benchmarks") is None or find_spec("benchmarks.eval") is None:
        raise ConfigurationError("the evaluation comes with a checkout of the project: run `make eval` there")
    flags = [flag for flag, wanted in (("--quick", quick), ("--json", as_json)) if wanted]
    command = [sys.executable, "-m", "benchmarks.eval", *flags]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
