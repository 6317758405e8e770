"""Matches as JUnit XML (the form that Jenkins and its kin read): a suite a package type, a test case a match.

What counts has failed, what is suppressed was skipped, what cannot be told is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hullmark.model.match import Match, Matches, Untold
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import advice, epss_text, kev_text, snapshot_text, system_of
from hullmark.report.terminal import safe


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document, indented. A clean image is one test that passed: many readers take an empty report for a mistake."""
    suites: dict[str, list[tuple[str, list[str]]]] = {}
    for match in matches.matches:
        suites.setdefault(match.package.type, []).append(_case_of_match(match))
    for untold in matches.unknown:
        suites.setdefault(untold.package.type, []).append(_case_of_untold(untold))
    if not suites:
        suites["image"] = [_case_of_nothing(matches)]
    kinds = [kind for suite in suites.values() for kind, _ in suite]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{_attributes(name='hullmark', **_numbers(kinds))}>"]
    stamp = (moment(context.timestamp) or "").removesuffix("Z")
    for type, suite in suites.items():
        numbers = _numbers([kind for kind, _ in suite])
        stamped = {"timestamp": stamp} if stamp else {}
        lines.append(f"  <testsuite{_attributes(name=f'{matches.source.reference} {type}', **numbers, **stamped)}>")
        lines += _properties(matches)
        for _, case in suite:
            lines += case
        lines.append("  </testsuite>")
    return ("\n".join([*lines, "</testsuites>"]) + "\n").encode()


def _numbers(kinds: list[str]) -> dict[str, str]:
    names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(kinds)), **{name: str(kinds.count(kind)) for name, kind in names.items()}, "time": "0"}


def _properties(matches: Matches) -> Iterable[str]:
    values = {
        "image": matches.source.reference,
        "digest": matches.source.digest,
        "distro": system_of(matches.distro),
        "advisories": snapshot_text(matches.snapshot),
        "problems": str(len(matches.problems)),
    }
    yield "    <properties>"
    yield from (f"      <property{_attributes(name=name, value=value)}/>" for name, value in values.items())
    yield "    </properties>"


def _case_of_match(match: Match) -> tuple[str, list[str]]:
    package, advisory, suppressed = match.package, match.advisory, match.suppressed
    name = f"{advisory.id} in {package.name} {package.version}"
    if suppressed is not None:
        return "skipped", _case(name, package.purl, [_element("skipped", f"{suppressed.by}: {suppressed.reason}")])
    text = [match.why, advice(match), advisory.summary, *(f"at {place.path}" for place in package.locations)]
    known = ((f"EPSS {epss_text(advisory.epss)}" if advisory.epss else ""), kev_text(advisory.kev))
    message = ", ".join(filter(None, (f"{advisory.severity}: {name}", *known)))
    return "failure", _case(name, package.purl, [_element("failure", message, advisory.severity, text)])


def _case_of_nothing(matches: Matches) -> tuple[str, list[str]]:
    reference = matches.source.reference
    if matches.snapshot:
        return "", _case("no known vulnerabilities", reference, [])
    return "error", _case("vulnerabilities", reference, [_element("error", "no advisories were used", "unknown")])


def _case_of_untold(untold: Untold) -> tuple[str, list[str]]:
    package = untold.package
    element = _element("error", untold.reason, "unknown")
    return "error", _case(f"{package.name} {package.version}", package.purl, [element])


def _case(name: str, group: str, inner: list[str]) -> list[str]:
    head = f"    <testcase{_attributes(name=name, classname=group or 'image', time='0')}"
    return [f"{head}>", *(f"      {line}" for line in inner), "    </testcase>"] if inner else [f"{head}/>"]


def _element(tag: str, message: str, type: str = "", text: Iterable[str] = ()) -> str:
    attributes = _attributes(message=message, **({"type": type} if type else {}))
    body = "\n".join(_text(line) for line in text if line)
    return f"<{tag}{attributes}>{body}</{tag}>" if body else f"<{tag}{attributes}/>"


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_text(value)}"' for name, value in values.items())


def _text(text: str) -> str:
    """The text for XML. What XML cannot hold is not plainly visible, and so is written out."""
    return escape(safe(text))


FORMAT = Format(
    kind="matches", name="junit", media_type="application/xml", file_name="vulnerabilities.junit.xml", render=render
)
