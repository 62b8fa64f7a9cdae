"""What a test reads off a page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, Node


def texts(block: Node) -> str:
    """Everything readable below a block, one element a line."""
    said = (getattr(block, "value", None), getattr(block, "label", None))
    found = [text for text in ("" if value is None else str(value) for value in said) if text]
    return "\n".join([*found, *(texts(child) for child in getattr(block, "children", {}).values())])


def button(page: AppTest, label: str) -> Button:
    return next(found for found in page.button if found.label == label)
