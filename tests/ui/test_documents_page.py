"""The page of the documents as a reader meets it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.schemas import ExtractionInfo
from tests.ui.fake_library import Refusal, make_job
from tests.ui.fake_server import FakeService, make_document
from tests.ui.reading import button, texts

Open = Callable[..., AppTest]
HOSTILE = "![x](http://e.example/p.png) [c](javascript:alert(1)) <script>alert(1)</script> :red[x].txt"


def drop(page: AppTest, *names: str) -> AppTest:
    page.file_uploader[0].set_value([(name, b"data", "text/plain") for name in names])
    return page.run()


def labels(page: AppTest) -> list[str]:
    return [row.label for row in page.expander]


def test_without_documents_the_page_says_what_to_do(open_page: Open) -> None:
    page = open_page("documents")
    assert "No documents here yet" in page.info[0].value
    assert page.title[0].value == "Documents"
    assert not page.exception


def test_each_file_is_a_job_and_gets_its_verdict(open_page: Open, service: FakeService) -> None:
    broken = {"code": "corrupt_document", "detail": "The PDF is [damaged]"}
    service.uploads = {
        "good.pdf": make_document("good.pdf", pages=12),
        "again.md": make_document("again.md", document_id="d2", duplicate=True),
        "bad.pdf": make_document("bad.pdf", document_id="d3", status="failed", error=broken),
        "odd.txt": Refusal(413, "body_too_large", "The file is too large"),
    }
    page = drop(open_page("documents", collection="default"), *service.uploads)
    assert [names for names, _ in service.library.submitted] == [["good.pdf"], ["again.md"], ["bad.pdf"]]
    assert [place for _, place in service.library.submitted] == ["default"] * 3
    assert [shown.value for shown in page.success] == [
        r"Ready for your questions: **good\.pdf**",
        r"**again\.md**: was already there",
    ]
    assert [shown.value for shown in page.error] == [
        r"odd\.txt\: The file is too large",
        r"**bad\.pdf**: The PDF is \[damaged\]",
    ]
    button(page, "Try those again").click()
    page.run()
    assert service.library.resumed == ["j3"]
    button(page, "Dismiss").click()
    page.run()
    assert not page.success


def test_what_is_being_read_shows_how_far_it_is(open_page: Open, service: FakeService) -> None:
    document = make_document("long [1].pdf", status="embedding")
    progress = {"done": 30, "total": 120, "stage": "embedding", "unit": "chunks"}
    service.library.jobs = [make_job("j1", document, state="running", progress=progress, eta_s=8.2)]
    page = open_page("documents")
    assert "Reading 1 file" in texts(page.main)
    (bar,) = page.get("progress")
    assert bar.proto.text == r"long \[1\]\.pdf · indexing · 30 of 120 passages · about 8 s left"
    assert bar.proto.value == 25


def test_a_job_can_be_cancelled(open_page: Open, service: FakeService) -> None:
    document = make_document("long.pdf", status="parsing")
    progress = {"done": 0, "total": 1, "stage": "parsing", "unit": "documents"}
    service.library.jobs = [make_job("j1", document, state="running", progress=progress)]
    page = open_page("documents")
    button(page, "Cancel").click()
    page.run()
    assert service.library.cancelled == ["j1"]
    assert not page.exception


def test_a_job_is_not_forgotten_when_many_came_after_it(open_page: Open, service: FakeService) -> None:
    service.uploads = {"first.md": make_document("first.md", status="parsing")}
    page = drop(open_page("documents"), "first.md")
    (reading,) = service.library.jobs
    later = [make_job(f"later{number}") for number in range(100)]
    service.library.jobs = [*later, reading]
    page.run()
    assert "Reading 1 file" in texts(page.main)
    service.library.jobs = [*later, make_job(reading.job_id, make_document("first.md"))]
    page.run()
    assert page.success[0].value == r"Ready for your questions: **first\.md**"


def test_the_service_searches_and_filters(open_page: Open, service: FakeService) -> None:
    service.documents = [
        make_document("plan.md"),
        make_document("lease.pdf", document_id="d2", collection="leases"),
        make_document("scan.pdf", document_id="d3", status="failed"),
    ]
    service.library.collections = ["default", "leases"]
    page = open_page("documents", collection="leases", name="lease")
    assert len(labels(page)) == 1
    assert service.library.asked[-1] == {"collection": "leases", "status": None, "name": "lease"}
    page.text_input[-1].set_value("")
    page.selectbox[0].select("All collections")
    page.segmented_control[0].set_value("Failed")
    page.run()
    assert [label.split(" ")[0] for label in labels(page)] == [r"scan\.pdf"]
    assert page.query_params == {"status": "Failed"}
    page.text_input[-1].set_value("nothing like it")
    page.run()
    assert "No document fits" in page.info[0].value


def test_a_long_list_has_pages_and_the_address_keeps_them(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document(f"n{number}.md", document_id=f"d{number}") for number in range(45)]
    page = open_page("documents", page="3")
    assert [label.split(" ")[0] for label in labels(page)] == [rf"n{number}\.md" for number in range(40, 45)]
    page.get("pagination")[0].set_value(2)
    page.run()
    assert page.query_params == {"page": "2"}
    page.text_input[-1].set_value("n1")
    page.run()
    assert page.query_params == {"name": "n1"}
    assert len(labels(page)) == 11


@pytest.mark.parametrize(
    "address", [{"page": "x"}, {"page": "99"}, {"status": "?"}, {"name": "x" * 999}, {"collection": "../"}]
)
def test_an_address_that_makes_no_sense_is_put_right(
    open_page: Open, service: FakeService, address: dict[str, str]
) -> None:
    service.documents = [make_document("plan.md")]
    page = open_page("documents", **address)
    assert not page.exception
    assert not page.error


def test_a_document_tells_what_could_be_read_of_it(open_page: Open, service: FakeService) -> None:
    service.documents = [
        make_document(
            "scan.pdf",
            pages=5,
            pages_without_text=2,
            keywords=["heron", "rent [x]"],
            warnings=["no text on pages 2-3: pictures alone, or they need OCR"],
            extraction=ExtractionInfo(dropped=["hidden parts were left out"]),
        )
    ]
    page = open_page("documents")
    page.session_state["document-d1"] = True
    page.run()
    shown = texts(page.expander[0])
    assert "3 of 5 pages have text; 3 passages can be searched." in shown
    assert [warning.value for warning in page.warning] == [
        r"No text on pages 2\-3\: pictures alone\, or they need OCR\.",
        r"Hidden parts were left out\.",
    ]
    assert r":gray-badge[heron] :gray-badge[rent \[x\]]" in shown
    assert page.get("download_button")[0].label == "Download the original"


def test_a_document_is_deleted_only_when_that_is_confirmed(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document("plan.md")]
    page = open_page("documents")
    page.session_state["document-d1"] = True
    page.run()
    assert "cannot be undone" in texts(page.expander[0])
    button(page, "Delete for good").click()
    page.run()
    assert service.deleted == ["d1"]
    assert page.toast[0].value == r"plan\.md is deleted"


def test_a_document_is_read_again(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document("plan [1].md")]
    service.rereadings = {"d1": make_document("plan [1].md", reindexing={"status": "queued"})}
    page = open_page("documents")
    page.session_state["document-d1"] = True
    page.run()
    button(page, "Read again").click()
    page.run()
    assert page.toast[0].value == r"plan \[1\]\.md is being read again"
    assert "Reading 1 file" in texts(page.main)
    assert "ready, being read again" in labels(page)[0]
    page.session_state["document-d1"] = True
    page.run()
    assert button(page, "Read again").disabled

    service.documents = [make_document("plan [1].md")]
    service.library.jobs = [make_job("j1", *service.documents)]
    page.run()
    page.session_state["document-d1"] = True
    page.run()
    assert page.success[0].value == r"Ready for your questions: **plan \[1\]\.md**"
    assert not button(page, "Read again").disabled


def test_a_reading_that_failed_again_is_not_called_a_success(open_page: Open, service: FakeService) -> None:
    reason = "reading it again failed, so what was read before still counts: it took [too] long"
    service.documents = [make_document("plan.md")]
    service.rereadings = {
        "d1": make_document(
            "plan.md",
            warnings=[reason],
            reindexing={"status": "failed", "error": {"code": "x", "detail": "it took [too] long"}},
        )
    }
    page = open_page("documents")
    page.session_state["document-d1"] = True
    page.run()
    button(page, "Read again").click()
    page.run()
    assert not page.success
    assert page.error[0].value == (
        r"**plan\.md**: was not read again\, so what was read before still counts\: it took \[too\] long"
    )
    assert r"it took \[too\] long" in page.warning[0].value
    assert labels(page)[0].count("ready") == 1
    assert not button(page, "Read again").disabled
    button(page, "Try those again").click()
    page.run()
    assert service.library.resumed == ["j1"]


def test_what_is_read_twice_gets_one_verdict_the_last(open_page: Open, service: FakeService) -> None:
    bad = make_document(
        "bad.pdf", status="failed", error={"code": "corrupt_document", "detail": "It is torn"}
    )
    service.documents = [bad]
    service.uploads = {"bad.pdf": bad}
    service.rereadings = {"d1": bad}
    page = drop(open_page("documents"), "bad.pdf")
    page.session_state["document-d1"] = True
    page.run()
    button(page, "Read again").click()
    page.run()
    assert len(service.library.jobs) == 2
    assert [shown.value for shown in page.error].count("**bad\\.pdf**: It is torn") == 1
    button(page, "Try those again").click()
    page.run()
    assert service.library.resumed == ["j2"]


def test_why_a_document_cannot_be_read_again_is_said(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document("plan.md")]
    service.rereadings = {"d1": Refusal(404, "missing_original", "The original is not on the disk any more")}
    page = open_page("documents")
    page.session_state["document-d1"] = True
    page.run()
    button(page, "Read again").click()
    page.run()
    assert page.error[0].value == "The original is not on the disk any more"
    assert not page.toast


def test_collections_are_created_chosen_and_deleted(open_page: Open, service: FakeService) -> None:
    page = open_page("documents")
    page.text_input(key="new_collection").set_value("leases")
    button(page, "Create").click()
    page.run()
    assert service.library.collections == ["default", "leases"]
    assert page.query_params == {"collection": "leases"}
    assert "**leases** with 0 documents" in texts(page.main)
    page.text_input(key="new_collection").set_value("leases")
    button(page, "Create").click()
    page.run()
    assert page.error[0].value == r"There is a collection \'leases\' already"
    button(page, "Delete for good").click()
    page.run()
    assert service.library.collections == ["default"]
    assert page.query_params == {}


def test_pasted_text_is_added(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document("Note")]
    page = open_page("documents", collection="default")
    button(page, "Add this text").click()
    page.run()
    assert "no text to add" in page.error[0].value
    page.text_input(key="pasted_name").set_value(" Note ")
    page.text_area[0].set_value("Herons <b>eat</b> fish.")
    button(page, "Add this text").click()
    page.run()
    (request,) = service.library.texts
    assert request.collection == "default"
    assert [(text.name, text.text) for text in request.documents] == [("Note", "Herons <b>eat</b> fish.")]
    assert page.text_area[0].value == ""


def test_hostile_names_warnings_and_keywords_stay_text(open_page: Open, service: FakeService) -> None:
    error = {"code": "x", "detail": HOSTILE}
    document = make_document(HOSTILE, status="failed", warnings=[HOSTILE], keywords=[HOSTILE], error=error)
    service.documents = [document]
    service.uploads = {"a.txt": document}
    page = open_page("documents")
    page.session_state["document-d1"] = True
    shown = texts(drop(page, "a.txt").main)
    assert "](http" not in shown
    assert "](javascript" not in shown
    assert "<script>" not in shown.replace(r"\<script", "")
    assert ":red[x]" not in shown


def test_an_unreachable_service_is_said_in_words(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_API_URL", "http://127.0.0.1:9")
    page = open_page("documents")
    assert "cannot be reached" in page.warning[0].value
    assert not page.exception
