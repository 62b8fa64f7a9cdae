"""Looking through documents over HTTP: page by page, by name and state, down to chunks and the original."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.documents import make_pdf
from tests.live import make_settings, running


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(make_settings(tmp_path_factory.mktemp("library"))) as server:
        documents = [
            {
                "text": f"Text number {n}.",
                "name": f"Report_{n:02}.txt",
                "metadata": {"n": n, "even": n % 2 == 0},
            }
            for n in range(12)
        ]
        server.post("/index", json={"documents": documents}).raise_for_status()
        server.post(
            "/index", json={"documents": [{"text": "Other.", "name": "100% other"}], "collection": "o"}
        )
        server.post("/upload", files=[("files", ("empty.txt", b""))])
        yield server


def names(server: httpx.Client, **query: Any) -> list[str]:
    response = server.get("/documents", params=query)
    assert response.status_code == 200, response.text
    return [document["name"] for document in response.json()["documents"]]


def test_documents_come_newest_first_and_a_page_at_a_time(library: httpx.Client) -> None:
    first = library.get("/documents?limit=5").json()
    assert (len(first["documents"]), first["total"], first["next_offset"]) == (5, 14, 5)

    seen, offset = [], 0
    while offset is not None:
        page = library.get("/documents", params={"limit": 5, "offset": offset}).json()
        seen += [document["name"] for document in page["documents"]]
        offset = page["next_offset"]
    assert seen == names(library)
    assert seen[0] == "empty.txt"
    assert seen.index("Report_11.txt") < seen.index("Report_00.txt")
    assert library.get("/documents?offset=99").json() == {"documents": [], "total": 14, "next_offset": None}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"collection": "o"}, 1),
        ({"status": "failed"}, 1),
        ({"status": ["failed", "indexed"]}, 14),
        ({"status": "queued"}, 0),
        ({"name": "report_0"}, 10),
        ({"name": "%"}, 1),
        ({"name": "_"}, 12),
        ({"name": "report", "collection": "o"}, 0),
    ],
)
def test_documents_are_chosen(library: httpx.Client, query: dict[str, Any], count: int) -> None:
    assert len(names(library, **query)) == count
    assert library.get("/documents", params=query).json()["total"] == count


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": 0}, 422),
        ({"limit": 1_001}, 422),
        ({"limit": 10**30}, 422),
        ({"offset": -1}, 422),
        ({"offset": 10**30}, 422),
        ({"status": "lost"}, 422),
        ({"name": ""}, 422),
        ({"name": "a\0"}, 422),
        ({"name": "x" * 10_000}, 422),
        ({"collection": "a\0"}, 422),
        ({"collection": "nowhere"}, 404),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(
    library: httpx.Client, query: dict[str, Any], status: int
) -> None:
    response = library.get("/documents", params=query)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_chunks_can_be_looked_at(fresh_server: httpx.Client) -> None:
    upload = fresh_server.post(
        "/upload?wait=true",
        files=[("files", ("two.pdf", make_pdf(["First page.", "Second page."])))],
        data={"metadata": '{"kind": "lease"}'},
    )
    document = upload.json()["documents"][0]["document_id"]
    found = fresh_server.get(f"/documents/{document}/chunks?limit=1&offset=1").json()

    assert (found["total"], found["next_offset"]) == (2, None)
    (chunk,) = found["chunks"]
    text = fresh_server.get(f"/documents/{document}/text").text
    assert chunk["text"] == text[chunk["char_start"] : chunk["char_end"]] == "Second page."
    assert (chunk["page"], chunk["ordinal"], chunk["metadata"]) == (2, 1, {"kind": "lease"})
    assert fresh_server.get("/documents/nothing/chunks").json()["code"] == "unknown_document"
    assert fresh_server.get(f"/documents/{document}/chunks?limit=501").status_code == 422


TEXT = "Grüße aus 租约 🙂.\n" * 50


@pytest.fixture(scope="module")
def text_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.Response]]:
    with running(make_settings(tmp_path_factory.mktemp("texts"))) as server:
        body = {"documents": [{"text": TEXT, "name": "greetings"}]}
        (document,) = server.post("/index", json=body).raise_for_status().json()["documents"]
        yield lambda **part: server.get(f"/documents/{document['document_id']}/text", params=part)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({}, TEXT.strip()),
        ({"start": 0}, TEXT.strip()),
        ({"start": 10, "end": 15}, TEXT[10:15]),
        ({"end": 14}, TEXT[:14]),
        ({"start": 400}, TEXT.strip()[400:]),
        ({"start": 400, "end": 2**53}, TEXT.strip()[400:]),
    ],
)
def test_a_part_of_a_text_is_counted_in_characters(
    text_of: Callable[..., httpx.Response], part: dict[str, int], expected: str
) -> None:
    answer = text_of(**part).raise_for_status()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.strip() == expected.strip()


@pytest.mark.parametrize(
    ("part", "status", "code"),
    [
        ({"start": 5, "end": 5}, 422, "invalid_request"),
        ({"start": 5, "end": 2}, 422, "invalid_request"),
        ({"end": 0}, 422, "invalid_request"),
        ({"start": -1}, 422, "invalid_request"),
        ({"start": "x"}, 422, "invalid_request"),
        ({"start": 2**63}, 422, "invalid_request"),
        ({"start": 100_000}, 416, "span_outside_text"),
        ({"start": 100_000, "end": 100_001}, 416, "span_outside_text"),
        ({"start": 2**32}, 416, "span_outside_text"),
        ({"start": 2**53}, 416, "span_outside_text"),
    ],
)
def test_what_is_no_part_of_a_text_is_refused(
    text_of: Callable[..., httpx.Response], part: dict[str, Any], status: int, code: str
) -> None:
    answer = text_of(**part)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_part_of_what_has_no_text_is_not_found(library: httpx.Client) -> None:
    failed = library.get("/documents", params={"status": "failed"}).json()["documents"][0]["document_id"]
    for document, code in (("nothing", "unknown_document"), (failed, "not_found")):
        answer = library.get(f"/documents/{document}/text", params={"start": 0, "end": 9})
        assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("lease.txt", 'attachment; filename="lease.txt"'),
        ("Müller.txt", "attachment; filename=\"Muller.txt\"; filename*=UTF-8''M%C3%BCller.txt"),
        ("租约.txt", "attachment; filename=\"document.txt\"; filename*=UTF-8''%E7%A7%9F%E7%BA%A6.txt"),
        ('a";b\\c.txt', "attachment; filename=\"c.txt\""),
        ('a"; x=y.txt', "attachment; filename=\"a_; x=y.txt\"; filename*=UTF-8''a%22%3B%20x%3Dy.txt"),
        ("a\r\n: x.txt", "attachment; filename=\"a_ x.txt\"; filename*=UTF-8''a%3A%20x.txt"),
    ],
)  # fmt: skip
def test_a_download_has_its_name(fresh_server: httpx.Client, name: str, disposition: str) -> None:
    body = {"documents": [{"text": "Ünïcode text.", "name": name}]}
    document = fresh_server.post("/index", json=body).json()["documents"][0]["document_id"]
    response = fresh_server.get(f"/documents/{document}/file")

    assert response.headers["content-disposition"] == disposition
    assert response.content == "Ünïcode text.".encode()
    assert response.headers["content-length"] == str(len(response.content))
    assert (response.headers["content-type"], response.headers["x-content-type-options"]) == (
        "text/plain",
        "nosniff",
    )


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"n": {"$in": [1, 3, 99]}}, {1, 3}),
        ({"n": {"$gte": 10}}, {10, 11}),
        ({"n": {"$gt": 2, "$lt": 5}, "even": True}, {4}),
        ({"$or": [{"n": 1}, {"n": {"$lte": 0}}]}, {0, 1}),
        ({"$and": [{"n": {"$gte": 3}}, {"n": {"$lt": 5}}]}, {3, 4}),
        ({"n": {"$nin": list(range(11))}}, {11}),
    ],
)
def test_a_search_is_restricted_before_it_begins(
    library: httpx.Client, wanted: dict[str, Any], numbers: set[int]
) -> None:
    found = library.post("/search", json={"query": "text number", "k": 12, "filter": wanted}).json()[
        "results"
    ]

    assert {int(result["document_name"][7:9]) for result in found} == numbers


@pytest.mark.parametrize(
    "wanted",
    [
        {"n": {"$regex": ".*"}},
        {"n": {}},
        {"$not": {"n": 1}},
        {"$or": []},
        {"$or": {"n": 1}},
        {"$and": [1]},
        {"n": {"$in": 1}},
        {"n": {"$in": list(range(1_001))}},
        {"n": {"$in": [[1]]}},
        {"n": {"$gt": None}},
        {"n": {"$gt": True}},
        {"n": {"$gt": 2**70}},
        {"$or": [{"n": n} for n in range(101)]},
        {"$and": [{"$and": [{"$and": [{"$and": [{"$and": [{"n": 1}]}]}]}]}]},
    ],
)
def test_a_filter_that_cannot_be_understood_is_refused(library: httpx.Client, wanted: dict[str, Any]) -> None:
    response = library.post("/search", json={"query": "text", "filter": wanted})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert len(response.text) < 1_000


@pytest.mark.parametrize(
    "metadata",
    ["[]", "1", "{", '{"a": NaN}', '{"a": 1e999}', "[" * 60_000, '{"a": "' + "x" * 64_000 + '"}'],
)
def test_metadata_that_is_no_object_is_refused(server: httpx.Client, metadata: str) -> None:
    before = server.get("/stats").json()["documents"]
    response = server.post(
        "/upload", files=[("files", ("a.txt", b"Never stored."))], data={"metadata": metadata}
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert server.get("/stats").json()["documents"] == before


def test_every_route_of_documents_and_collections_declares_its_problems(server: httpx.Client) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    routes = {
        (method, path): route
        for path, methods in paths.items()
        if path.startswith(("/documents/", "/collections/"))
        for method, route in methods.items()
    }
    assert len(routes) == 11
    for route in routes.values():
        assert route["summary"]
        for status in ("404", "422"):
            content = route["responses"][status]["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in content["examples"].items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, int(status))


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("/index", {"413": {"body_too_large"}}),
        ("/upload", {"413": {"body_too_large"}, "422": {"idempotency_key_reused"}}),
        ("/upload_pdf", {"413": {"body_too_large"}, "422": {"needs_ocr", "encrypted_document"}}),
        ("/clear", {"404": {"unknown_collection"}}),
    ],
)
def test_every_route_that_writes_declares_its_problems(
    server: httpx.Client, path: str, problems: dict[str, set[str]]
) -> None:
    declared = server.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    for status, codes in problems.items():
        assert codes <= declared[status]["content"]["application/problem+json"]["examples"].keys()


def test_a_page_of_another_origin_may_read_the_headers_that_matter(tmp_path: Path) -> None:
    with running(make_settings(tmp_path, cors_origins="https://app.example")) as client:
        response = client.get("/health", headers={"Origin": "https://app.example"})
    assert "x-highlight" in response.headers["access-control-expose-headers"].lower()
