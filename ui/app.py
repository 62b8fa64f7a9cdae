"""Entry point: `streamlit run ui/app.py`. The service's address comes from LLMOPS_API_URL."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Streamlit puts this file's folder first on the path, where `app` would mean this very file.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [
    str(_HERE.parent),
    *(entry for entry in sys.path if entry not in (str(_HERE), str(_HERE.parent))),
]

from ui.page import show_page  # noqa: E402

show_page(os.environ.get("LLMOPS_API_URL") or "http://127.0.0.1:8000")
