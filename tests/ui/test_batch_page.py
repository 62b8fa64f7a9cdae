"""The page of the batches as a reader meets it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.schemas import BatchResult, ProblemInfo
from tests.ui.fake_library import Refusal, make_job
from tests.ui.fake_server import FakeService, make_answer
from tests.ui.reading import button, texts

Open = Callable[..., AppTest]
TABLE = b"question\nWhat is the notice period?\n"


def result(number: int, question: str = "What?") -> BatchResult:
    return BatchResult(number=number, question=question, state="done", answer=make_answer())


def batch_progress(done: int, total: int) -> dict[str, object]:
    return {"done": done, "total": total, "stage": "answering", "unit": "questions"}


def test_a_table_of_questions_is_answered(open_page: Open, service: FakeService) -> None:
    service.library.results = [
        result(1, "What [is] the notice\u2028period?"),
        BatchResult(
            number=2, question="", state="failed", problem=ProblemInfo(code="x", detail="It is empty [sic]")
        ),
    ]
    page = open_page("batch")
    assert button(page, "Ask all questions").disabled
    page.file_uploader[0].set_value([("q.csv", TABLE, "text/csv")])
    page.run()
    button(page, "Ask all questions").click()
    page.run()
    assert service.library.batches == [(TABLE, "text/csv")]
    assert page.query_params == {"batch": "b1"}
    assert [row.label for row in page.expander] == [r"1\. What \[is\] the notice period\?", r"2\. "]
    page.session_state["result-b1-1"] = page.session_state["result-b1-2"] = True
    page.run()
    assert r"Two months after probation [\[1\]](#source-" in texts(page.expander[0])
    assert page.error[0].value == r"It is empty \[sic\]"
    assert [found.label for found in page.get("download_button")[1:]] == ["Download CSV", "Download JSON"]


def test_what_the_documents_do_not_answer_is_seen_at_a_glance(open_page: Open, service: FakeService) -> None:
    nothing = make_answer(refused=True, citations=[], answer="The documents do not answer this question.")
    service.library.results = [
        result(1, "What is the notice period?"),
        BatchResult(number=2, question="Who is king?", state="done", answer=nothing),
    ]
    service.library.jobs = [make_job("b1", progress=batch_progress(2, 2))]
    page = open_page("batch")
    assert [row.icon for row in page.expander] == [":material/check_circle:", ":material/search_off:"]


def test_a_table_that_is_refused_is_explained(open_page: Open, service: FakeService) -> None:
    service.library.refuse_batch = Refusal(422, "invalid_request", "There is no column")
    page = open_page("batch")
    page.file_uploader[0].set_value([("q.csv", b"a,b\n", "text/csv")])
    page.run()
    button(page, "Ask all questions").click()
    page.run()
    assert page.error[0].value == r"This file was not accepted\: There is no column"


def test_a_batch_shows_how_far_it_is_and_can_be_cancelled(open_page: Open, service: FakeService) -> None:
    service.library.jobs = [make_job("b1", state="running", progress=batch_progress(3, 12), eta_s=100)]
    page = open_page("batch", batch="b1")
    (bar,) = page.get("progress")
    assert bar.proto.text == "Answering · 3 of 12 questions · about 2 min left"
    button(page, "Cancel").click()
    page.run()
    assert service.library.cancelled == ["b1"]
    page.run()
    assert "**Cancelled before all of 12 questions were answered**" in texts(page.main)
    button(page, "Answer the rest").click()
    page.run()
    assert service.library.resumed == ["b1"]


def test_the_address_names_the_batch_and_another_can_be_chosen(open_page: Open, service: FakeService) -> None:
    service.library.jobs = [
        make_job("b2", progress=batch_progress(1, 1)),
        make_job("files"),
        make_job("b1", progress=batch_progress(45, 45)),
    ]
    service.library.results = [result(number) for number in range(1, 46)]
    page = open_page("batch", batch="b1", answers_page="3")
    assert [row.label for row in page.expander] == [rf"{number}\. What\?" for number in range(41, 46)]
    for index, job_id in ((0, "b2"), (1, "b1"), (0, "b2")):
        page.selectbox[0].select_index(index)
        page.run()
        assert page.query_params == {"batch": job_id}


def test_a_batch_that_does_not_exist_gives_the_newest(open_page: Open, service: FakeService) -> None:
    service.library.jobs = [make_job("b2", progress=batch_progress(1, 1))]
    page = open_page("batch", batch="<script>")
    assert page.query_params == {"batch": "b2"}
    assert not page.exception
