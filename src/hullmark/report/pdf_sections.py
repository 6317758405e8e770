"""The sections of an image's report, in the order in which they are read: verdict, findings, vulnerabilities, what is not known."""

from __future__ import annotations

from collections.abc import Iterator

from reportlab.platypus import Flowable

from hullmark.model.image_report import ImageReport
from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches
from hullmark.model.plural import plural
from hullmark.model.problem import Problem
from hullmark.model.verdict import Finding, Verdict
from hullmark.report import matches_words, pdf_parts, verdict_words
from hullmark.report.documents import moment
from hullmark.report.format import RenderContext
from hullmark.report.matches_words import sentence

_MAX_ROWS = Limit(20_000, "rows of a table in a PDF; the others are counted", "shortened")
_MAX_PLACES = Limit(5, "places of a finding shown in a PDF", "shortened")
_MAX_NAMES = Limit(60, "packages named together in a PDF; the others are counted", "shortened")


def sections(report: ImageReport, context: RenderContext) -> bytes:
    """The document."""
    pdf_parts.register()
    matches, verdict = report.matches, report.verdict
    name = context.name or matches.source.reference or "an image"
    parts: list[Flowable] = [*pdf_parts.title(f"Report on {name}")]
    if verdict is not None:
        parts += [pdf_parts.gap(4), pdf_parts.banner(verdict.verdict.value, sentence(verdict.reason)), pdf_parts.gap()]
    parts += [_numbers(matches), pdf_parts.gap(), pdf_parts.facts(_about(report, context))]
    if verdict is not None:
        parts += _findings(verdict)
    parts += [*_vulnerabilities(matches), *_render_unknown_packages(matches), *_set_aside(matches)]
    problems = {*matches.problems, *(verdict.problems if verdict is not None else ())}
    parts += _problems(sorted(problems, key=lambda problem: (problem.path, problem.layer, problem.reason)))
    return pdf_parts.document(parts, f"Report on {name}", f"hullmark {context.tool_version}")


def _numbers(matches: Matches) -> Flowable:
    counts = matches_words.count(matches)
    severities = [(severity, counts.by_severity.get(severity, 0)) for severity in ("critical", "high", "medium", "low")]
    others = counts.total - sum(number for _, number in severities)
    return pdf_parts.tiles(
        [
            *severities,
            ("other", others),
            ("fixable", counts.fixable),
            ("exploited", counts.exploited),
            ("unknown packages", counts.unknown),
        ]
    )


def _about(report: ImageReport, context: RenderContext) -> list[tuple[str, str]]:
    source, verdict = report.matches.source, report.verdict
    return [
        ("Image", source.reference),
        ("Digest", source.digest),
        ("Platform", source.platform),
        ("System", matches_words.system_of(report.matches.distro)),
        ("Layers", str(len(source.layers)) if source.layers else ""),
        ("Advisories", matches_words.snapshot_text(report.matches.snapshot)),
        ("Policy", verdict.inputs.policy if verdict is not None else ""),
        ("Judged at", verdict.inputs.at if verdict is not None else ""),
        ("Written at", moment(context.timestamp) or ""),
    ]


def _findings(verdict: Verdict) -> Iterator[Flowable]:
    found = verdict_words.counting(verdict)
    yield from pdf_parts.section("What counts by the policy")
    yield pdf_parts.text(f"{sentence(verdict_words.summary(verdict))}.")
    if found:
        yield pdf_parts.gap(4)
        cells = [
            [pdf_parts.mark(finding.action.value), _finding(finding), pdf_parts.cell(finding.rule_id)]
            for finding in found[:_MAX_ROWS]
        ]
        yield from pdf_parts.rows(("Action", "Finding", "Rule"), (0.09, 0.69, 0.22), cells)
        yield from _more(len(found))
    aside = verdict_words.set_aside(verdict)
    if aside:
        yield from pdf_parts.section("What does not count by the policy")
        cells = [[_finding(finding), pdf_parts.cell(verdict_words.excuse(finding))] for finding in aside[:_MAX_ROWS]]
        yield from pdf_parts.rows(("Finding", "Why it does not count"), (0.6, 0.4), cells)
        yield from _more(len(aside))


def _finding(finding: Finding) -> list[Flowable]:
    told = [pdf_parts.cell(finding.message)]
    told += [pdf_parts.soft(finding.recommendation)] if finding.recommendation else []
    return told + [pdf_parts.soft(place) for place in verdict_words.places(finding.evidence, _MAX_PLACES)]


def _vulnerabilities(matches: Matches) -> Iterator[Flowable]:
    found = matches_words.counting(matches.matches)
    yield from pdf_parts.section("Vulnerabilities")
    yield pdf_parts.text(f"{sentence(matches_words.summary(matches))}.")
    if not found:
        return
    yield pdf_parts.gap(4)
    head = ("Severity", "Vulnerability", "Package", "Installed", "Fixed in", "EPSS", "Risk")
    cells = [_vulnerability(match) for match in found[:_MAX_ROWS]]
    yield from pdf_parts.rows(head, (0.1, 0.19, 0.24, 0.17, 0.16, 0.08, 0.06), cells)
    yield from _more(len(found))


def _vulnerability(match: Match) -> list[pdf_parts.Cell]:
    package, advisory = match.package, match.advisory
    exploited = matches_words.kev_text(advisory.kev)
    named: list[Flowable] = [pdf_parts.cell(advisory.id)]
    named += [pdf_parts.soft("known to be exploited")] if exploited else []
    reach = matches_words.reach_text(match)
    return [
        pdf_parts.mark(advisory.severity),
        named,
        [pdf_parts.cell(package.name), *([pdf_parts.soft(reach)] if reach else [])],
        pdf_parts.cell(package.version),
        pdf_parts.cell(matches_words.fixed_in(match.fix)),
        pdf_parts.cell(matches_words.epss_text(advisory.epss)),
        pdf_parts.cell(f"{match.risk:.1f}"),
    ]


def _render_unknown_packages(matches: Matches) -> Iterator[Flowable]:
    if not matches.unknown:
        return
    yield from pdf_parts.section("What is not known")
    yield pdf_parts.text(
        f"Of {plural(len(matches.unknown), 'package')} nothing can be said. They are unknown, not clean."
    )
    yield pdf_parts.gap(4)
    cells = [
        [
            pdf_parts.cell(reason),
            pdf_parts.cell(matches_words.some([f"{product.name} {product.version}" for product in found], _MAX_NAMES)),
        ]
        for reason, found in matches_words.reasons(matches)
    ]
    yield from pdf_parts.rows(("Reason", "Packages"), (0.45, 0.55), cells[:_MAX_ROWS])
    yield from _more(len(cells))


def _set_aside(matches: Matches) -> Iterator[Flowable]:
    aside = [match for match in matches.matches if match.suppressed is not None]
    if not aside:
        return
    yield from pdf_parts.section("Vulnerabilities that do not count")
    cells = [
        [
            pdf_parts.mark(match.advisory.severity),
            pdf_parts.cell(match.advisory.id),
            pdf_parts.cell(f"{match.package.name} {match.package.version}"),
            pdf_parts.cell(", ".join(filter(None, (match.suppressed.by, match.suppressed.reason)))),
        ]
        for match in aside[:_MAX_ROWS]
        if match.suppressed is not None
    ]
    yield from pdf_parts.rows(("Severity", "Vulnerability", "Package", "Why"), (0.1, 0.2, 0.3, 0.4), cells)
    yield from _more(len(aside))


def _problems(found: list[Problem]) -> Iterator[Flowable]:
    if not found:
        return
    yield from pdf_parts.section("What could not be read or judged")
    cells = [
        [
            pdf_parts.cell(problem.path or "image"),
            pdf_parts.cell(str(problem.layer) if problem.layer >= 0 else ""),
            pdf_parts.cell(problem.reason),
        ]
        for problem in found[:_MAX_ROWS]
    ]
    yield from pdf_parts.rows(("Path", "Layer", "Reason"), (0.34, 0.08, 0.58), cells)
    yield from _more(len(found))


def _more(number: int) -> Iterator[Flowable]:
    if number > _MAX_ROWS:
        yield pdf_parts.text(f"And {number - _MAX_ROWS:,} more: hullmark check and hullmark vulns list them all.")
