"""Matches as GitHub's workflow commands: an annotation for each that counts.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.match import Match, Matches
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import advice, counting, epss_text, kev_text, place_of, reasons, summary
from hullmark.report.terminal import safe

_COMMAND = {"critical": "error", "high": "error", "medium": "warning"}
_OTHERS = "notice"
_MAX_NAMES = 5


def render(matches: Matches, context: RenderContext) -> bytes:
    """A command a line, and the numbers as the last, which is none: a log shows them as they are."""
    lines = [_annotation(match) for match in counting(matches.matches)]
    lines += _warnings(matches)
    lines.append(f"hullmark: {safe(matches.source.reference)}: {summary(matches)}")
    return ("\n".join(lines) + "\n").encode()


def _annotation(match: Match) -> str:
    package, advisory = match.package, match.advisory
    known = (f"EPSS {epss_text(advisory.epss)}" if advisory.epss else "", kev_text(advisory.kev))
    title = (
        f"{advisory.id} ({', '.join(filter(None, (advisory.severity, *known)))}) in {package.name} {package.version}"
    )
    command = _COMMAND.get(advisory.severity, _OTHERS)
    text = f"{match.why or advisory.summary or advisory.id} {advice(match)}"
    return _line(command, text, title, place_of(package).lstrip("/"))


def _warnings(matches: Matches) -> Iterator[str]:
    for reason, packages in reasons(matches):
        names = ", ".join(package.name for package in packages[:_MAX_NAMES])
        more = f" and {len(packages) - _MAX_NAMES} more" if len(packages) > _MAX_NAMES else ""
        yield _line("warning", f"{reason}: {names}{more}", "Unknown, not clean")
    for problem in matches.problems:
        yield _line("warning", problem.reason, "Not read", problem.path.lstrip("/"))


def _line(command: str, text: str, title: str, path: str = "") -> str:
    place = f"file={_property(path)}," if path else ""
    return f"::{command} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    # `safe` leaves no line break, so that no text can begin a command of its own.
    return safe(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMAT = Format(
    kind="matches", name="github", media_type="text/plain; charset=utf-8", file_name="annotations.txt", render=render
)
