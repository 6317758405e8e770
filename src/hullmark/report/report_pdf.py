"""The report on an image as a PDF document (ISO 32000): to be printed, signed off or filed.

It is laid out by ReportLab, which is pure Python and brings a font of its own, so that the same report gives the same bytes on every
machine. That is an extra: `pip install 'hullmark[pdf]'`.
"""

from __future__ import annotations

from hullmark.model.errors import HullmarkError
from hullmark.model.image_report import ImageReport
from hullmark.report.format import Format, RenderContext


def render(report: ImageReport, context: RenderContext) -> bytes:
    """The document. Raises HullmarkError where ReportLab is not installed."""
    require()
    from hullmark.report.pdf_sections import sections

    return sections(report, context)


def require() -> None:
    """Raise HullmarkError where ReportLab is not installed."""
    try:
        import reportlab.platypus  # noqa: F401 - whether it is there
    except ModuleNotFoundError as error:
        raise HullmarkError(
            f"a PDF cannot be written: {error.name} is missing", advice="install it: pip install 'hullmark[pdf]'"
        ) from error


FORMAT = Format(
    kind="report", name="pdf", media_type="application/pdf", file_name="report.pdf", render=render, is_single=True
)
