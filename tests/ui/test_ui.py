"""The page as a reader meets it, in front of a service with scripted answers."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.fake_library import Refusal
from tests.ui.fake_server import QUOTE, FakeService, make_answer, make_document, script
from tests.ui.reading import button, texts


def ask(page: AppTest, question: str) -> AppTest:
    page.chat_input[0].set_value(question)
    return page.run()


def assert_no_traceback(page: AppTest) -> None:
    assert not page.exception


def test_the_first_screen_without_documents_asks_for_one(page: AppTest) -> None:
    page.run()
    assert "Add a document" in texts(page.main)
    (uploader,) = page.main.file_uploader
    assert sorted(uploader.proto.type) == [".htm", ".html", ".md", ".pdf", ".txt"]
    assert_no_traceback(page)


def test_the_first_screen_offers_questions_about_the_documents(page: AppTest, service: FakeService) -> None:
    service.documents = [
        make_document("plan.md"),
        make_document("employee-handbook.md", document_id="d2"),
        make_document("broken.pdf", document_id="d3", status="failed"),
    ]
    service.events = script(make_answer())
    page.run()
    labels = [button.label for button in page.main.button]
    assert labels == [r"What is the notice period after probation\?", r"Summarise plan\.md"]
    page.main.button[1].click()
    page.run()
    assert [asked["question"] for asked, _ in service.asked] == ["Summarise plan.md"]
    assert "Two months after probation" in texts(page.main)


def test_an_answer_shows_agent_mode_and_sources(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "What is the notice period?")
    shown = texts(page.chat_message[1])
    assert r'Two months after probation [\[1\]](#source-r1-1 "Show source 1").' in shown
    assert page.chat_message[1].get("link_button")[0].proto.url == "#source-r1-1"
    assert "Demo engine" in shown
    assert "Question answering" in shown
    assert r"Why this agent: It asks for one fact\." in shown
    assert "1 source · 1 verified" in shown
    assert r"handbook\.md**, page 3" in shown
    assert f"“{QUOTE}”" in shown
    assert page.chat_message[0].text[0].value == "What is the notice period?"
    assert_no_traceback(page)


def test_a_source_that_was_not_verified_is_marked(page: AppTest, service: FakeService) -> None:
    citation = make_answer().citations[0].model_copy(update={"verified": False})
    service.events = script(make_answer(citations=[citation]))
    page.run()
    ask(page, "Why?")
    shown = texts(page.chat_message[1])
    assert "1 source · 0 verified" in shown
    assert "not verified" in shown


def test_a_model_is_named_and_a_fallback_is_announced(page: AppTest, service: FakeService) -> None:
    service.mode = "llm"
    service.events = script(make_answer(mode="llm", model="openai:gpt-4o"))
    page.run()
    ask(page, "First?")
    assert r"openai\:gpt\-4o" in texts(page.chat_message[1])
    assert not page.main.warning
    service.events = script(make_answer(degraded=["model_timeout"]))
    ask(page, "Second?")
    assert page.main.warning[0].value == (
        "The demo engine answered instead: the language model did not answer in time."
    )


def test_both_turns_stay_and_go_to_one_thread(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "First?")
    ask(page, "Second?")
    assert [message.text[0].value for message in page.chat_message[::2]] == ["First?", "Second?"]
    threads = {thread for _, thread in service.asked}
    assert threads == {page.query_params["thread"]}


def test_agent_and_mode_are_the_readers_choice(page: AppTest, service: FakeService) -> None:
    service.mode = "llm"
    service.events = script(make_answer())
    page.run()
    page.sidebar.selectbox[0].select("research")
    page.sidebar.toggle(key="demo_only").set_value(True)
    ask(page, "Why?")
    assert service.asked[0][0] == {"question": "Why?", "agent": "research", "mode": "demo"}


def test_reloading_brings_the_conversation_back(page: AppTest, service: FakeService) -> None:
    service.turns = {"t9": [{"question": "What then?", "answer": make_answer().model_dump(mode="json")}]}
    page.query_params["thread"] = "t9"
    page.run()
    assert page.chat_message[0].text[0].value == "What then?"
    assert "Two months after probation" in texts(page.chat_message[1])


def test_a_new_conversation_is_empty_and_has_another_thread(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "First?")
    before = page.query_params["thread"]
    page.sidebar.button[0].click()
    page.run()
    assert len(page.chat_message) == 0
    assert page.query_params["thread"] != before


@pytest.mark.parametrize("address", ["../../etc", "x" * 200, "<script>"])
def test_a_thread_that_cannot_exist_begins_a_new_conversation(page: AppTest, address: str) -> None:
    page.query_params["thread"] = address
    page.run()
    assert page.query_params["thread"] != address
    assert "Add a document" in texts(page.main)
    assert_no_traceback(page)


def test_a_failed_run_says_why_and_can_be_asked_again(page: AppTest, service: FakeService) -> None:
    service.events = [
        {"type": "token", "content": "Half"},
        {"type": "error", "code": "x", "content": "Too [slow]"},
    ]
    page.run()
    ask(page, "Why?")
    assert page.main.error[0].value == r"Too \[slow\]"
    assert "Half" in texts(page.chat_message[1])
    service.events = script(make_answer())
    next(button for button in page.main.button if button.label == "Ask again").click()
    page.run()
    assert len(page.chat_message) == 2
    assert "Two months after probation" in texts(page.chat_message[1])


def test_the_newest_answer_leads_on(page: AppTest, service: FakeService) -> None:
    hostile = "What is said about [this](http://e.example) :red[x]?"
    service.events = script(make_answer(suggestions=["How long is probation?", hostile]))
    page.run()
    ask(page, "What is the notice period?")
    shown = [found.label for found in page.main.button if str(found.key).startswith("suggestion-")]
    assert shown == [
        r"How long is probation\?",
        r"What is said about \[this\]\(`http://e.example`\) \:red\[x\]\?",
    ]
    service.events = script(make_answer(run_id="r2"))
    button(page, r"How long is probation\?").click()
    page.run()
    assert [asked["question"] for asked, _ in service.asked] == [
        "What is the notice period?",
        "How long is probation?",
    ]
    assert not any(str(found.key).startswith("suggestion-") for found in page.main.button)
    assert "You could ask next" not in texts(page.main)
    assert_no_traceback(page)


def test_a_run_that_breaks_off_is_not_taken_for_an_answer(page: AppTest, service: FakeService) -> None:
    service.events = script(make_answer())[:-1]
    page.run()
    ask(page, "Why?")
    assert "broke off" in page.main.error[0].value


def test_a_refused_question_is_explained(page: AppTest, service: FakeService) -> None:
    service.refuse_run = Refusal(409, "thread_busy", "Another answer is being written")
    page.run()
    ask(page, "Why?")
    assert page.main.error[0].value == "Another answer is being written"
    assert_no_traceback(page)


def test_files_are_uploaded_and_each_gets_its_verdict(page: AppTest, service: FakeService) -> None:
    service.uploads = {
        "good.pdf": make_document("good.pdf", pages=12),
        "again.md": make_document("again.md", document_id="d2", duplicate=True),
        "scan.pdf": make_document(
            "scan.pdf",
            document_id="d3",
            status="failed",
            error={"code": "needs_ocr", "detail": "Only images"},
        ),
        "odd.txt": Refusal(415, "unsupported_format", "This is a JPEG"),
    }
    page.run()
    page.sidebar.file_uploader[0].set_value([(name, b"data", "text/plain") for name in service.uploads])
    page.run()
    assert [outcome.value for outcome in page.main.success] == [
        r"**good\.pdf**: 12 pages\, ready for your questions",
        r"**again\.md**: was already there",
    ]
    assert [outcome.value for outcome in page.main.error] == [
        r"**scan\.pdf**: Only images",
        r"**odd\.txt**: This is a JPEG",
    ]
    assert r"**good\.pdf**" in texts(page.sidebar)
    assert page.sidebar.file_uploader[0].value == []


def test_a_file_dropped_into_the_question_is_read_before_it_is_asked_about(
    page: AppTest, service: FakeService
) -> None:
    service.uploads = {"plan.md": make_document("plan.md")}
    service.events = script(make_answer())
    page.run()
    page.chat_input[0].upload("plan.md", b"data", "text/markdown")
    ask(page, "What is the plan?")
    assert page.main.success[0].value == r"**plan\.md**: read\, ready for your questions"
    assert "Two months after probation" in texts(page.chat_message[1])


def test_a_document_is_deleted(page: AppTest, service: FakeService) -> None:
    service.documents = [make_document("plan.md")]
    page.run()
    next(button for button in page.sidebar.button if button.label == "Delete for good").click()
    page.run()
    assert service.deleted == ["d1"]
    assert "None yet" in texts(page.sidebar)


def test_hostile_names_and_answers_are_shown_as_text(page: AppTest, service: FakeService) -> None:
    hostile = "![x](http://e.example/p.png)<b>:red[x]"
    citation = make_answer().citations[0].model_copy(update={"document_name": hostile, "quote": hostile})
    service.documents = [make_document(hostile)]
    service.events = script(make_answer(answer=f"{hostile} [1]", citations=[citation]), reason=hostile)
    page.run()
    ask(page, "Why?")
    markdown = "\n".join(element.value for element in [*page.main.markdown, *page.caption])
    assert "](http" not in markdown
    assert "<b>" not in markdown.replace(r"\<b", "")
    assert ":red[x]" not in markdown


def test_an_unreachable_service_is_said_in_words(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_API_URL", "http://127.0.0.1:9")
    page.run()
    assert "cannot be reached" in page.warning[0].value
    assert "Try again" in [button.label for button in page.button]
    assert_no_traceback(page)


def test_what_was_said_stays_when_the_service_goes_away(
    page: AppTest, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.events = script(make_answer())
    page.run()
    ask(page, "Why?")
    monkeypatch.setenv("LLMOPS_API_URL", "http://127.0.0.1:9")
    page.run()
    assert "Two months after probation" in texts(page.chat_message[1])
    assert "cannot be reached" in page.warning[0].value
