"""Pictures of pages over HTTP: the words that were asked for are yellow, and nothing of it stays after a deletion."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.fixtures.documents import make_pdf, make_pdf_with_text_above_the_page
from tests.live import make_settings, running
from tests.pictures import Picture, read_png

PAGES = ["The first page is short.", "The notice period is six weeks.\nThe notice period ends.\nRent is due."]


def upload(server: httpx.Client, data: bytes, name: str = "lease.pdf") -> str:
    document = server.post("/upload?wait=true", files=[("files", (name, data))]).json()["documents"][0]
    return str(document["document_id"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One of its own: others ask the shared one about what it holds."""
    with running(make_settings(tmp_path_factory.mktemp("pictures"))) as client:
        yield client


@pytest.fixture(scope="module")
def lease(server: httpx.Client) -> str:
    return upload(server, make_pdf(PAGES))


def span_of(server: httpx.Client, document_id: str, quote: str) -> dict[str, int]:
    start = server.get(f"/documents/{document_id}/text").text.rindex(quote)
    return {"start": start, "end": start + len(quote)}


def draw(server: httpx.Client, document_id: str, number: int, **query: Any) -> tuple[Picture, str]:
    response = server.get(f"/documents/{document_id}/pages/{number}.png", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return read_png(response.content), response.headers["x-highlight"]


def test_the_words_asked_for_are_marked_where_they_stand(server: httpx.Client, lease: str) -> None:
    # On the second of three lines that begin at 50 of 600 points, 76 of 800 from the top.
    picture, highlight = draw(server, lease, 2, **span_of(server, lease, "notice period ends."))

    assert highlight == "whole"
    assert picture.size == (1200, 1600)
    marked = picture.yellow()
    assert marked is not None
    left, top, right, bottom = marked
    assert 0.11 < left < 0.13
    assert 0.27 < right < 0.31
    assert 0.075 < top < bottom < 0.105


def test_without_a_span_nothing_is_marked(server: httpx.Client, lease: str) -> None:
    picture, highlight = draw(server, lease, 2)

    assert (picture.yellow(), highlight) == (None, "none")
    assert (picture.pixels < 100).any()


def test_a_span_over_two_pages_is_marked_on_either(server: httpx.Client, lease: str) -> None:
    text = server.get(f"/documents/{lease}/text").text
    for number in (1, 2):
        picture, highlight = draw(server, lease, number, start=0, end=len(text))
        assert (highlight, picture.yellow() is not None) == ("whole", True)


def test_a_turned_page_is_marked_where_its_words_are(fresh_server: httpx.Client) -> None:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(600, 800))
    canvas.setPageRotation(90)  # reportlab then takes the page as 800 wide and 600 high, before it is turned
    canvas.drawString(50, 580, "Words near the upper edge.")
    canvas.save()
    document = upload(fresh_server, target.getvalue())
    picture, highlight = draw(fresh_server, document, 1, start=0, end=5)

    assert (highlight, picture.size) == ("whole", (1200, 1600))
    marked = picture.yellow()
    assert marked is not None
    assert marked[0] > 0.9  # what was up is on the right now


@pytest.mark.parametrize("size", [(14_400, 14_400), (14_400, 3), (2, 2)])
def test_pages_of_any_size_give_a_picture_of_bounded_size(
    fresh_server: httpx.Client, size: tuple[float, float]
) -> None:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=size)
    canvas.setFont("Helvetica", 1)
    canvas.drawString(0.2, 0.5, "Words")
    canvas.save()
    document = upload(fresh_server, target.getvalue())

    assert max(draw(fresh_server, document, 1)[0].size) <= 1600


def test_a_scan_can_be_looked_at(fresh_server: httpx.Client) -> None:
    document = upload(fresh_server, make_pdf(["", ""]))
    picture, highlight = draw(fresh_server, document, 2)

    assert (highlight, picture.pixels.min()) == ("none", 0)
    assert fresh_server.get(f"/documents/{document}/pages/3.png").json()["code"] == "unknown_page"
    refused = fresh_server.get(f"/documents/{document}/pages/1.png?start=0&end=3")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_what_lies_outside_the_page_is_not_looked_for(fresh_server: httpx.Client) -> None:
    document = upload(fresh_server, make_pdf_with_text_above_the_page("Hidden words"))

    assert draw(fresh_server, document, 1)[1] == "none"


def test_a_picture_need_not_be_sent_again(server: httpx.Client, lease: str) -> None:
    address = f"/documents/{lease}/pages/1.png?start=0&end=9"
    first = server.get(address)
    again = server.get(address, headers={"if-none-match": first.headers["etag"]})
    other = server.get(f"/documents/{lease}/pages/1.png", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("page", "status", "code"),
    [
        ("0.png", 404, "unknown_page"),
        ("-1.png", 404, "unknown_page"),
        ("3.png", 404, "unknown_page"),
        (f"{10**30}.png", 404, "unknown_page"),
        (f"{'9' * 5_000}.png", 422, "invalid_request"),
        ("one.png", 422, "invalid_request"),
        ("1.5.png", 422, "invalid_request"),
        ("\0.png", 422, "invalid_request"),
        ("1.png?start=3", 422, "invalid_request"),
        ("1.png?end=3", 422, "invalid_request"),
        ("1.png?start=3&end=3", 422, "invalid_request"),
        ("1.png?start=4&end=3", 422, "invalid_request"),
        ("1.png?start=-1&end=3", 422, "invalid_request"),
        ("1.png?start=5000&end=6000", 422, "invalid_request"),
        (f"1.png?start=0&end={10**30}", 422, "invalid_request"),
        ("1.png?start=x&end=3", 422, "invalid_request"),
        ("0", 404, "unknown_page"),
        ("-1", 404, "unknown_page"),
        (f"{10**30}", 404, "unknown_page"),
    ],
)
def test_pages_and_spans_that_are_not_there(
    server: httpx.Client, lease: str, page: str, status: int, code: str
) -> None:
    response = server.get(f"/documents/{lease}/pages/{page.replace(chr(0), '%00')}")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_only_pdfs_have_pictures(server: httpx.Client) -> None:
    document = upload(server, b"Text without any pages.", "notes.txt")
    response = server.get(f"/documents/{document}/pages/1.png")

    assert (response.status_code, response.json()["code"]) == (404, "no_page_image")
    assert server.get("/documents/nothing/pages/1.png").json()["code"] == "unknown_document"


def test_nothing_of_a_deleted_document_stays(tmp_path: Path) -> None:
    pictures = tmp_path / "data" / "page_images"
    with running(make_settings(tmp_path)) as server:
        kept, deleted, cleared = (upload(server, make_pdf([f"Page of {name}"])) for name in "abc")
        for document in (kept, deleted, cleared):
            draw(server, document, 1, start=0, end=4)
        assert len(list(pictures.glob("*/*"))) == 3

        server.delete(f"/documents/{deleted}")
        assert len(list(pictures.glob("*"))) == 2
        assert server.get(f"/documents/{deleted}/pages/1.png").status_code == 404
        server.post("/clear", json={"confirm": True})
        assert list(pictures.glob("*")) == []


def test_a_picture_comes_from_the_cache_the_second_time(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as server:
        document = upload(server, make_pdf(PAGES))
        drawn = server.get(f"/documents/{document}/pages/1.png?start=0&end=9").content
        (tmp_path / "data").joinpath("originals").rename(tmp_path / "away")
        assert server.get(f"/documents/{document}/pages/1.png?start=0&end=9").content == drawn

        for address in ("pages/1.png?start=0&end=5", "file"):
            missing = server.get(f"/documents/{document}/{address}")
            assert (missing.status_code, missing.json()["code"]) == (404, "missing_original")


def test_a_file_that_cannot_be_drawn_is_a_problem(fresh_server: httpx.Client) -> None:
    document = upload(fresh_server, b"%PDF-1.7\nnothing that follows\n%%EOF")
    response = fresh_server.get(f"/documents/{document}/pages/1.png")

    assert (response.status_code, response.json()["code"]) == (422, "corrupt_document")


def test_drawing_has_limits_of_its_own_process(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as server:
        document = upload(server, make_pdf(PAGES))
    with running(make_settings(tmp_path, parse_timeout_s=0.01)) as server:
        response = server.get(f"/documents/{document}/pages/1.png")

        assert (response.status_code, response.json()["code"]) == (422, "document_too_complex")
        assert server.get("/health").status_code == 200
