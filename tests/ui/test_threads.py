"""The list of conversations beside the chat, and what a page takes over of what happened elsewhere."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from app.schemas import WaitingPlan
from tests.ui.fake_library import Refusal
from tests.ui.fake_server import FakeService, make_answer, script
from tests.ui.reading import button, texts
from tests.ui.test_runs import plan_field
from tests.ui.test_ui import ask


def past(question: str, run_id: str, **changes: Any) -> dict[str, Any]:
    return {"question": question, "answer": make_answer(run_id=run_id, **changes).model_dump(mode="json")}


def listed(page: AppTest) -> list[str]:
    return [found.key for found in page.sidebar.button if str(found.key).startswith("thread-")]


def questions(page: AppTest) -> list[str]:
    return [message.text[0].value for message in page.chat_message[::2]]


def test_conversations_are_listed_opened_and_searched(page: AppTest, service: FakeService) -> None:
    service.turns = {f"t{number}": [past(f"Question {number}?", f"r{number}")] for number in range(10)}
    page.run()
    assert listed(page) == [f"thread-t{number}" for number in range(9, 1, -1)]
    button(page, "More conversations").click()
    page.run()
    assert len(listed(page)) == 10
    page.sidebar.button(key="thread-t4").click()
    page.run()
    assert page.query_params["thread"] == "t4"
    assert questions(page) == ["Question 4?"]
    page.sidebar.text_input(key="thread_query").set_value("QUESTION 7")
    page.run()
    assert listed(page) == ["thread-t7"]
    page.sidebar.text_input(key="thread_query").set_value("nothing like it")
    page.run()
    assert "No conversation has this in its title" in texts(page.sidebar)


def test_a_new_conversation_is_in_the_list_when_it_is_answered(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    assert listed(page) == []
    ask(page, "First?")
    assert listed(page) == [f"thread-{page.query_params['thread']}"]


def test_a_plan_that_waits_is_in_the_list(page: AppTest, service: FakeService) -> None:
    service.turns = {"t1": [past("First?", "r1")]}
    service.waiting["t9"] = WaitingPlan(thread_id="t9", question="Compare both", sub_questions=["What?"])
    page.run()
    assert listed(page) == ["thread-t9", "thread-t1"]
    assert "a plan waits" in page.sidebar.button(key="thread-t9").label
    assert "a plan waits" not in page.sidebar.button(key="thread-t1").label
    page.sidebar.button(key="thread-t9").click()
    page.run()
    assert not page.exception
    assert questions(page) == ["Compare both"]
    assert plan_field(page).value == "What?"
    assert "Fork" not in [found.label for found in page.sidebar.button]
    button(page, "Delete this conversation").click()
    page.run()
    assert listed(page) == ["thread-t1"]


def test_each_conversation_has_its_own_fields(page: AppTest, service: FakeService) -> None:
    for thread, question in (("t8", "Compare the rents"), ("t9", "Compare both")):
        plan = WaitingPlan(thread_id=thread, question=question, sub_questions=[f"{question}?"])
        service.waiting[thread] = plan
    page.query_params["thread"] = "t8"
    page.run()
    plan_field(page).set_value("Changed")
    page.run()
    page.sidebar.button(key="thread-t9").click()
    page.run()
    assert plan_field(page).value == "Compare both?"
    (instead,) = [field for field in page.text_area if field.label == "Ask this instead"]
    assert instead.value == "Compare both"


def open_one(page: AppTest, service: FakeService) -> None:
    service.turns = {"t1": [past("First?", "r1"), past("Second?", "r2")]}
    page.query_params["thread"] = "t1"
    page.run()
    assert not page.exception


def test_the_open_conversation_is_renamed(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    page.sidebar.text_input(key="title-t1").set_value("  ![x](http://e.example) rent ")
    button(page, "Save").click()
    page.run()
    assert service.titles == {"t1": "![x](http://e.example) rent"}
    assert "](http" not in page.sidebar.button(key="thread-t1").label
    page.sidebar.text_input(key="title-t1").set_value("  ")
    button(page, "Save").click()
    page.run()
    assert "at least one letter" in page.error[0].value


def test_the_open_conversation_is_forked(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    button(page, "Fork").click()
    page.run()
    assert service.forked == [("t1", 2)]
    assert page.query_params["thread"] == "t1-fork"
    assert questions(page) == ["First?", "Second?"]


def test_a_conversation_is_forked_at_any_of_its_answers(page: AppTest, service: FakeService) -> None:
    service.turns = {"t1": [past(f"Question {number}?", f"r{number}") for number in range(1, 31)]}
    service.events = [{"type": "error", "code": "x", "content": "Too slow"}]
    page.query_params["thread"] = "t1"
    page.run()
    ask(page, "Unanswered?")
    page.button(key="fork_from-r25").click()
    page.run()
    assert service.forked == [("t1", 25)]
    assert page.query_params["thread"] == "t1-fork"
    assert questions(page)[-1] == "Question 25?"
    assert len(service.turns["t1"]) == 30
    assert [said.value for said in page.toast] == ["This is the copy"]


def test_a_fork_that_fails_says_why_and_stays(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    service.refuse_fork = Refusal(503, "storage_unavailable", "The disk is full")
    page.button(key="fork_from-r2").click()
    page.run()
    assert "The disk is full" in page.error[0].value
    assert page.query_params["thread"] == "t1"


def test_the_open_conversation_is_deleted(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    button(page, "Delete this conversation").click()
    page.run()
    assert service.turns == {}
    assert page.query_params["thread"] != "t1"
    assert not page.chat_message


def test_only_the_newest_turns_are_drawn(page: AppTest, service: FakeService) -> None:
    service.turns = {"t1": [past(f"Question {number}?", f"r{number}") for number in range(1, 46)]}
    page.query_params["thread"] = "t1"
    page.run()
    assert questions(page) == [f"Question {number}?" for number in range(26, 46)]
    button(page, "Earlier turns").click()
    page.run()
    assert len(questions(page)) == 40
    button(page, "Earlier turns").click()
    page.run()
    assert questions(page)[0] == "Question 1?"
    assert "Earlier turns" not in [found.label for found in page.button]


def test_what_was_asked_elsewhere_is_taken_over(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    service.events = [{"type": "error", "code": "x", "content": "Too slow"}]
    ask(page, "Third?")
    service.turns["t1"].append(past("From another tab?", "r9"))
    page.run()
    assert questions(page) == ["First?", "Second?", "Third?", "From another tab?"]
    del service.turns["t1"][0]
    page.run()
    assert questions(page) == ["Second?", "Third?", "From another tab?"]


def test_a_score_and_a_comment_are_sent_and_kept(page: AppTest, service: FakeService) -> None:
    open_one(page, service)
    page.feedback(key="thumbs-r2").set_value(0)
    page.run()
    assert service.turns["t1"][1]["feedback"]["score"] == -1
    page.text_area(key="comment-r2").set_value(" It leaves out the rent. ")
    button(page, "Send").click()
    page.run()
    page.feedback(key="thumbs-r2").set_value(1)
    page.run()
    said = service.turns["t1"][1]["feedback"]
    assert (said["score"], said["comment"]) == (1, "It leaves out the rent.")
    assert not page.exception


def test_what_was_said_of_an_answer_is_there_on_the_next_visit(page: AppTest, service: FakeService) -> None:
    score = {"run_id": "r1", "score": -1, "comment": "Wrong", "given_at": "2026-11-27T08:00:00Z"}
    service.turns = {"t1": [past("First?", "r1") | {"feedback": score}]}
    page.query_params["thread"] = "t1"
    page.run()
    assert page.feedback(key="thumbs-r1").value == 0
    assert page.text_area(key="comment-r1").value == "Wrong"
    page.feedback(key="thumbs-r1").set_value(None)
    page.run()
    assert "feedback" not in service.turns["t1"][0]
