"""The conversation of ten turns in node/conversation.mjs, by LangServe's RemoteRunnable for Python.

Once with one server, and once with three on one database, of which any gets the next request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.live import make_settings, remote, running
from tests.postgres import postgres_url

HOLIDAYS = "How many days of paid holiday do full-time employees have?"


class AnyOf:
    """The same runnable at several servers, of which each call goes to another one."""

    def __init__(self, runnables: list[Any]) -> None:
        self._runnables = runnables
        self._lots = Random(8)
        self._last: Any = None

    def __getattr__(self, call: str) -> Any:
        self._last = self._lots.choice([one for one in self._runnables if one is not self._last])
        return getattr(self._last, call)


@contextmanager
def anywhere(servers: list[httpx.Client], path: str) -> Iterator[Any]:
    with ExitStack() as stack:
        runnables = [stack.enter_context(remote(server, path)) for server in servers]
        yield runnables[0] if len(servers) == 1 else AnyOf(runnables)


def streamed(agent: Any, question: str, config: dict[str, Any]) -> dict[str, Any]:
    """The last event of a stream whose tokens, put together, are its answer."""
    events: list[dict[str, Any]] = list(agent.stream({"question": question}, config=config))
    assert (events[0]["type"], events[-1]["type"]) == ("run", "final")
    tokens = [event["content"] for event in events if event["type"] == "token"]
    assert len(tokens) >= 3
    assert "".join(tokens).strip() == events[-1]["answer"]
    return events[-1]


def test_ten_turns_by_langserves_remote_runnable(service: httpx.Client) -> None:
    converse([service])


@pytest.mark.postgres
@pytest.mark.timeout(240)  # three servers start, one after another on two cores
def test_ten_turns_of_which_each_comes_to_another_replica(tmp_path: Path, samples: Path) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(make_settings(tmp_path / name, **replica_of(tmp_path))))
            for name in ("one", "two", "three")
        ]
        for number, path in enumerate(sorted(samples.iterdir())):
            files = {"files": (path.name, path.read_bytes())}
            answer = servers[number % 3].post("/upload", params={"wait": "true"}, files=files)
            assert answer.json()["documents"][0]["status"] == "indexed"
        converse(servers)


def replica_of(folder: Path) -> dict[str, Any]:
    return {
        "database_url": postgres_url(folder),
        "use_demo_mode": True,
        "embedding_model": "embedded:all-MiniLM-L6-v2",
    }


def converse(servers: list[httpx.Client]) -> None:
    config: dict[str, Any] = {"configurable": {"thread_id": "python"}}
    with (
        anywhere(servers, "agent") as agent,
        anywhere(servers, "research") as research,
        anywhere(servers, "qa") as qa,
    ):

        def invoked(question: str) -> dict[str, Any]:
            answer: dict[str, Any] = agent.invoke({"question": question}, config=config)
            assert answer["thread_id"] == "python"
            return answer

        holidays = invoked(HOLIDAYS)
        assert "28" in holidays["answer"]
        assert holidays["citations"][0]["verified"]
        assert "month" in streamed(agent, "What is the notice period after probation?", config)["answer"]
        assert "week" in streamed(agent, "And during probation?", config)["answer"]
        assert invoked("Which discount do universities get?")["citations"]
        rome = invoked("Who was the first emperor of Rome?")
        assert (rome["refused"], rome["citations"]) == (True, [])
        assert streamed(agent, "Summarise the employee handbook", config)["agent"] == "summarize"
        compared = research.invoke({"question": "Compare the notice periods during and after probation"})
        assert "## " in compared["answer"]
        founded, discount = qa.batch(
            [
                {"question": "When was Larkfield Instruments founded?"},
                {"question": "Which discount do universities get?"},
            ]
        )
        assert founded["answer"] != discount["answer"]
        with pytest.raises(httpx.HTTPStatusError) as refused:
            invoked("")
        assert refused.value.response.json()["code"] == "invalid_request"
        assert invoked(HOLIDAYS)["answer"] == holidays["answer"]

    for server in servers:
        turns = server.get("/threads/python").raise_for_status().json()["turns"]
        # The research and the batch were not on the thread, and the refused one is no turn.
        assert len(turns) == 7
        assert [turns[0]["question"], turns[-1]["question"]] == [HOLIDAYS, HOLIDAYS]
