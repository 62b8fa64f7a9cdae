"""The conversation of ten turns in node/conversation.mjs, by LangServe's RemoteRunnable for Python."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.live import remote

HOLIDAYS = "How many days of paid holiday do full-time employees have?"


def streamed(agent: Any, question: str, config: dict[str, Any]) -> dict[str, Any]:
    """The last event of a stream whose tokens, put together, are its answer."""
    events: list[dict[str, Any]] = list(agent.stream({"question": question}, config=config))
    assert (events[0]["type"], events[-1]["type"]) == ("run", "final")
    tokens = [event["content"] for event in events if event["type"] == "token"]
    assert len(tokens) >= 3
    assert "".join(tokens).strip() == events[-1]["answer"]
    return events[-1]


def test_ten_turns_by_langserves_remote_runnable(service: httpx.Client) -> None:
    config: dict[str, Any] = {"configurable": {"thread_id": "python"}}
    with (
        remote(service, "agent") as agent,
        remote(service, "research") as research,
        remote(service, "qa") as qa,
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

    turns = service.get("/threads/python").raise_for_status().json()["turns"]
    assert (
        len(turns) == 7
    )  # the research and the batch were not on the thread, and the refused one is no turn
    assert [turns[0]["question"], turns[-1]["question"]] == [HOLIDAYS, HOLIDAYS]
