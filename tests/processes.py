"""Starts what tests run in processes of their own, to kill them or to give them no room."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

# There is one fork server for the whole test run: what the first test has it load, the children of all find loaded.
_LOADED = [
    "pytest",
    "tests.knowledge_base",
    "app.ingestion.assembly",
    "app.ingestion.reembed",
    "app.knowledge.backup",
    "app.knowledge.deletion_proof",
    "app.knowledge.restore",
]


def start(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    child = context.Process(target=work, args=arguments)
    child.start()
    return child
