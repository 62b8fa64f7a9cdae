"""An optional second look at what a search has found, by any LangChain document compressor."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import ConfigurationError
from app.models.provider import ProviderFailure, provider_call
from app.settings import environment_name

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, Document

_PLACE = "_place"


@dataclass(frozen=True)
class Reranker:
    """Orders documents by how well they fit a query; `name` is what the setting says. Blocking.

    Raises:
        ModelError: the compressor failed, in whatever way.
    """

    name: str
    compressor: BaseDocumentCompressor

    def order(self, query: str, documents: Sequence[Document]) -> list[int]:
        """The places of the documents, best first; those that the compressor dropped come last, as they were."""
        numbered = [
            document.model_copy(update={"metadata": {**document.metadata, _PLACE: place}})
            for place, document in enumerate(documents)
        ]
        try:
            with provider_call(self.name):
                kept = self.compressor.compress_documents(numbered, query)
                chosen = [int(document.metadata[_PLACE]) for document in kept]
        except ProviderFailure as failure:
            raise failure.error from None
        known = range(len(documents))
        return list(dict.fromkeys([place for place in chosen if place in known] + list(known)))


def load_reranker(path: str) -> Reranker:
    """Import what `package.module:name` names: a compressor, or something that makes one when it is called.

    Raises:
        ConfigurationError: there is no such thing, or it cannot be made, or it is no compressor.
    """
    from langchain_core.documents import BaseDocumentCompressor

    setting = environment_name("reranker")
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
        compressor = found if isinstance(found, BaseDocumentCompressor) else found()
    except Exception as error:  # noqa: BLE001 - the code is the operator's own, and any of it may fail
        raise ConfigurationError(
            f"{setting}={path!r} cannot be used: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(compressor, BaseDocumentCompressor):
        raise ConfigurationError(
            f"{setting}={path!r} is not accepted: it gives {type(compressor).__name__}, not a BaseDocumentCompressor"
        )
    return Reranker(path, compressor)
