"""`llmops ui`: the process that browsers talk to."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from app.errors import ConfigurationError
from app.settings import load_settings


def run_ui(host: str, port: int, api: str) -> None:
    """Become Streamlit's process, so that signals and the exit code are its own."""
    package = find_spec("ui")
    if package is None or package.origin is None or find_spec("streamlit") is None:
        raise ConfigurationError("the user interface is not installed; `make setup` installs it")
    settings = load_settings()
    script = Path(package.origin).parent / "app.py"
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    os.environ["LLMOPS_API_URL"] = api
    if settings.api_key_file is not None and settings.client_key is not None:
        os.environ["LLMOPS_API_KEY"] = settings.client_key.get_secret_value()
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(script), *flags])  # noqa: S606
