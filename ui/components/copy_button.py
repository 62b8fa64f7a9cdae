"""A button that puts a text on the clipboard, which Streamlit has for code only."""

from __future__ import annotations

import streamlit as st

_HTML = '<button type="button">Copy</button>'
_CSS = """
button {
  background: none; border: none; border-radius: 0.5rem; cursor: pointer; padding: 0.25rem 0.5rem;
  color: var(--st-text-color); font: inherit;
}
button:hover, button:focus-visible { background: var(--st-secondary-background-color); }
"""
# Without a secure context, as behind plain http in a local network, there is no `navigator.clipboard`.
_JS = """
export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button");
  button.onclick = async () => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(data);
    } else {
      const field = Object.assign(document.createElement("textarea"), { value: data });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
}
"""
_button = st.components.v2.component("copy_button", html=_HTML, css=_CSS, js=_JS)


def show_copy_button(text: str, *, key: str) -> None:
    _button(key=key, data=text, width="content", height="content")
