from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.ui.fake_server import FakeService, build_app, serving
from ui.client import Client

_APP = Path(__file__).parents[2] / "ui" / "app.py"


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts the page in the place of the main module, where processes that are started later would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def shared_service() -> Iterator[FakeService]:
    service = FakeService()
    with serving(build_app(service)) as url:
        service.url = url
        yield service


@pytest.fixture
def service(shared_service: FakeService) -> FakeService:
    """One server for all tests, with nothing in it left over from the test before."""
    url = shared_service.url
    vars(shared_service).update(vars(FakeService(url=url)))
    return shared_service


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with closing(Client(service.url)) as client:
        yield client


@pytest.fixture
def page(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page in front of the fake service, not yet drawn."""
    monkeypatch.setenv("LLMOPS_API_URL", service.url)
    yield AppTest.from_file(_APP, default_timeout=20)
    st.cache_resource.clear()


@pytest.fixture
def open_page(page: AppTest) -> Callable[..., AppTest]:
    """Open the page at a path, with parameters in its address, as a browser does that comes for the first time."""

    def open_at(path: str, **parameters: str) -> AppTest:
        page._page_hash = calc_hash(path)
        page.query_params.update(parameters)
        return page.run()

    return open_at
