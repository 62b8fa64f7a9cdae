"""Processes that index are killed at random moments: others finish their work, and none of it is done by halves."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from app.ingestion.assembly import Ingestion, build_ingestion
from app.ingestion.uploads import ReceivedFile
from app.knowledge.database import open_database
from app.knowledge.store import KnowledgeStore, open_store
from app.settings import Settings, load_settings
from tests.fixtures.measures import FourLetterPieces
from tests.knowledge_base import fake_model, open_test_knowledge
from tests.postgres import database_url

KILLS = 20
LEASE_S = 0.5
SMALL = [(f"small{n}.txt", f"The code of depot{n} is number{n}.") for n in range(40)]
LARGE = [
    (f"large{n}.txt", " ".join(f"Hall{n} row{row} holds part{n}x{row}." for row in range(700)))
    for n in range(4)
]


def assembled(store: KnowledgeStore, settings: Settings) -> Ingestion:
    return build_ingestion(store, fake_model(), FourLetterPieces(), settings, lease_s=LEASE_S)


def settings_of(folder: Path) -> Settings:
    return load_settings(
        data_dir=folder, database_url=database_url(folder), chunk_tokens=32, chunk_overlap_tokens=4
    )


def work_until_killed(folder: Path, started: Path) -> None:
    settings = settings_of(folder)
    with open_store(settings.effective_database_url, folder) as store:
        assembled(store, settings).worker.start(2)
        started.touch()
        time.sleep(60)


@pytest.mark.timeout(180)
def test_killed_workers_lose_nothing_and_leave_nothing_by_halves(tmp_path: Path) -> None:
    moments = random.Random(3)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    settings = settings_of(tmp_path)
    with open_store(settings.effective_database_url, tmp_path) as store:
        files = [ReceivedFile(name, text.encode()) for name, text in [*LARGE, *SMALL]]
        job = assembled(store, settings).uploads.submit(files, collection="default")
        assert len(job.documents) == len(files)
        for wave in range(KILLS // 2):
            marks = [tmp_path / f"{wave}.{number}.started" for number in range(2)]
            workers = [context.Process(target=work_until_killed, args=(tmp_path, mark)) for mark in marks]
            for worker in workers:
                worker.start()
            wait_for(marks)
            time.sleep(moments.uniform(0.0, 0.3))
            for worker in workers:
                worker.kill()
                worker.join()
        assert was_interrupted(tmp_path)  # or this test would show nothing
        survivor = assembled(store, settings)
        for info in job.documents:
            survivor.ingestor.finish(info.document_id)
    check_everything_is_there(tmp_path)


def wait_for(marks: Sequence[Path]) -> None:
    deadline = time.monotonic() + 30
    while not all(mark.exists() for mark in marks) and time.monotonic() < deadline:
        time.sleep(0.01)


def was_interrupted(folder: Path) -> bool:
    with closing(open_database(database_url(folder))) as database, database.reading() as connection:
        attempts = connection.execute(text("SELECT max(attempts) FROM documents")).scalar_one()
    return bool(attempts > 1)


def check_everything_is_there(folder: Path) -> None:
    with open_test_knowledge(folder) as knowledge:
        documents = {info.name: info for info in knowledge.store.list_documents()}
        assert {info.status for info in documents.values()} == {"indexed"}
        for name, text in [*LARGE, *SMALL]:
            info = documents[name]
            assert knowledge.store.document_text(info.document_id) == text
            chunks = knowledge.store.chunks(document_ids=[info.document_id])
            assert len(chunks) == info.chunks == len({chunk.char_start for chunk in chunks})
            assert chunks[-1].char_end == len(text)
            assert knowledge.store.drafts().load_parsed(info.document_id) is None
        total = sum(info.chunks for info in documents.values())
        query = knowledge.retriever.embedding_model.embed_query("depot")
        assert len(knowledge.vectors.search_vector(query, 10 * total, collection="default")) == total
        assert knowledge.retriever.search("code of depot7", k=1).hits[0].chunk.document_name == "small7.txt"
