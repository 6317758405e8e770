"""What of an image is reached, as one HTML file that needs nothing else: no script, no foreign asset, printable.

All text from images and advisories is escaped, and the page's own policy (https://www.w3.org/TR/CSP3/) allows this style alone. The map
is SVG 2 (https://www.w3.org/TR/SVG2/) in the page itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.model.plural import plural
from hullmark.model.reach import REACHES, AdvisoryReach, Minimality, PackageReach, ProgramReach, WitnessStep
from hullmark.model.sizes import format_size
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.html_parts import page
from hullmark.report.matches_words import WORST_FIRST
from hullmark.report.minimality_html_page import STYLE, TEMPLATE
from hullmark.report.minimality_map import FRAME, map_of
from hullmark.report.minimality_words import KINDS, advisories, of_kind, short

_KIND_WORDS = {
    "package-manager": "package manager",
    "network": "network tool",
    "living-off-the-land": "of use to intruders",
}
_MAX_ROWS = Limit(3_000, "packages listed in HTML with the way to each; the others are counted", "shortened")
_MAX_PROGRAMS = Limit(1_000, "programs of interest listed in HTML; the others are counted", "shortened")
_MAX_ADVISORIES = Limit(1_000, "advisories listed in HTML for each verdict; the others are counted", "shortened")
_MAX_ENDS = Limit(500, "open ends listed in HTML; the others are counted", "shortened")
_MAX_STEPS = Limit(60, "steps of the way to a file shown in HTML; of a longer one the middle is left out", "shortened")


class BeforeAfter(NamedTuple):
    """How many there are in the image, and how many in what is left when all that is unreachable goes."""

    name: str
    before: str
    after: str
    share: int  # percent that goes


def render(found: Minimality, context: RenderContext) -> bytes:
    """The page."""
    packages = sorted(
        found.packages, key=lambda package: (REACHES.index(package.reach), -package.bytes, package.name, package.purl)
    )
    listed = packages[:_MAX_ROWS]
    targets = {package.purl: f"p{number}" for number, package in enumerate(listed) if package.purl}
    programs = sorted(
        (program for program in found.programs if program.kinds),
        key=lambda program: (REACHES.index(program.reach), program.path),
    )
    return page(
        TEMPLATE,
        f"What {found.source.reference or 'an image'} needs to run",
        STYLE,
        lead=_lead(found),
        about=_about(found, context),
        tiles=list(_tiles(found)),
        map=map_of(found, targets),
        frame=FRAME,
        legend=[(reach, format_size(found.counts[reach].bytes), _percent(found, reach)) for reach in REACHES],
        comparison=list(_comparison(found)),
        has_advisories=found.matches is not None,
        by_severity=list(_by_severity(found)),
        packages=listed,
        more_packages=len(packages) - len(listed),
        programs=programs[:_MAX_PROGRAMS],
        more_programs=max(0, len(programs) - _MAX_PROGRAMS),
        command=f"{found.recipe.command} {shlex.join(found.recipe.purge)}" if found.recipe.purge else "",
        purge=found.recipe.purge,
        kept=found.recipe.kept,
        advisory_lists=_advisory_lists(found),
        ends=found.open_ends[:_MAX_ENDS],
        more_ends=max(0, len(found.open_ends) - _MAX_ENDS),
        answers=found.answers,
        problems_found=found.problems,
        version=context.tool_version,
        megabytes=format_size,
        short=short,
        plural=plural,
        steps=_steps,
        own=_own,
        called=_KIND_WORDS,
    )


def _total(found: Minimality) -> int:
    return sum(count.bytes for count in found.counts.values())


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _percent(found: Minimality, reach: str) -> str:
    total = _total(found)
    part = next(count.bytes for name, count in found.counts.items() if name == reach)
    return f"{100 * part / total:.1f} %" if total else "0 %"


def _lead(found: Minimality) -> str:
    gone, count = found.counts["unreachable"], _total(found)
    if not found.roots:
        return "The image does not say what it starts, so nothing is called unreachable that some command might use"
    return (
        f"What it starts cannot reach {format_size(gone.bytes)} of {format_size(count)}: "
        f"{_count(gone.packages, 'package')} and {_count(gone.files, 'file')} can go"
    )


def _about(found: Minimality, context: RenderContext) -> list[tuple[str, str]]:
    starts = found.roots or ("nothing that it names",)
    return [
        ("Digest", found.source.digest),
        ("Platform", found.source.platform),
        *(("Starts", root) for root in starts),
        ("Written", moment(context.timestamp) or ""),
    ]


def _tiles(found: Minimality) -> Iterator[tuple[str, str, str]]:
    """Class, number and words of item."""
    gone, total = found.counts["unreachable"], _total(found)
    yield "gone", f"{100 * gone.bytes // total if total else 0} %", "of the bytes can go"
    yield "gone", f"{gone.packages:,}", "packages can go"
    if found.vanish is not None:
        yield "gone", f"{len(found.vanish):,}", "vulnerabilities vanish"
    for kind, names in KINDS[:2]:
        stay = sum(of_kind(found.programs, kind, reach) for reach in REACHES[:2])
        yield "stays" if stay else "", f"{stay:,}", f"{names} stay"
    yield "unknown", f"{found.counts['unknown'].packages:,}", "packages are unknown"


def _comparison(found: Minimality) -> Iterator[BeforeAfter]:
    def row(name: str, numbers: Sequence[int], *, is_bytes: bool = False) -> BeforeAfter:
        before, after = sum(numbers), sum(numbers[:2])
        share = 100 * (before - after) // before if before else 0
        if is_bytes:
            return BeforeAfter(name, format_size(before), format_size(after), share)
        return BeforeAfter(name, f"{before:,}", f"{after:,}", share)

    counts = [found.counts[reach] for reach in REACHES]
    yield row("size", [count.bytes for count in counts], is_bytes=True)
    yield row("packages", [count.packages for count in counts])
    yield row("files", [count.files for count in counts])
    yield row("ELF files", [count.elves for count in counts])
    yield row("programs", [count.programs for count in counts])
    for kind, names in KINDS:
        yield row(names, [of_kind(found.programs, kind, reach) for reach in REACHES])
    if found.matches is not None:
        yield row("vulnerabilities", [advisories(found.matches, reach) for reach in REACHES])


def _by_severity(found: Minimality) -> Iterator[tuple[str, int, int]]:
    """Severity, vulnerabilities before and after: each counts once, by the worst severity that it has anywhere."""
    worst: dict[str, int] = {}
    for match in found.matches or ():
        rank = WORST_FIRST.index(match.severity) if match.severity in WORST_FIRST else len(WORST_FIRST) - 1
        worst[match.advisory] = min(rank, worst.get(match.advisory, rank))
    vanish = set(found.vanish or ())
    for rank, severity in enumerate(WORST_FIRST):
        of = [advisory for advisory, at in worst.items() if at == rank]
        if of:
            yield severity, len(of), len([advisory for advisory in of if advisory not in vanish])


def _advisory_lists(found: Minimality) -> list[tuple[str, list[tuple[str, list[AdvisoryReach]]], int]]:
    """What vanishes and what stays: a heading, each advisory with its matches, and how many are left out."""
    vanish = set(found.vanish or ())
    lists = []
    for heading, is_gone in (("Vulnerabilities that vanish", True), ("Vulnerabilities that stay", False)):
        by_advisory: dict[str, list[AdvisoryReach]] = {}
        for match in found.matches or ():
            if (match.advisory in vanish) == is_gone:
                by_advisory.setdefault(match.advisory, []).append(match)
        rows = sorted(by_advisory.items(), key=lambda row: (min(map(_rank, row[1])), row[0]))
        if rows:
            lists.append((heading, rows[:_MAX_ADVISORIES], max(0, len(rows) - _MAX_ADVISORIES)))
    return lists


def _rank(match: AdvisoryReach) -> int:
    return WORST_FIRST.index(match.severity) if match.severity in WORST_FIRST else len(WORST_FIRST)


def _steps(steps: Sequence[WitnessStep]) -> list[WitnessStep]:
    """The way, the middle of a very long one left out, which it says."""
    if len(steps) <= _MAX_STEPS:
        return list(steps)
    half = _MAX_STEPS // 2
    return [*steps[:half], WitnessStep("…", f"{len(steps) - 2 * half:,} steps are not shown"), *steps[-half:]]


def _own(item: PackageReach | ProgramReach) -> str:
    """The reason of a verdict, where no way says it. Of programs that are unreachable the page says it once."""
    is_told = item.reach == "reachable" or (item.reach == "unreachable" and isinstance(item, ProgramReach))
    return "" if is_told else item.reason


FORMAT = Format(
    kind="minimality",
    name="html",
    media_type="text/html; charset=utf-8",
    file_name="minimality.html",
    render=render,
    is_single=True,
)
