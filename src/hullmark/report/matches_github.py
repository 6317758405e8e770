"""Matches as GitHub's workflow commands: an annotation for each that counts."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import advice, counting, epss_text, kev_text, place_of, reasons, summary
from hullmark.report.terminal import safe
from hullmark.report.workflow_commands import annotation

_COMMAND = {"critical": "error", "high": "error", "medium": "warning"}
_OTHERS = "notice"
_MAX_NAMES = Limit(5, "packages named together in GitHub's annotations; the others are counted", "shortened")


def render(matches: Matches, context: RenderContext) -> bytes:
    """A command a line; the numbers come last as plain text, which a log shows as it is."""
    lines = [_of_match(match) for match in counting(matches.matches)]
    lines += _warnings(matches)
    lines.append(f"hullmark: {safe(matches.source.reference)}: {summary(matches)}")
    return ("\n".join(lines) + "\n").encode()


def _of_match(match: Match) -> str:
    package, advisory = match.package, match.advisory
    known = (f"EPSS {epss_text(advisory.epss)}" if advisory.epss else "", kev_text(advisory.kev))
    title = (
        f"{advisory.id} ({', '.join(filter(None, (advisory.severity, *known)))}) in {package.name} {package.version}"
    )
    command = _COMMAND.get(advisory.severity, _OTHERS)
    text = f"{match.why or advisory.summary or advisory.id} {advice(match)}"
    return annotation(command, text, title, place_of(package).lstrip("/"))


def _warnings(matches: Matches) -> Iterator[str]:
    for reason, packages in reasons(matches):
        names = ", ".join(package.name for package in packages[:_MAX_NAMES])
        more = f" and {len(packages) - _MAX_NAMES} more" if len(packages) > _MAX_NAMES else ""
        yield annotation("warning", f"{reason}: {names}{more}", "Unknown, not clean")
    for problem in matches.problems:
        yield annotation("warning", problem.reason, "Not read", problem.path.lstrip("/"))


FORMAT = Format(
    kind="matches", name="github", media_type="text/plain; charset=utf-8", file_name="annotations.txt", render=render
)
