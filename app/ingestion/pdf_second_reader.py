"""pypdf as the second reader of PDF files: slower than PDFium, but it reads some damaged files that PDFium cannot."""

from __future__ import annotations

import io
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdf


class Unreadable(Exception):
    """pypdf cannot read this file or page; the message says why."""


class SecondReader:
    """Opens the file at the first question; once `budget_s` seconds are spent, it answers no further ones."""

    def __init__(self, data: bytes, *, budget_s: float = math.inf) -> None:
        self._data = data
        self._budget_s = budget_s
        self._spent_s = 0.0

    def count_pages(self) -> int:
        with self._question():
            return len(self._reader.pages)

    def title(self) -> str | None:
        with self._question():
            metadata = self._reader.metadata
            return metadata.title if metadata else None

    def read(self, index: int) -> str:
        """Text of the page with this index, counted from 0."""
        with self._question():
            return self._reader.pages[index].extract_text()

    @cached_property
    def _reader(self) -> pypdf.PdfReader:
        import pypdf

        logging.getLogger("pypdf").setLevel(logging.CRITICAL)
        return pypdf.PdfReader(io.BytesIO(self._data))

    @contextmanager
    def _question(self) -> Iterator[None]:
        """Lift the limits, and turn whatever pypdf raises on damaged files into `Unreadable`: built-in errors too."""
        import pypdf
        import pypdf.errors

        if self._spent_s > self._budget_s:
            raise Unreadable("reading it takes too long")
        started = time.monotonic()
        try:
            with pypdf.apply_configuration(_lifted_limits()):
                yield
        except (
            *(pypdf.errors.PyPdfError, pypdf.errors.DependencyError, pypdf.errors.DeprecationError),
            *(ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, OSError),
            *(RecursionError, TypeError, ValueError),
        ) as error:
            raise Unreadable(str(error)[:200] or type(error).__name__) from None
        finally:
            self._spent_s += time.monotonic() - started


def _lifted_limits() -> pypdf.Configuration:
    """The defaults refuse sound files, such as a report with an array of over 100,000 elements.

    The sandbox bounds time and memory of it all, so these only need to stop what could not end well anyway.
    """
    import pypdf

    return pypdf.Configuration(
        array_maximum_element_count=5_000_000,
        dictionary_maximum_element_count=5_000_000,
        zlib_maximum_output_length=300_000_000,
        stream_decoding_work_maximum_length=1_000_000_000,
        stream_parsing_work_maximum_count=20_000_000,
        page_tree_maximum_entries=1_000_000,
    )
