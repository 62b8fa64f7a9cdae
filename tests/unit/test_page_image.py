"""Pictures beside a knowledge base that changes meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import UnknownDocument
from app.ingestion.page_image import PageImages
from app.knowledge.image_cache import ImageCache
from app.knowledge.store import KnowledgeStore, open_store
from app.schemas import DocumentInfo
from tests.fixtures.documents import make_pdf
from tests.live import make_settings

PAGE = "\N{GRINNING FACE} Rent is due."


def add_pdf(store: KnowledgeStore) -> DocumentInfo:
    """Its stored text begins with a page that has characters beyond 16 bits, which databases may count otherwise."""
    begun = store.begin_document(
        make_pdf(["First.", "Rent is due."]), name="a.pdf", collection="default", media_type="application/pdf"
    )
    first = "\N{GRINNING FACE}\N{GRINNING FACE} First."
    return store.commit_document(
        begun.document_id,
        text=f"{first}\n\n{PAGE}",
        page_spans=[(0, len(first)), (len(first) + 2, len(first) + 2 + len(PAGE))],
        chunks=[],
        vectors=None,
        embedding_model="fake:words",
    )


def test_a_page_is_cut_out_of_the_text_where_its_span_is(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        info = add_pdf(store)
        images = PageImages(store, ImageCache(settings.data_dir), settings)
        page = images.look_up(info.document_id, 2, (0, 1_000))

        assert (page.text, page.span) == (PAGE, (0, len(PAGE)))
        assert images.draw(page).highlight == "whole"


def test_a_document_deleted_while_it_is_drawn_leaves_no_picture(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)

    with open_store(settings.effective_database_url, settings.data_dir) as store:
        info = add_pdf(store)

        class Late(ImageCache):
            """Keeps a picture only after its document was deleted."""

            def put(self, sha256: str, key: str, data: bytes) -> None:
                store.delete_document(info.document_id)
                super().put(sha256, key, data)

        cache = Late(settings.data_dir)
        images = PageImages(store, cache, settings)
        images.draw(images.look_up(info.document_id, 1, None))

        assert cache.keys(info.sha256) == []
        with pytest.raises(UnknownDocument):
            images.look_up(info.document_id, 1, None)
