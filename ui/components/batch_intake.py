"""Handing in a table of questions."""

from __future__ import annotations

import streamlit as st

from ui.client import Client, ServerRefused
from ui.components.batches import open_batch
from ui.notices import note_failure

_ROUND = "batch_round"
_MOST_MB = 10  # more questions than the service takes at a time
_EXAMPLE = """question,agent
What is the notice period after probation?,qa
Which risks does the annual report name?,research
Summarise the handbook,summarize
"""


def show_batch_intake(client: Client) -> None:
    st.markdown(
        "Upload a CSV file with one question a row, in a column named `question`. Columns named `agent`, "
        "`collection`, `mode` and `top_k` are heeded where they are filled in; others are passed over."
    )
    # A new number in its key empties the field.
    turn = st.session_state.setdefault(_ROUND, 0)
    file = st.file_uploader(
        "Table of questions", type=[".csv"], key=f"batch-{turn}", max_upload_size=_MOST_MB
    )
    with st.container(horizontal=True, gap="small"):
        asked = st.button("Ask all questions", icon=":material/play_arrow:", disabled=file is None)
        st.download_button(
            "Download an example",
            data=_EXAMPLE,
            file_name="questions.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    if asked and file is not None:
        _ask_all(client, file.getvalue())
        st.session_state[_ROUND] = turn + 1
        st.rerun()


def _ask_all(client: Client, table: bytes) -> None:
    try:
        open_batch(client.submit_batch(table))
    except ServerRefused as refusal:
        note_failure(f"This file was not accepted: {refusal}")
