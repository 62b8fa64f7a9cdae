"""Code of this project runs no text, unpickles nothing, starts no shell and puts no SQL together from parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.banned_code import banned, banned_below

PLACES = ["app", "ui", "server.py", "scripts", "benchmarks", "clients", "examples"]

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("app/ingestion/html_text.py", "huge_tree"): "no tree is built, and it runs in the sandbox",
    ("app/knowledge/database_postgres.py", "SQL from parts"): "the names of our tables in VACUUM",
    ("app/knowledge/database_sqlite.py", "SQL from parts"): "constants and a number of ours in PRAGMAs",
    ("app/knowledge/migrations/versions/0002_jobs_and_drafts.py", "SQL from parts"): "names that stand in it",
    ("app/thread_memory_sqlite.py", "SQL from parts"): "a constant in a PRAGMA, which takes no parameters",
    ("benchmarks/tutorial_service.py", "langchain_community.vectorstores"): "the service to compare with",
}


def test_nothing_banned_is_in_the_code(root: Path) -> None:
    found = [each for each in banned_below(root, PLACES) if (each.path, each.what) not in EXCEPTIONS]
    assert found == []


def test_every_exception_is_still_needed(root: Path) -> None:
    found = {(each.path, each.what) for each in banned_below(root, PLACES)}
    assert set(EXCEPTIONS) <= found


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "pickle"),
        ("import pickle as p", "pickle"),
        ("def f():\n    from marshal import loads", "marshal"),
        ("import shelve, dill", "dill"),
        ("from langchain_core.load import loads", "langchain_core.load"),
        ("from langchain_core import load", "langchain_core.load"),
        ("from langchain_community.vectorstores import FAISS", "langchain_community.vectorstores"),
        ("import xml.etree.ElementTree as tree", "xml.etree"),
        ("eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("compile(text, '', 'exec')", "compile"),
        ("import yaml\nyaml.load(text)", "yaml.load"),
        ("from yaml import load as read\nread(text)", "yaml.load"),
        ("import os as o\no.system('ls')", "os.system"),
        ("from tempfile import mktemp\nmktemp()", "tempfile.mktemp"),
        ("import subprocess\nsubprocess.run('ls', shell=True)", "shell"),
        ("import httpx\nhttpx.get(url, verify=False)", "verify"),
        ("store.load_local(path, allow_dangerous_deserialization=flag)", "allow_dangerous_deserialization"),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", "allow_pickle"),
        ("import hashlib\nhashlib.md5(data)", "hashlib.md5"),
        ("from hashlib import sha1\nsha1(data)", "hashlib.sha1"),
        ("from sqlalchemy import text\ntext(f'SELECT {name}')", "SQL from parts"),
        ("connection.execute('SELECT ' + name)", "SQL from parts"),
        ("connection.execute(text('SELECT %s' % name))", "SQL from parts"),
        ("connection.execute('SELECT {}'.format(name))", "SQL from parts"),
        ("import streamlit as st\nst.markdown(text, unsafe_allow_html=True)", "unsafe_allow_html"),
    ],
)
def test_it_is_found(source: str, what: str) -> None:
    assert what in {each.what for each in banned(source)}


@pytest.mark.parametrize(
    "source",
    [
        "import re\nre.compile(pattern)",
        "graph.compile(name='agent')",
        "import hashlib\nhashlib.sha256(data)\nhashlib.md5(data, usedforsecurity=False)",
        "import yaml\nyaml.safe_load(text)",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "connection.execute(text('SELECT 1'))",
        "connection.execute(select(chunks).where(chunks.c.name == name))",
        "label.caption(f'{name}')",
        "model.eval()",
    ],
)
def test_what_is_harmless_is_not(source: str) -> None:
    assert banned(source) == []
