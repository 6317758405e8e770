"""Matches as JUnit XML (the form that Jenkins and its kin read): a suite a package type, a test case a match.

A match that counts is a failure, a suppressed one is skipped, a gap is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.match import Match, Matches, UnknownPackage
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.junit import Case, case, document, element, suite
from hullmark.report.matches_words import advice, epss_text, kev_text, snapshot_text, system_of


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document of one image."""
    return render_all([matches], context)


def render_all(results: Sequence[Matches], context: RenderContext) -> bytes:
    """The document, indented. A clean image is one test that passed: many readers take an empty report for a mistake."""
    stamp = moment(context.timestamp) or ""
    lines: list[str] = []
    kinds: list[str] = []
    for matches in results:
        properties = _properties(matches)
        for type, cases in _suites(matches).items():
            kinds += [kind for kind, _ in cases]
            lines += suite(f"{matches.source.reference} {type}", cases, properties, stamp)
    return document(lines, kinds)


def _suites(matches: Matches) -> dict[str, list[Case]]:
    suites: dict[str, list[Case]] = {}
    for match in matches.matches:
        suites.setdefault(match.package.type, []).append(_case_of_match(match))
    for untold in matches.unknown:
        suites.setdefault(untold.package.type, []).append(_case_of_untold(untold))
    return suites or {"image": [_case_of_nothing(matches)]}


def _properties(matches: Matches) -> dict[str, str]:
    return {
        "image": matches.source.reference,
        "digest": matches.source.digest,
        "distro": system_of(matches.distro),
        "advisories": snapshot_text(matches.snapshot),
        "problems": str(len(matches.problems)),
    }


def _case_of_match(match: Match) -> Case:
    package, advisory, suppressed = match.package, match.advisory, match.suppressed
    name = f"{advisory.id} in {package.name} {package.version}"
    if suppressed is not None:
        return "skipped", case(name, package.purl, [element("skipped", f"{suppressed.by}: {suppressed.reason}")])
    text = [match.why, advice(match), advisory.summary, *(f"at {place.path}" for place in package.locations)]
    known = ((f"EPSS {epss_text(advisory.epss)}" if advisory.epss else ""), kev_text(advisory.kev))
    message = ", ".join(filter(None, (f"{advisory.severity}: {name}", *known)))
    return "failure", case(name, package.purl, [element("failure", message, advisory.severity, text)])


def _case_of_nothing(matches: Matches) -> Case:
    reference = matches.source.reference
    if matches.snapshot:
        return "", case("no known vulnerabilities", reference, [])
    return "error", case("vulnerabilities", reference, [element("error", "no advisories were used", "unknown")])


def _case_of_untold(untold: UnknownPackage) -> Case:
    package = untold.package
    inner = element("error", untold.reason, "unknown")
    return "error", case(f"{package.name} {package.version}", package.purl, [inner])


FORMAT = Format(
    kind="matches",
    name="junit",
    media_type="application/xml",
    file_name="vulnerabilities.junit.xml",
    render=render,
    render_all=render_all,
)
