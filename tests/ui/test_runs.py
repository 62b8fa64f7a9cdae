"""What a reader does with a run beyond reading it: approve its plan, ask again, ask something else instead."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app.schemas import WaitingPlan
from tests.ui.fake_library import Refusal
from tests.ui.fake_server import FakeService, make_answer, script
from tests.ui.reading import button, texts
from tests.ui.test_ui import ask

PLAN = ["What is the notice period?", "What is the rent?"]
INTERRUPT: dict[str, Any] = {
    "type": "interrupt",
    "content": "- …",
    "thread_id": "t1",
    "run_id": "r1",
    "id": "r1",
    "value": {"sub_questions": PLAN},
}


def ask_for_plan(page: AppTest, service: FakeService) -> None:
    service.events = [INTERRUPT]
    page.run()
    page.sidebar.toggle(key="approve_plans").set_value(True)
    ask(page, "Compare notice and rent")
    assert not page.exception


def plan_field(page: AppTest) -> Any:
    return next(field for field in page.text_area if field.label.startswith("What the research"))


def test_a_plan_is_changed_and_carried_out(page: AppTest, service: FakeService) -> None:
    ask_for_plan(page, service)
    assert service.plans_to_approve == [page.query_params["thread"]]
    assert "waits for your approval" in texts(page.chat_message[1])
    assert plan_field(page).value == "\n".join(PLAN)

    service.events = script(make_answer(agent="research"))
    plan_field(page).set_value(f"{PLAN[0]}\n\n  What is the deposit? ")
    button(page, "Research this").click()
    page.run()
    resumed, thread = service.asked[1]
    assert resumed == {"resume": {"sub_questions": [PLAN[0], "What is the deposit?"]}}
    assert thread == page.query_params["thread"]
    assert len(page.chat_message) == 2
    assert "Two months after probation" in texts(page.chat_message[1])
    assert "Research this" not in [found.label for found in page.button]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (" \n", "nothing to look for"),
        ("x\n" * 9, "9 questions"),
        ("x" * 1_001, "more than 1,000 characters"),
    ],
)
def test_a_plan_that_would_be_refused_is_not_sent(
    page: AppTest, service: FakeService, written: str, problem: str
) -> None:
    ask_for_plan(page, service)
    plan_field(page).set_value(written)
    button(page, "Research this").click()
    page.run()
    assert problem in page.main.error[0].value
    assert len(service.asked) == 1


def test_a_plan_is_discarded(page: AppTest, service: FakeService) -> None:
    ask_for_plan(page, service)
    thread = page.query_params["thread"]
    service.waiting[thread] = WaitingPlan(thread_id=thread, question="Compare", sub_questions=PLAN)
    button(page, "Discard").click()
    page.run()
    assert not page.chat_message
    assert not service.waiting


def test_a_plan_waits_for_the_next_visit(page: AppTest, service: FakeService) -> None:
    service.waiting["t9"] = WaitingPlan(thread_id="t9", question="Compare both", sub_questions=PLAN)
    service.events = script(make_answer(agent="research"))
    page.query_params["thread"] = "t9"
    page.run()
    assert page.chat_message[0].text[0].value == "Compare both"
    button(page, "Research this").click()
    page.run()
    assert service.asked == [({"resume": {"sub_questions": PLAN}}, "t9")]
    assert "Two months after probation" in texts(page.chat_message[1])


def test_a_plan_that_was_carried_out_elsewhere_says_so(page: AppTest, service: FakeService) -> None:
    ask_for_plan(page, service)
    service.refuse_run = Refusal(409, "nothing_to_resume", "No research waits")
    button(page, "Research this").click()
    page.run()
    assert page.main.error[0].value == "No research waits"


def test_another_question_leaves_the_plan_undone(page: AppTest, service: FakeService) -> None:
    ask_for_plan(page, service)
    service.events = script(make_answer())
    ask(page, "Something else?")
    page.run()
    assert "Stopped before the end" in texts(page.chat_message[1])
    assert "Research this" not in [found.label for found in page.button]


def edit(page: AppTest, number: int, question: str) -> None:
    fields = [field for field in page.text_area if field.label == "Ask this instead"]
    fields[number - 1].set_value(question)
    [found for found in page.button if found.label == "Ask"][number - 1].click()
    page.run()
    assert not page.exception


def test_an_edited_first_question_begins_a_conversation(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "First?")
    before = page.query_params["thread"]
    edit(page, 1, "  First, but better? ")
    assert [asked["question"] for asked, _ in service.asked] == ["First?", "First, but better?"]
    assert page.query_params["thread"] == service.asked[1][1] != before
    assert [message.text[0].value for message in page.chat_message[::2]] == ["First, but better?"]
    assert not service.forked


def test_an_edited_later_question_goes_on_in_a_copy(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    for question in ("First?", "Second?", "Third?"):
        ask(page, question)
    before = page.query_params["thread"]
    edit(page, 2, "Other?")
    assert service.forked == [(before, 1)]
    assert service.asked[-1] == (
        {"question": "Other?", "agent": "auto", "mode": "auto"},
        f"{before}-fork",
    )
    assert page.query_params["thread"] == f"{before}-fork"
    assert [message.text[0].value for message in page.chat_message[::2]] == ["First?", "Other?"]


def test_a_question_that_got_no_answer_is_changed_in_place(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "First?")
    service.events = [{"type": "error", "code": "x", "content": "Too slow"}]
    ask(page, "Second?")
    service.events = script(make_answer())
    before = page.query_params["thread"]
    edit(page, 2, "Shorter?")
    assert page.query_params["thread"] == before
    assert not service.forked
    assert [message.text[0].value for message in page.chat_message[::2]] == ["First?", "Shorter?"]


def test_an_empty_question_changes_nothing(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "First?")
    edit(page, 1, "  ")
    assert len(service.asked) == 1
    assert len(page.chat_message) == 2


def test_an_answer_that_came_after_all_is_shown(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())[:-1]
    page.run()
    ask(page, "Why?")
    assert "broke off" in page.main.error[0].value
    answer = make_answer(answer="Because [1].").model_dump(mode="json")
    service.turns[page.query_params["thread"]] = [{"question": "Why?", "answer": answer}]
    page.run()
    assert not page.main.error
    assert len(page.chat_message) == 2
    assert "Because" in texts(page.chat_message[1])


def test_a_plan_that_another_tab_carried_out_first_is_not_run_twice(
    page: AppTest, service: FakeService
) -> None:
    ask_for_plan(page, service)
    thread = page.query_params["thread"]
    del service.waiting[thread]
    answer = make_answer(run_id="elsewhere").model_dump(mode="json")
    service.turns[thread] = [{"question": "Compare notice and rent", "answer": answer}]
    button(page, "Research this").click()
    page.run()
    assert len(service.asked) == 1
    assert "Two months after probation" in texts(page.chat_message[1])


def test_choices_last_when_another_page_was_looked_at(page: AppTest, service: FakeService) -> None:
    service.mode = "llm"
    service.events = script(make_answer())
    page.run()
    page.sidebar.selectbox[0].select("research")
    for choice in ("approve_plans", "demo_only"):
        page.sidebar.toggle(key=choice).set_value(True)
    page.run()
    chat = page._finished_page_script_hash
    page._page_hash = calc_hash("documents")
    page.run()
    assert page.title[0].value == "Documents"
    page._page_hash = chat
    page.run()
    ask(page, "Why?")
    assert service.asked[0][0] == {"question": "Why?", "agent": "research", "mode": "demo"}
    assert service.plans_to_approve == [service.asked[0][1]]
