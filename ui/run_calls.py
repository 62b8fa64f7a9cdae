"""What the service is asked about answers: to give one, and to go on with a research."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import httpx

from app.schemas import AgentChoice, ModeChoice, WaitingPlan
from ui.connection import (
    CONNECT_S,
    Connection,
    ServerRefused,
    foreign_errors_translated,
    read_wire,
)
from ui.streams import Streams

if TYPE_CHECKING:
    from langserve import RemoteRunnable

Event = dict[str, Any]

# The service ends a run after its own limit; this only guards against a server that died without closing.
_RUN_S = 150.0


class RunCalls(Connection):
    """`Client` has these calls among others."""

    def close(self) -> None:
        super().close()
        if agent := vars(self).get("_agent"):
            agent.sync_client.close()
            self._streams.close(agent.async_client.aclose)

    def ask(
        self,
        question: str,
        *,
        thread_id: str,
        agent: AgentChoice = "auto",
        mode: ModeChoice = "auto",
        approve_plan: bool = False,
    ) -> Generator[Event | None]:
        """Yield the events of one run as they happen, and None while none does; closing the iterator stops the run."""
        request = {"question": question, "agent": agent, "mode": mode}
        return self._run(request, {"thread_id": thread_id, "approve_plan": approve_plan})

    def resume(self, thread_id: str, sub_questions: Sequence[str]) -> Generator[Event | None]:
        """Go on with the research that waits on a thread; events as `ask` yields them."""
        return self._run({"resume": {"sub_questions": list(sub_questions)}}, {"thread_id": thread_id})

    def waiting_plan(self, thread_id: str) -> WaitingPlan | None:
        """The plan of a research that waits for approval, from this visit or an earlier one."""
        try:
            return read_wire(WaitingPlan, self._request("GET", f"/threads/{thread_id}/plan"))
        except ServerRefused as refusal:
            if refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def discard_plan(self, thread_id: str) -> None:
        self._request("DELETE", f"/threads/{thread_id}/plan")

    def _run(self, request: Mapping[str, Any], choices: Mapping[str, Any]) -> Generator[Event | None]:
        with foreign_errors_translated():
            begin = partial(self._agent.astream, dict(request), {"configurable": dict(choices)})
            with closing(self._streams.read(cast("Callable[[], AsyncGenerator[Event]]", begin))) as events:
                yield from events

    @cached_property
    def _streams(self) -> Streams:
        return Streams()

    @cached_property
    def _agent(self) -> RemoteRunnable[Any, Any]:
        # Importing LangServe takes a second, which the first page should not wait for.
        from langserve import RemoteRunnable

        limits = httpx.Timeout(_RUN_S, connect=CONNECT_S)
        agent: RemoteRunnable[Any, Any] = RemoteRunnable(
            f"{self.api_url}/agent/",
            headers=self._headers,
            timeout=limits,  # type: ignore[arg-type]  # handed on to httpx as it is
        )
        # LangServe raises before the body is read, and with it would go the reason of the refusal.
        agent.async_client.event_hooks = {"response": [_read_error_body]}
        return agent


async def _read_error_body(response: httpx.Response) -> None:
    if response.is_error:
        await response.aread()
