"""How well the service finds and answers, as its last evaluations have measured it."""

from __future__ import annotations

import streamlit as st

from ui.client import Client
from ui.components.evaluation import show_evaluation
from ui.components.evaluations import choose_evaluation, explain_evaluations


def show_evaluation_page(client: Client) -> None:
    st.title("Evaluation", anchor=False)
    run = choose_evaluation(client)
    if run is None:
        explain_evaluations()
    else:
        show_evaluation(client.evaluation(run.name))
