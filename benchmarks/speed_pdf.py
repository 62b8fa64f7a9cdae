"""Reading PDF files: in the service's own process for strangers' files, and here, beside bare PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from statistics import median

from app.ingestion.loaders import ParseLimits, parse
from app.ingestion.sandbox import parse_isolated
from benchmarks.datasets import find_evaluation_data
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, spread_ms, time_in_turn

_LINES_PER_PAGE = 45


def measure_pdf(*, pages: int, repetitions: int) -> Iterator[Measurement]:
    """A generated file, and a real report where the evaluation data is present."""
    yield from _measure(f"PDF of {pages} plain pages", _generate(pages), repetitions)
    folder = find_evaluation_data()
    reports = sorted((folder / "sec10q" / "pdfs").glob("*.pdf")) if folder else []
    if reports:
        yield from _measure("PDF, quarterly report", reports[0].read_bytes(), repetitions)


def _measure(name: str, data: bytes, repetitions: int) -> Iterator[Measurement]:
    pages = _read_bare(data)
    isolated, bare = time_in_turn(
        lambda _: parse_isolated(data, "report.pdf"), lambda _: _read_bare(data), repetitions
    )
    yield _per_second(f"{name}, isolated", pages, isolated, bare)
    parsed, bare = time_in_turn(
        lambda _: parse(data, "report.pdf", limits=ParseLimits()), lambda _: _read_bare(data), repetitions
    )
    yield _per_second(f"{name}, in process", pages, parsed, bare)


def _per_second(name: str, pages: int, ours: list[float], bare: list[float]) -> Measurement:
    details = {"pages": pages, "ours": spread_ms(ours), "bare": spread_ms(bare)}
    rates = pages / median(ours), pages / median(bare)
    return Measurement(name, "pages/s", *rates, "bare PDFium", True, details)


def _read_bare(data: bytes) -> int:
    """Text of every page and nothing else; gives the number of pages."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            text_page = page.get_textpage()
            text_page.get_text_range()
            text_page.close()
            page.close()
        return len(document)


def _generate(pages: int) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    source, file = TextSource(seed=17), BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for _ in range(pages):
        text = canvas.beginText(60, 780)
        for _ in range(_LINES_PER_PAGE):
            text.textLine(source.chunk(13))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
