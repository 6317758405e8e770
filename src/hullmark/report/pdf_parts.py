"""What PDF documents are made of: escaped text, tables over many pages, page numbers, bookmarks.

All text from images, policies and feeds is escaped: what the font cannot show, or what changes the direction of what follows, is written
out (`\\u202e`), and markup is text. ReportLab's user guide: https://docs.reportlab.com/reportlab/userguide/ch1_intro/
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from hullmark.model.limit import Limit
from hullmark.report.terminal import safe

INK, SOFT, LINE, PALE = HexColor(0x1B2330), HexColor(0x5B6675), HexColor(0xD5DAE1), HexColor(0xF4F6F8)
TONES = {
    "stop": HexColor(0xB3202C),
    "critical": HexColor(0xB3202C),
    "high": HexColor(0xC2500E),
    "warn": HexColor(0x8A6100),
    "medium": HexColor(0x8A6100),
    "low": HexColor(0x2F6F4F),
    "go": HexColor(0x2F6F4F),
}
"""The colours of marks, by word; every other word's is SOFT. Each has a contrast of 4.5 and more on white."""

Cell: TypeAlias = "Flowable | list[Flowable]"
"""What stands in a table's cell: a paragraph, or several below one another."""

WIDTH = A4[0] - 32 * mm
"""Points between the margins."""

_FONTS = {"Vera": "Vera.ttf", "Vera-Bold": "VeraBd.ttf"}
_MAX_TEXT = Limit(1000, "characters of one text in a PDF", "shortened")
_MAX_SOFT = Limit(300, "characters of a place or an advice in a PDF", "shortened")
_AT_ONCE = 1000
_PADDING = 5  # points, above and below a row
_BESIDE = 8  # the same, beside a cell
_MOST = 1e6


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, **{"fontName": "Vera", "fontSize": size, "leading": size * 1.35, "textColor": INK, **more}
    )


_TEXT = _style("text", 8.5)
_CELL = _style("cell", 7, leading=9)
_SOFT = _style("soft", 7, leading=9, textColor=SOFT)
_HEAD = _style("head", 7, leading=9, fontName="Vera-Bold", textColor=SOFT)
_TITLE = _style("title", 17, fontName="Vera-Bold", spaceAfter=6)
_SECTION = _style("section", 12, fontName="Vera-Bold", spaceBefore=16, spaceAfter=6, keepWithNext=1)
_BADGE = _style("badge", 13, fontName="Vera-Bold", textColor=white, alignment=1)
_NUMBER = _style("number", 15, fontName="Vera-Bold", alignment=1)
_UNDER = _style("under", 7, textColor=SOFT, alignment=1)
_MARK = _style("mark", 7, leading=9, fontName="Vera-Bold", textColor=SOFT)
_MARKS = {word: _style(word, 7, leading=9, fontName="Vera-Bold", textColor=tone) for word, tone in TONES.items()}


class _Canvas(Canvas):  # type: ignore[misc] # ReportLab has no types
    """A canvas that knows how many pages there are when it writes their numbers."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - ReportLab's name
        """Keep the page: what stands below it is not known yet."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages, each with its number."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont("Vera", 7)
            self.setFillColor(SOFT)
            self.drawString(16 * mm, 9 * mm, self._subject_line)
            self.drawRightString(A4[0] - 16 * mm, 9 * mm, f"page {number} of {len(self._pages)}")
            super().showPage()
        super().save()


class _Bookmark(Flowable):  # type: ignore[misc] # ReportLab has no types
    """An entry of the outline that viewers show beside the pages."""

    def __init__(self, words: str, key: str) -> None:
        super().__init__()
        self.words, self.key = words, key
        self.keepWithNext = 1

    def wrap(self, *_: Any) -> tuple[float, float]:
        """It takes no room."""
        return 0, 0

    def draw(self) -> None:
        """Make the entry."""
        self.canv.bookmarkPage(self.key)
        self.canv.addOutlineEntry(self.words, self.key, level=0)


def visible(text: str, longest: int = _MAX_TEXT) -> str:
    """The text with every character written out that the font lacks or that is not plainly visible, cut at so many characters."""
    text = text[: longest + 1]
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if _is_shown(c) else c.encode("unicode_escape").decode("ascii") for c in safe(text))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_shown(character: str) -> bool:
    return ord(character) in _glyphs()


def _glyphs() -> Any:
    from reportlab.pdfbase.pdfmetrics import getFont

    register()
    return getFont("Vera").face.charToGlyph


def register() -> None:
    """Make the fonts known that ReportLab brings. They are put into documents, only the letters that are used."""
    if "Vera-Bold" in getRegisteredFontNames():
        return
    for name, file in _FONTS.items():
        registerFont(TTFont(name, file))
    registerFontFamily("Vera", normal="Vera", bold="Vera-Bold", italic="Vera", boldItalic="Vera-Bold")


def text(words: str, style: ParagraphStyle = _TEXT, longest: int = _MAX_TEXT) -> Paragraph:
    """A paragraph of text that may hold anything."""
    # What ReportLab's markup would say of plain text, without reading it as markup: thousands of cells are made faster so.
    return Paragraph("", style, frags=[_fragment(style).clone(text=visible(words, longest))])


@lru_cache
def _fragment(style: ParagraphStyle) -> Any:
    """A piece of text in a style, to be filled in."""
    return Paragraph("x", style).frags[0]


def cell(words: str) -> Paragraph:
    """Text in a table."""
    return text(words, _CELL)


def soft(words: str) -> Paragraph:
    """Text in a table that matters less."""
    return text(words, _SOFT, _MAX_SOFT)


def mark(word: str) -> Paragraph:
    """A word in its colour: a severity, an action."""
    return text(word, _MARKS.get(word, _MARK))


def title(words: str) -> list[Flowable]:
    """The head of the document."""
    return [text(words, _TITLE)]


def section(words: str) -> list[Flowable]:
    """The head of a section, which viewers list beside the pages."""
    return [_Bookmark(words, words), text(words, _SECTION)]


def banner(word: str, reason: str) -> Table:
    """What the policy says, large, and why."""
    table = Table([[text(word.upper(), _BADGE), text(reason)]], colWidths=[34 * mm, WIDTH - 34 * mm], hAlign="LEFT")
    table.setStyle(
        [
            ("BACKGROUND", (0, 0), (0, 0), TONES.get(word, SOFT)),
            ("BACKGROUND", (1, 0), (1, 0), PALE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (1, 0), (1, 0), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 9),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 11),
        ]
    )
    return table


def tiles(numbers: Sequence[tuple[str, int]]) -> Table:
    """A row of numbers with a word below each."""
    width = WIDTH / max(len(numbers), 1)
    rows = [[text(f"{number:,}", _NUMBER) for _, number in numbers], [text(word, _UNDER) for word, _ in numbers]]
    table = Table(rows, colWidths=[width] * len(numbers), hAlign="LEFT")
    table.setStyle(
        [
            ("BOX", (0, 0), (-1, -1), 0.6, LINE),
            ("LINEAFTER", (0, 0), (-2, -1), 0.6, LINE),
            ("BOTTOMPADDING", (0, 0), (-1, 0), 5),
            ("TOPPADDING", (0, 1), (-1, 1), 0),
        ]
    )
    return table


def facts(values: Iterable[tuple[str, str]]) -> Table:
    """Names and values, those that there are."""
    rows = [[soft(name), cell(value)] for name, value in values if value] or [["", ""]]
    table = Table(rows, colWidths=[34 * mm, WIDTH - 34 * mm], hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0), *_close()])
    return table


def rows(head: Sequence[str], shares: Sequence[float], cells: Sequence[Sequence[Cell]]) -> Iterator[LongTable]:
    """A table over as many pages as it needs, its head on each. `shares` are the columns' parts of the width, 1 in all."""
    # ReportLab looks at all rows that are left at the end of each page: thousands in one table would take minutes.
    widths = [share * WIDTH for share in shares]
    for at in range(0, len(cells), _AT_ONCE):
        yield _table(head, widths, cells[at : at + _AT_ONCE])


def _table(head: Sequence[str], widths: Sequence[float], cells: Sequence[Sequence[Cell]]) -> LongTable:
    whole: list[Sequence[Cell]] = [[text(name, _HEAD) for name in head], *cells]
    heights = [max(map(_height, row, widths)) + _PADDING for row in whole]
    table = LongTable(whole, colWidths=list(widths), rowHeights=heights, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.9, SOFT),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), _BESIDE),
            *_close(),
        ]
    )
    return table


def _height(cell: Cell, width: float) -> float:
    parts = cell if isinstance(cell, list) else [cell]
    return float(sum(part.wrap(width - _BESIDE, _MOST)[1] for part in parts))


def _close() -> list[tuple[Any, ...]]:
    return [("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]


def gap(points: float = 8) -> Spacer:
    """Room between two parts."""
    return Spacer(1, points)


def document(parts: Sequence[Flowable], name: str, program: str) -> bytes:
    """The bytes of a document with this title; the same parts give the same bytes. `program` stands below each page."""
    written = io.BytesIO()

    class NumberedCanvas(_Canvas):
        _subject_line = visible(f"{name}, written by {program}", 110)

    template = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=16 * mm - 6,  # a frame has six points inside
        rightMargin=16 * mm - 6,
        topMargin=15 * mm,
        bottomMargin=17 * mm,
        title=visible(name, 200),
        author=program,
        creator=program,
        lang="en",
        invariant=1,
    )
    template.build(list(parts), canvasmaker=NumberedCanvas)
    return written.getvalue()
