"""The engines that vectors can be searched with, by the names of `LLMOPS_VECTOR_STORE`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from app.errors import ConfigurationError, VectorsUnavailable
from app.knowledge.store import KnowledgeStore
from app.knowledge.vector_store import IndexedVectorStore
from app.models.embeddings import EmbeddingModel
from app.settings import CREDENTIALS, Settings

if TYPE_CHECKING:
    from app.knowledge.deletion_proof import Finding  # which loads FAISS

_LITE = ".db"


@contextmanager
def open_vectors(
    settings: Settings, store: KnowledgeStore, embedding_model: EmbeddingModel
) -> Iterator[IndexedVectorStore]:
    """The configured engine, holding what the store holds.

    Raises:
        ConfigurationError: it is not installed, or does not answer.
    """
    with closing(VECTOR_STORES[settings.vector_store](settings, store, embedding_model)) as vectors:
        try:
            vectors.open()
        except VectorsUnavailable as error:
            shown = CREDENTIALS.sub("//***@", settings.milvus_uri or "")
            reason = getattr(error.__cause__, "message", None) or error.detail
            if shown.endswith(_LITE):
                reason += "; one process at a time can have a file of Milvus Lite open"
            raise ConfigurationError(f"LLMOPS_MILVUS_URI={shown!r} cannot be used: {reason}") from error
        yield vectors


def check_engine(settings: Settings) -> str:
    """Say what is configured, after asking a server whether it is there; a file of Milvus Lite is left to its user.

    Raises:
        ConfigurationError: it is not installed.
        VectorsUnavailable: it does not answer.
    """
    if settings.vector_store == "faiss":
        return "FAISS, in the memory of each process"
    uri = settings.milvus_uri or ""
    if uri.endswith(_LITE):
        return f"Milvus Lite in {uri!r}, for one process at a time"
    with closing(_import_milvus().MilvusServer(uri, _token(settings))) as server:
        server.ping()
    return "Milvus answers"


def prove_in_engine(settings: Settings, store: KnowledgeStore, *, purge: bool) -> Finding:
    """Whether Milvus holds nothing of what was deleted. Raises ConfigurationError."""
    _import_milvus()
    from app.knowledge.milvus_proof import prove_in_milvus

    is_in_use = settings.vector_store == "milvus"
    uri, token = settings.milvus_uri or "", _token(settings)
    return prove_in_milvus(store, uri, token, is_in_use=is_in_use, purge=purge)


def _build_faiss(
    settings: Settings, store: KnowledgeStore, embedding_model: EmbeddingModel
) -> IndexedVectorStore:
    from app.knowledge.faiss_store import FaissVectorStore

    return FaissVectorStore(store, embedding_model, snapshots=settings.data_dir / "indexes" / "vectors")


def _build_milvus(
    settings: Settings, store: KnowledgeStore, embedding_model: EmbeddingModel
) -> IndexedVectorStore:
    _import_milvus()
    from app.knowledge.milvus_store import MilvusVectorStore

    options = {"uri": settings.milvus_uri, "token": _token(settings)}
    return MilvusVectorStore.build(store, embedding_model, settings.data_dir, **options)


def _import_milvus() -> ModuleType:
    """Raises ConfigurationError."""
    try:
        from app.knowledge import milvus_server
    except ImportError as error:
        raise ConfigurationError(
            f"LLMOPS_VECTOR_STORE=milvus needs the extra `milvus`: install `.[server,milvus]` ({error.name} is missing)"
        ) from None
    return milvus_server


def _token(settings: Settings) -> str:
    return settings.milvus_token.get_secret_value() if settings.milvus_token is not None else ""


VECTOR_STORES: dict[str, Callable[[Settings, KnowledgeStore, EmbeddingModel], IndexedVectorStore]] = {
    "faiss": _build_faiss,
    "milvus": _build_milvus,
}
