"""Ask the service from another Python program, as with any LangChain runnable.

Usage: python examples/remote_runnable.py [URL]        (needs: pip install "langserve[client]")

`invoke` and `batch` give whole answers; `stream` gives the events of the run, the last of which is the answer. Nothing
of the service's own code is imported here.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from uuid import uuid4

import httpx
from langchain_core.runnables import RunnableConfig
from langserve import RemoteRunnable

DEFAULT_URL = "http://127.0.0.1:8000"
Agent = RemoteRunnable[dict[str, Any], Any]


def show(answer: dict[str, Any]) -> None:
    """Print an answer and where it stands."""
    print(f"  {answer['answer']}")
    for citation in answer["citations"]:
        page = f", page {citation['page']}" if citation["page"] else ""
        mark = "verified" if citation["verified"] else "not verified"
        print(
            f"    [{citation['marker']}] {citation['document_name']}{page} ({mark}): {citation['quote'][:80]!r}"
        )
    print(f"  — {answer['agent']} agent, {answer['mode']} mode, {answer['model']}")


def ask_once(agent: Agent) -> None:
    print("\n# invoke")
    show(agent.invoke({"question": "How many days of paid holiday do full-time employees have?"}))


def ask_several(agent: Agent) -> None:
    print("\n# batch")
    questions = ["When was Larkfield Instruments founded?", "Which discount do universities get?"]
    for answer in agent.batch([{"question": question} for question in questions]):
        show(answer)


def watch(agent: Agent) -> None:
    """Print tokens as they come. A `status` event with `reset` makes the tokens before it void."""
    print("\n# stream")
    for event in agent.stream({"question": "What is the notice period after probation?"}):
        match event["type"]:
            case "route":
                print(f"  ({event['agent']} agent: {event['reason']})\n  ", end="")
            case "status" if event.get("reset"):
                print("\n  (starting over)\n  ", end="")
            case "token":
                print(event["content"], end="", flush=True)
            case "error":
                print(f"\n  failed: {event['content']} ({event['code']})")
            case "final":
                print(f"\n  — {len(event['citations'])} citations")


def converse(agent: Agent) -> None:
    """The thread remembers: the second question is understood from the first."""
    print("\n# two turns on one thread")
    thread: RunnableConfig = {"configurable": {"thread_id": f"example-{uuid4().hex}"}}
    for question in ("How much was spent on research and development?", "How many people work there?"):
        print(f"  > {question}")
        show(agent.invoke({"question": question}, config=thread))


def approve_a_plan(agent: Agent) -> None:
    """A research may stop with its plan; the same thread goes on with it, or with other sub-questions."""
    print("\n# a plan to approve")
    thread = {"thread_id": f"example-{uuid4().hex}"}
    asked = {"question": "Compare the notice periods during and after probation", "agent": "research"}
    for event in agent.stream(asked, config={"configurable": {**thread, "approve_plan": True}}):
        if event["type"] == "interrupt":
            print(f"  planned: {event['value']['sub_questions']}")
    changed = {"sub_questions": ["What is the notice period after probation?"]}
    show(agent.invoke({"resume": changed}, config={"configurable": thread}))


def meet_an_error(agent: Agent) -> None:
    """Errors are `application/problem+json` with a stable `code`."""
    print("\n# an error")
    try:
        agent.invoke({"question": ""})
    except httpx.HTTPStatusError as error:
        problem = error.response.json()
        print(f"  refused with {error.response.status_code} {problem['code']}: {problem['detail']}")


async def ask_asynchronously(agent: Agent) -> None:
    print("\n# ainvoke")
    show(await agent.ainvoke({"question": "Who audits the accounts of Larkfield?", "agent": "qa"}))
    print("\n# astream")
    async for event in agent.astream({"question": "Summarise the calibration services agreement"}):
        if event["type"] == "status":
            print(f"  … {event['content'].strip()}")
        elif event["type"] == "final":
            show(event)


def main(url: str = DEFAULT_URL) -> None:
    # Without a timeout a server that hangs would hang this program too.
    agent: Agent = RemoteRunnable(f"{url.rstrip('/')}/agent", timeout=150)
    for step in (ask_once, ask_several, watch, converse, approve_a_plan, meet_an_error):
        step(agent)
    asyncio.run(ask_asynchronously(agent))


if __name__ == "__main__":
    main(*sys.argv[1:2])
