"""Typeset `annual_report.txt` as the sample PDF. The output is byte for byte the same on every run.

Usage: python examples/make_annual_report.py [OUTPUT]

The text is marked up line by line: `=` the cover's title, `#` a section (which starts a page), `##` a heading
inside it, `|` the cells of a table row (the first row is the header), `!chart title | label:value | …` a bar chart,
anything else is a paragraph.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

SOURCE = Path(__file__).with_name("annual_report.txt")
OUTPUT = Path(__file__).parent / "documents" / "larkfield-annual-report-2025.pdf"

INK, ACCENT, RULE, SHADE = HexColor("#1d2b34"), HexColor("#0b6e8a"), HexColor("#b8c7ce"), HexColor("#eef4f6")
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15.5, textColor=INK, spaceAfter=8)
COVER = ParagraphStyle("cover", BODY, fontSize=16, leading=24, alignment=TA_CENTER)
TITLE = ParagraphStyle("title", COVER, fontName="Helvetica-Bold", fontSize=30, leading=40, textColor=ACCENT)
SECTION = ParagraphStyle(
    "section", BODY, fontName="Helvetica-Bold", fontSize=20, leading=26, textColor=ACCENT
)
HEADING = ParagraphStyle("heading", BODY, fontName="Helvetica-Bold", fontSize=13, leading=18, spaceBefore=8)
CAPTION = ParagraphStyle("caption", BODY, fontName="Helvetica-Bold", fontSize=9.5, leading=13, spaceBefore=10)


def typeset(source: str) -> Iterator[Flowable]:
    """Turn the marked-up text into the flowables of the report, in order."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    on_cover = False
    for is_row, group in groupby(lines, key=lambda line: line.startswith("| ")):
        if is_row:
            yield lay_out_table([line[2:].split(" | ") for line in group])
            continue
        for line in group:
            if line.startswith("= "):
                on_cover = True
                yield Spacer(1, 70 * mm)
                yield Paragraph(line[2:], TITLE)
            elif line.startswith("# "):
                on_cover = False
                yield PageBreak()
                yield Paragraph(line[2:], SECTION)
            elif line.startswith("## "):
                yield Paragraph(line[3:], HEADING)
            elif line.startswith("!chart "):
                yield from draw_chart(line.removeprefix("!chart "))
            else:
                yield Paragraph(line.replace("&", "&amp;"), COVER if on_cover else BODY)


def lay_out_table(rows: list[list[str]]) -> Flowable:
    """Give the first column the room that the figures leave, and align the figures to the right."""
    others = len(rows[0]) - 1
    widths = [(170 - 34 * others) * mm, *[34 * mm] * others]
    if others and max(len(row[1]) for row in rows) > 20:
        widths = [50 * mm, (120 - 24 * (others - 1)) * mm, *[24 * mm] * (others - 1)]
    table = Table(rows, colWidths=widths, hAlign="LEFT", spaceBefore=4, spaceAfter=12)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Helvetica", 9.5),
                ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9.5),
                ("TEXTCOLOR", (0, 0), (-1, -1), INK),
                ("BACKGROUND", (0, 0), (-1, 0), SHADE),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
                ("ALIGN", (-1, 0), (-1, -1), "RIGHT"),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT" if widths[1:2] == [34 * mm] else "LEFT"),
            ]
        )
    )
    return table


def draw_chart(description: str) -> Iterator[Flowable]:
    title, *points = description.split(" | ")
    labels = [point.rpartition(":")[0] for point in points]
    values = [float(point.rpartition(":")[2]) for point in points]
    chart = VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 30, 25, 400, 120
    chart.data = [values]
    chart.categoryAxis.categoryNames = labels
    chart.valueAxis.valueMin = 0
    chart.bars[0].fillColor = ACCENT
    chart.bars[0].strokeColor = None
    chart.barLabelFormat = "%g"
    chart.barLabels.nudge = 8
    chart.barWidth, chart.groupSpacing = 10, 12
    drawing = Drawing(450, 165)
    drawing.add(chart)
    yield Paragraph(title, CAPTION)
    yield drawing


class Report(SimpleDocTemplate):  # type: ignore[misc]  # ReportLab ships no types
    """Numbers its pages, last of all on each page so that text extraction meets the page's own text first."""

    def afterPage(self) -> None:  # noqa: N802  # the name is ReportLab's
        if self.page == 1:
            return
        self.canv.setFont("Helvetica", 8)
        self.canv.setFillColor(INK)
        self.canv.drawString(20 * mm, 12 * mm, "Larkfield Instruments plc · Annual Report 2025")
        self.canv.drawRightString(190 * mm, 12 * mm, str(self.page))


def main(output: Path = OUTPUT) -> None:
    report = Report(
        str(output),
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title="Larkfield Instruments plc: Annual Report 2025",
        author="end-to-end-llmops (sample data)",
        invariant=1,
    )
    report.build(list(typeset(SOURCE.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
