"""Matches as a table for people: what counts, in the requested order, then what is unknown, then the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches
from hullmark.model.plural import plural
from hullmark.model.reach import MatchReach
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import (
    counting,
    epss_text,
    fixed_in,
    kev_text,
    reach_counts,
    reach_text,
    reasons,
    sentence,
    snapshot_text,
    some,
    ssvc_text,
    summary,
    system_of,
)
from hullmark.report.table import grid, left_out_lines
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe

_HEAD = (
    *("PACKAGE", "INSTALLED", "FIXED IN", "TYPE", "VULNERABILITY", "SEVERITY", "REACH", "SSVC", "EPSS", "KEV", "RISK"),
)
_SEVERITY = _HEAD.index("SEVERITY")
_SPARE = ("TYPE", "EPSS", "RISK")
_COLOR = {"critical": "red", "high": "red", "medium": "yellow", "low": "dim", "negligible": "dim", "unknown": "dim"}
_SAME = 4
"""So many cells name the package and its fix; they are not repeated from row to row."""

_MAX_NAMES = Limit(5, "packages named together in a table; the others are counted", "shortened")


def render(matches: Matches, context: RenderContext) -> bytes:
    """The text. Suppressed matches are counted, but only listed on request; the JSON always has them."""
    paint = Paint(context.color)
    found = counting(matches.matches)
    lines = _table(found, context, paint)
    for name, value in (
        ("Image", matches.source.reference),
        ("Digest", matches.source.digest),
        ("Distro", system_of(matches.distro)),
        ("Snapshot", snapshot_text(matches.snapshot)),
        *_format_reach(matches),
    ):
        if value:
            lines.append(fact(name, value, paint, context.width))
    lines += _render_unknown_packages(matches, context.width, paint)
    if context.shows_suppressed:
        lines += _render_suppressed_matches(matches, context.width, paint)
    lines += _render_coverage_gaps(matches, context.width, paint)
    shown = {gap.reason for gap in matches.uncovered}
    others = tuple(
        problem for problem in matches.problems if problem.kind != "uncovered" or problem.reason not in shown
    )
    lines += problem_lines(others, context.width, paint)
    lines += (paint("bold", line) for line in fold(sentence(summary(matches)), context.width, ""))
    return ("\n".join(lines) + "\n").encode()


def _format_reach(matches: Matches) -> Iterator[tuple[str, str]]:
    """From where the image's start was followed, and how many of what counts that reaches."""
    if matches.roots is None:
        return
    yield "Starts", "; ".join(matches.roots) or "nothing that it names"
    why = f"; nothing is called unreachable, as {matches.unfollowed}" if matches.unfollowed else ""
    if counting(matches.matches) or why:
        yield "Reach", f"{reach_counts(matches)}{why}"


def _table(found: list[Match], context: RenderContext, paint: Paint) -> list[str]:
    """The lines of what counts, with an empty one at their end; none if nothing does."""
    if not found:
        return []
    word = [_COLOR[match.advisory.severity] for match in found]
    shown = grid(
        _HEAD,
        _rows(found, context),
        context.width,
        paint,
        _SPARE,
        lambda row, column: word[row] if column == _SEVERITY else "",
    )
    lines = list(shown.head)
    for row, match in zip(shown.rows, found, strict=True):
        lines += row
        if context.explains:
            by = match.advisory.severity_text
            whose = f"; {match.advisory.severity} by {by}" if by else "; nobody rated it"
            reason = f"; {match.reach.reach}: {_way(match.reach)}" if match.reach is not None else ""
            lines += fold(safe(f"{match.why}{whose}{reason}"), context.width, "    ")
    return [*lines, *left_out_lines(shown.left_out, context.width, paint), ""]


def _way(reach: MatchReach) -> str:
    """Why it is not reached, or the files on the shortest way."""
    return reach.reason or " -> ".join(step.path for step in reach.witness)


def _rows(matches: Iterable[Match], context: RenderContext) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    before: tuple[str, ...] = ()
    for match in matches:
        row = _row(match, context)
        same = row[:2] == before[:2] and row[3] == before[3]
        rows.append(("", "", row[2], "", *row[_SAME:]) if same else row)
        before = row
    return rows


def _row(match: Match, context: RenderContext) -> tuple[str, ...]:
    package, advisory = match.package, match.advisory
    sure = "" if match.confidence >= 1 else "?"
    return (
        safe(package.name),
        safe(package.version),
        safe(fixed_in(match.fix)),
        safe(package.type),
        safe(advisory.id) + sure,
        advisory.severity,
        reach_text(match),
        ssvc_text(match) if context.shows_ssvc else "",
        epss_text(advisory.epss),
        kev_text(advisory.kev),
        f"{match.risk:.1f}",
    )


def _render_unknown_packages(matches: Matches, width: int, paint: Paint) -> Iterator[str]:
    if not matches.unknown:
        return
    about = list(reasons(matches))
    is_cut = any(len(packages) > _MAX_NAMES for _, packages in about)
    more = "; -o json names each" if is_cut else ""
    yield fact("Unknown", f"{plural(len(matches.unknown), 'package')} of which nothing can be said{more}", paint, width)
    for reason, packages in about:
        names = some([safe(package.name) for package in packages], _MAX_NAMES)
        count = f" ({len(packages)} packages)" if len(packages) > 1 else ""
        yield from fold(f"{safe(reason)}{count}: {names}", width, "  ")


def _render_coverage_gaps(matches: Matches, width: int, paint: Paint) -> Iterator[str]:
    """Gaps in the advisories, a line for each cause."""
    lines = [
        safe(gap.reason) + (f" ({plural(gap.packages, 'package')})" if gap.packages else "")
        for gap in matches.uncovered
    ]
    if lines:
        missing = plural(len(lines), "gap") + " in the advisories: what is missing is unknown, not clean"
        yield fact("Uncovered", missing, paint, width)
    for line in lines:
        yield from fold(line, width, "  ")
    if matches.matches and matches.snapshot is not None and matches.snapshot.exploited_gap:
        yield fact("Exploited", safe(matches.snapshot.exploited_gap), paint, width)


def _render_suppressed_matches(matches: Matches, width: int, paint: Paint) -> Iterator[str]:
    aside = [(match, match.suppressed) for match in matches.matches if match.suppressed is not None]
    if not aside:
        return
    yield fact("Set aside", plural(len(aside), "match", "matches"), paint, width)
    for match, suppressed in aside:
        name = f"{match.package.name} {match.package.version} {match.advisory.id}"
        until = f" (until {suppressed.expires})" if suppressed.expires else ""
        yield from fold(f"{safe(name)}: {suppressed.by}, {safe(suppressed.reason)}{until}", width, "  ")


FORMAT = Format(
    kind="matches", name="table", media_type="text/plain; charset=utf-8", file_name="vulnerabilities.txt", render=render
)
