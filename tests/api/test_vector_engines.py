"""A server whose engine for vectors goes away, and comes back."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from tests.live import make_settings, running
from tests.milvus import MilvusOnPort


def test_a_server_answers_without_milvus_says_so_and_heals(tmp_path: Path) -> None:
    with closing(MilvusOnPort(tmp_path / "milvus")) as milvus:
        settings = make_settings(tmp_path / "server", vector_store="milvus", milvus_uri=milvus.uri)
        with running(settings) as server:
            texts = [{"text": "The notice period is six weeks.", "name": "a.txt"}]
            server.post("/index", json={"documents": texts}).raise_for_status()
            query = {"query": "notice period"}
            assert server.post("/search", json=query).json()["degraded"] == []
            assert server.get("/health").json()["checks"]["vectors"] == "ok"
            milvus.stop()
            found = server.post("/search", json=query).json()
            assert (len(found["results"]), found["degraded"]) == (1, ["vectors_unavailable"])
            answer = server.post("/ask", json={"question": "How long is the notice period?"}).json()
            assert answer["degraded"] == ["vectors_unavailable"]
            time.sleep(1.1)  # for so long an answer may be told again
            health = server.get("/health/ready")
            assert (health.status_code, health.json()["status"]) == (200, "degraded")
            told = "Milvus does not answer as it should; searches go by words alone"
            assert health.json()["checks"]["vectors"] == told
            assert 'index="words"' in server.get("/metrics").text
            milvus.start()
            deadline = time.monotonic() + 40
            while server.get("/health").json()["status"] != "ok" and time.monotonic() < deadline:
                time.sleep(0.5)
            assert server.post("/search", json=query).json()["degraded"] == []
