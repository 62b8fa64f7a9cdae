"""The conversations of the stand-in for the service: those that tests put there and those that were held with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from app.schemas import Feedback, FeedbackRequest, ForkRequest, RenameRequest, ThreadInfo, ThreadPage
from tests.ui.fake_library import MOMENT, Refusal

if TYPE_CHECKING:
    from tests.ui.fake_server import FakeService


def add_thread_routes(app: FastAPI, service: FakeService) -> None:
    def info(thread_id: str) -> ThreadInfo:
        turns, waiting = service.turns.get(thread_id, []), service.waiting.get(thread_id)
        if not turns and waiting is None:
            raise Refusal(404, "unknown_thread", "There is no such thread")
        question = turns[0]["question"] if turns else waiting.question if waiting else ""
        return ThreadInfo(
            thread_id=thread_id,
            title=service.titles.get(thread_id) or question,
            created_at=MOMENT,
            updated_at=MOMENT,
            turn_count=len(turns),
            waits=waiting is not None,
        )

    @app.get("/threads")
    async def list_threads(limit: int, offset: int = 0, q: str = "") -> ThreadPage:
        known = list(dict.fromkeys([*service.turns, *service.waiting]))
        found = [info(thread_id) for thread_id in reversed(known)]
        found = [thread for thread in found if q.lower() in thread.title.lower()]
        end = offset + limit
        return ThreadPage(
            threads=found[offset:end], total=len(found), next_offset=end if end < len(found) else None
        )

    @app.get("/threads/{thread_id}")
    async def thread(thread_id: str, last: int) -> dict[str, Any]:
        fields = info(thread_id).model_dump(mode="json")
        return fields | {"turns": service.turns.get(thread_id, [])[-last:]}

    @app.patch("/threads/{thread_id}")
    async def rename(thread_id: str, body: RenameRequest) -> ThreadInfo:
        service.titles[thread_id] = body.title
        return info(thread_id)

    @app.delete("/threads/{thread_id}", status_code=204)
    async def delete(thread_id: str) -> None:
        info(thread_id)
        service.turns.pop(thread_id, None)
        service.waiting.pop(thread_id, None)

    @app.post("/threads/{thread_id}/fork", status_code=201)
    async def fork(thread_id: str, body: ForkRequest) -> ThreadInfo:
        if service.refuse_fork:
            raise service.refuse_fork
        service.forked.append((thread_id, body.after_turn))
        service.turns[f"{thread_id}-fork"] = service.turns[thread_id][: body.after_turn]
        return info(f"{thread_id}-fork")

    @app.get("/threads/{thread_id}/export")
    async def export(thread_id: str, format: str) -> PlainTextResponse:  # noqa: A002  # the name on the wire
        return PlainTextResponse(f"{format} of {info(thread_id).title}")


def add_feedback_routes(app: FastAPI, service: FakeService) -> None:
    def turn_of(run_id: str) -> dict[str, Any]:
        for turn in (turn for turns in service.turns.values() for turn in turns):
            if turn["answer"]["run_id"] == run_id:
                return turn
        raise Refusal(404, "unknown_run", "There is no such run")

    @app.post("/feedback")
    async def give(body: FeedbackRequest) -> Feedback:
        given = Feedback(**body.model_dump(), given_at=MOMENT)
        turn_of(body.run_id)["feedback"] = given.model_dump(mode="json")
        return given

    @app.delete("/feedback/{run_id}", status_code=204)
    async def withdraw(run_id: str) -> None:
        del turn_of(run_id)["feedback"]
