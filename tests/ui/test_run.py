from __future__ import annotations

from tests.ui.fake_server import final, make_answer, script
from ui.run import Run


def test_a_run_collects_tokens_and_ends_with_the_answer() -> None:
    run = Run()
    events = script(make_answer())
    for event in events[:-1]:
        run.apply(event)
    assert (run.text, run.agent, run.reason) == (
        "Two months after probation [1].",
        "qa",
        "It asks for one fact.",
    )
    assert not run.is_finished


def test_the_final_event_is_the_answer_and_may_hold_fields_of_a_later_version() -> None:
    run = Run()
    run.apply(final(make_answer()))
    assert run.is_finished
    assert run.answer == make_answer()


def test_a_reset_voids_the_tokens_so_far() -> None:
    run = Run()
    run.apply({"type": "token", "content": "half an ans"})
    run.apply({"type": "status", "content": "Quoting the documents", "reset": True})
    run.apply({"type": "token", "content": "whole"})
    assert (run.text, run.step) == ("whole", "Quoting the documents")


def test_progress_is_a_share_and_ends_with_its_step() -> None:
    run = Run()
    run.apply({"type": "status", "content": "Reading", "done": 3, "total": 4})
    assert run.progress == 0.75
    run.apply({"type": "status", "content": "Writing"})
    assert run.progress is None


def test_the_final_text_replaces_what_was_streamed() -> None:
    run = Run()
    run.apply({"type": "token", "content": "Draft [7]"})
    run.apply(final(make_answer(answer="Checked [1]")))
    assert run.text == "Checked [1]"


def test_events_of_a_later_version_change_nothing() -> None:
    run = Run()
    run.apply({"type": "hologram", "content": "?"})
    assert run == Run()
