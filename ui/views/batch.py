"""Many questions at once: hand in a table, watch it being worked off, take the answers home."""

from __future__ import annotations

import streamlit as st

from ui.client import Client
from ui.components.batch_answers import show_answers
from ui.components.batch_intake import show_batch_intake
from ui.components.batch_progress import show_batch_progress
from ui.components.batches import choose_batch, find_batches
from ui.notices import show_notices
from ui.wording import is_finished


def show_batch_page(client: Client) -> None:
    st.title("Batch", anchor=False)
    show_notices()
    # Before anything is offered: a visitor whom the service does not know is asked for a key instead.
    batches = find_batches(client)
    show_batch_intake(client)
    job = choose_batch(batches)
    if job is None:
        return
    if is_finished(job):
        show_answers(client, job)
    else:
        show_batch_progress(client, job)
