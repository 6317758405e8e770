"""Matches as Markdown (GitHub's kind) for comments and job summaries: the numbers first, then the most urgent, the rest counted."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches
from hullmark.model.plural import plural
from hullmark.report.format import Format, RenderContext
from hullmark.report.markdown import details, plain, problem_list, row
from hullmark.report.matches_words import (
    counting,
    epss_text,
    fixed_in,
    kev_text,
    page_of,
    reach_counts,
    reach_text,
    reasons,
    sentence,
    snapshot_text,
    ssvc_text,
    summary,
    system_of,
)

_HEAD = ("Severity", "Vulnerability", "Package", "Installed", "Fixed in", "Type", "EPSS", "KEV", "Risk")
_MAX_ROWS = Limit(100, "matches shown in Markdown; the others are counted", "shortened")
_MAX_NAMES = Limit(10, "packages named together in Markdown; the others are counted", "shortened")


def render(matches: Matches, context: RenderContext) -> bytes:
    """The text. Every character of Markdown that comes from an image or a feed is written as an entity."""
    found = counting(matches.matches)
    lines = [
        f"## Vulnerabilities of {plain(matches.source.reference)}",
        "",
        f"**{sentence(summary(matches))}**",
        "",
    ]
    for name, value in (
        ("Digest", matches.source.digest),
        ("Distro", system_of(matches.distro)),
        ("Advisories", snapshot_text(matches.snapshot)),
        ("Starts", "; ".join(matches.roots or ())),
        ("Reach", reach_counts(matches) if matches.roots is not None else ""),
        ("Nothing is called unreachable, as", matches.unfollowed),
    ):
        if value:
            lines.append(f"- {name}: {plain(value)}")
    lines.append("")
    more = ("Reach",) if matches.roots is not None else ()
    lines += _table(found, (*more, "SSVC") if more and context.shows_ssvc else more)
    lines += _render_unknown_packages(matches)
    lines += _problems(matches)
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def _table(found: list[Match], more: tuple[str, ...]) -> Iterator[str]:
    if not found:
        return
    yield row((*_HEAD, *more))
    yield "|---|---|---|---|---|---|---:|---|---:|" + "---|" * len(more)
    for match in found[:_MAX_ROWS]:
        yield row((*_row(match), *(reach_text(match), ssvc_text(match))[: len(more)]))
    yield ""
    if len(found) > _MAX_ROWS:
        yield f"and {len(found) - _MAX_ROWS} more"
        yield ""


def _row(match: Match) -> tuple[str, ...]:
    package, advisory = match.package, match.advisory
    page = page_of(advisory)
    name = plain(advisory.id)
    word = f"**{advisory.severity}**" if advisory.severity in ("critical", "high") else advisory.severity
    return (
        word,
        f"[{name}](<{page}>)" if page else name,
        plain(package.name),
        plain(package.version),
        plain(fixed_in(match.fix)),
        plain(package.type),
        epss_text(advisory.epss),
        kev_text(advisory.kev),
        f"{match.risk:.1f}",
    )


def _render_unknown_packages(matches: Matches) -> Iterator[str]:
    if not matches.unknown:
        return
    lines = []
    for reason, packages in reasons(matches):
        names = ", ".join(plain(package.name) for package in packages[:_MAX_NAMES])
        more = f" and {len(packages) - _MAX_NAMES} more" if len(packages) > _MAX_NAMES else ""
        lines.append(f"- {plain(reason)}: {names}{more}")
    yield from details(f"{plural(len(matches.unknown), 'package')} of which nothing can be said", lines)


def _problems(matches: Matches) -> Iterator[str]:
    if matches.problems:
        summary = f"{plural(len(matches.problems), 'problem')} while reading the image"
        yield from details(summary, problem_list(matches.problems))


FORMAT = Format(
    kind="matches",
    name="markdown",
    media_type="text/markdown; charset=utf-8",
    file_name="vulnerabilities.md",
    render=render,
)
