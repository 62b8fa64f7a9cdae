"""Brings what a page shows of a conversation in line with what the service knows of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from app.schemas import WaitingPlan
from ui.client import Client, ServerUnavailable
from ui.conversation import Conversation, Turn
from ui.run import finished_run, waiting_run


def catch_up(client: Client, conversation: Conversation) -> None:
    """Take over what was asked, answered or deleted elsewhere; without the service everything stays as it was.

    Of a turn that got no answer only the page knows: it keeps its place behind the answer that it followed.
    """
    try:
        thread = client.thread(conversation.thread_id, last=conversation.shown)
        waiting = client.waiting_plan(conversation.thread_id)
    except ServerUnavailable:
        return
    past = thread.turns if thread else []
    known = {turn.run.answer.run_id: turn for turn in conversation.turns if turn.run.answer}
    unanswered = _unanswered(conversation.turns, {turn.answer.run_id for turn in past})
    conversation.earlier = (thread.turn_count if thread else 0) - len(past)
    conversation.turns = unanswered[None]
    for turn in past:
        run_id = turn.answer.run_id
        shown = known.get(run_id) or Turn(turn.question, finished_run(turn.answer))
        shown.feedback = turn.feedback
        conversation.turns += [shown, *unanswered[run_id]]
    _take_over_plan(conversation, waiting)


def _unanswered(turns: Sequence[Turn], answered: Collection[str]) -> defaultdict[str | None, list[Turn]]:
    """The turns without an answer, by the run that they followed."""
    found: defaultdict[str | None, list[Turn]] = defaultdict(list)
    before: str | None = None
    for turn in turns:
        if turn.run.answer is None:
            if turn.run.run_id not in answered:
                found[before].append(turn)
        elif turn.run.answer.run_id in answered:
            before = turn.run.answer.run_id
    return found


def _take_over_plan(conversation: Conversation, waiting: WaitingPlan | None) -> None:
    """One may have been carried out or discarded elsewhere, or wait since an earlier visit."""
    undone = [turn.run for turn in conversation.turns if turn.run.answer is None and turn.run.plan]
    if waiting is None:
        conversation.turns = [turn for turn in conversation.turns if not turn.run.waits or turn.run.answer]
        for run in undone:
            run.forget_plan()
    elif not undone:
        conversation.turns.append(Turn(waiting.question, waiting_run(waiting.sub_questions)))
