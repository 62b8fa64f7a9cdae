"""XML from strangers, read as a stream: no tree, no document type, no entity, nothing from outside of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Protocol

from app.errors import CorruptDocument, DocumentTooComplex

_READ_BYTES = 1 << 16
_MAX_DEPTH = 1_000


class XmlListener(Protocol):
    """Gets names without their namespaces, for these differ between the editions of a standard."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...


def read_xml(source: IO[bytes], listener: XmlListener, *, max_bytes: int) -> None:
    """Tell `listener` what comes.

    Raises:
        CorruptDocument: it is not well-formed, or declares a document type, as no producer of these files does.
        DocumentTooComplex: there are more than `max_bytes`, or elements are nested too deeply.
    """
    from lxml import etree

    # Without `huge_tree` libxml2 bounds names and single texts; the rest says what must never happen.
    parser = etree.XMLParser(
        target=_Events(listener), resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    read = 0
    try:
        while piece := source.read(_READ_BYTES):
            read += len(piece)
            if read > max_bytes:
                raise DocumentTooComplex(
                    f"a part of it is larger than {max_bytes >> 20} MiB when it is unpacked"
                )
            parser.feed(piece)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise CorruptDocument(f"its XML is damaged: {error}") from None


class _Events:
    def __init__(self, listener: XmlListener) -> None:
        self._listener = listener
        self._depth = 0
        self.data = listener.data

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DocumentTooComplex(f"its XML is nested more than {_MAX_DEPTH} levels deep")
        self._listener.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._listener.end(_local(tag))

    def doctype(self, *_declared: object) -> None:
        raise CorruptDocument(
            "its XML declares a document type, which may hold entities: no Word document has one"
        )

    def close(self) -> None:
        """The parser's last call."""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
