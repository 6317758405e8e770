"""Matches as one HTML file that needs nothing else: no foreign asset, readable without its script, printable.

All text from images and feeds is escaped, links go to plain web addresses only, and the page's own policy (Content Security Policy,
https://www.w3.org/TR/CSP3/) allows this style and this script alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hullmark.model.limit import Limit
from hullmark.model.match import Match, MatchedAdvisory, Matches
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.html_parts import facts, page, place, text
from hullmark.report.matches_html_page import SCRIPT, STYLE
from hullmark.report.matches_words import (
    WORST_FIRST,
    Counts,
    advice,
    count,
    counting,
    epss_text,
    fixed_in,
    is_url,
    kev_text,
    main_rating,
    page_of,
    plural,
    reasons,
    sentence,
    snapshot_text,
    summary,
    system_of,
)

_HEAD = ("Severity", "Vulnerability", "Package", "Installed", "Fixed in", "Type", "EPSS", "Risk")
_NUMBERS = frozenset(("EPSS", "Risk"))
_RANK = {severity: len(WORST_FIRST) - place for place, severity in enumerate(WORST_FIRST)}
_MAX_PLACES = Limit(20, "places of a package shown in HTML", "shortened")
_MAX_NAMES = Limit(200, "packages named together in HTML; the others are counted", "shortened")
_MATCHED = {"direct": "its own name", "source": "its source package", "cpe": "a guessed product name (CPE)"}


def render(matches: Matches, context: RenderContext) -> bytes:
    """The page."""
    counts = count(matches)
    name = text(matches.source.reference or "an image")
    body = [
        f"<h1>Vulnerabilities of {name}</h1>",
        f'<p class="lead">{text(sentence(summary(matches)))}.</p>',
        *_about(matches, context),
        *_tiles(counts),
        *_table(counting(matches.matches)),
        *_unknown(matches),
        *_suppressed(matches),
        *_problems(matches),
        f"<footer>Written by hullmark {text(context.tool_version)}.</footer>",
    ]
    return page(f"Vulnerabilities of {name}", STYLE, body, SCRIPT)


def _about(matches: Matches, context: RenderContext) -> Iterator[str]:
    source = matches.source
    values = (
        ("Digest", source.digest),
        ("Platform", source.platform),
        ("Distribution", system_of(matches.distro)),
        ("Advisories", snapshot_text(matches.snapshot)),
        ("Written", moment(context.timestamp) or ""),
    )
    yield from facts((name, text(value)) for name, value in values)


def _tiles(counts: Counts) -> Iterator[str]:
    numbers = [
        *((severity, str(counts.by_severity.get(severity, 0)), severity) for severity in WORST_FIRST[:4]),
        *((name, str(counts.by_severity[name]), name) for name in WORST_FIRST[4:] if name in counts.by_severity),
        ("", str(counts.fixable), "fixable"),
        ("", str(counts.exploited), "exploited"),
        ("", str(counts.suppressed), "suppressed"),
    ]
    if counts.unknown:
        numbers.append(("unknown", str(counts.unknown), "packages not known"))
    yield '<ul class="tiles">'
    yield from (f'<li class="tile {kind}"><b>{number}</b><span>{word}</span></li>' for kind, number, word in numbers)
    yield "</ul>"


def _table(found: list[Match]) -> Iterator[str]:
    yield "<h2>What counts</h2>"
    if not found:
        yield '<p class="clean">No known vulnerability counts.</p>'
        return
    yield from _tools()
    yield '<div class="wrap" tabindex="0" role="region" aria-label="Vulnerabilities">'
    yield '<table id="matches">'
    yield '<caption class="unseen">Vulnerabilities that count, one row for each package that has one</caption>'
    yield "<thead><tr>"
    for name in _HEAD:
        number = ' class="number"' if name in _NUMBERS else ""
        yield f'<th scope="col"{number}>{name}</th>'
    yield "</tr></thead>"
    yield "<tbody>"
    for match in found:
        yield from _row(match)
    yield "</tbody></table></div>"


def _tools() -> Iterator[str]:
    options = "".join(f'<option value="{severity}">{severity}</option>' for severity in WORST_FIRST)
    yield '<div class="tools" id="tools" role="search" hidden>'
    yield '<label class="unseen" for="search">Search the vulnerabilities</label>'
    yield '<input type="search" id="search" placeholder="Search: package, id, path …" autocomplete="off">'
    yield f'<label>Severity <select id="severity"><option value="">all</option>{options}</select></label>'
    yield '<label><input type="checkbox" id="fixable"> with a fix</label>'
    yield '<label><input type="checkbox" id="exploited"> known to be exploited</label>'
    yield '<output id="shown" for="search severity fixable exploited" aria-live="polite"></output>'
    yield "</div>"


def _row(match: Match) -> Iterator[str]:
    package, advisory = match.package, match.advisory
    severity, epss = advisory.severity, advisory.epss
    is_fixed, is_known = int(bool(match.fix.version)), int(advisory.kev is not None)
    yield f'<tr data-severity="{severity}" data-fixed="{is_fixed}" data-kev="{is_known}">'
    yield f'<td data-key="{_RANK[severity]}">{_mark(severity, severity)}</td>'
    yield f'<td class="id" data-key="{text(advisory.id)}">{_link(advisory)}{_exploited(advisory)}'
    yield from _details(match)
    yield "</td>"
    yield f'<td class="name">{text(package.name)}</td>'
    yield f'<td class="version mono">{text(package.version)}</td>'
    soft = "" if match.fix.version else " soft"
    yield f'<td class="version mono{soft}">{text(fixed_in(match.fix))}</td>'
    yield f'<td class="type">{text(package.type)}</td>'
    yield f'<td class="number" data-key="{epss.score if epss else 0:.6f}">{epss_text(epss)}</td>'
    yield f'<td class="number" data-key="{match.risk:.4f}">{match.risk:.1f}</td>'
    yield "</tr>"


def _mark(kind: str, word: str) -> str:
    return f'<span class="mark {kind}">{word}</span>'


def _exploited(advisory: MatchedAdvisory) -> str:
    word = {"": "", "KEV": "exploited", "ransom": "exploited by ransomware"}[kev_text(advisory.kev)]
    return f" {_mark('kev', word)}" if word else ""


def _link(advisory: MatchedAdvisory) -> str:
    address = page_of(advisory)
    name = text(advisory.id)
    return _anchor(address, name) if address else name


def _anchor(url: str, words: str) -> str:
    return f'<a href="{escape(url, quote=True)}" rel="noreferrer noopener">{words}</a>'


def _details(match: Match) -> Iterator[str]:
    package, advisory, fix = match.package, match.advisory, match.fix
    rating, epss, kev = main_rating(advisory), advisory.epss, advisory.kev
    sure = "" if match.confidence >= 1 else f", with a confidence of {match.confidence:.0%}"
    places = "<br>".join(place(found.path, found.layer) for found in package.locations[:_MAX_PLACES])
    values = (
        ("Why", text(match.why)),
        ("What to do", text(advice(match)) + (f" Fixed since {text(fix.date)}." if fix.date else "")),
        ("About", text(advisory.summary)),
        ("Found at", places),
        ("Also known as", text(", ".join(advisory.aliases))),
        ("CVSS", text(f"{rating.score} {rating.vector}") if rating else ""),
        ("EPSS", f"{epss_text(epss)}, higher than {int(epss.percentile * 1000) / 10}% of all" if epss else ""),
        ("Exploited", text(f"since {kev.added}{f', act by {kev.due}' if kev.due else ''}") if kev else ""),
        ("Weaknesses", text(", ".join(advisory.cwes))),
        ("Announced in", text(", ".join(advisory.vendor_ids))),
        ("Source", text(f"{advisory.source}, {advisory.namespace}, found by {_MATCHED[match.kind]}{sure}")),
        ("References", "<br>".join(_anchor(url, text(url)) for url in advisory.references if is_url(url))),
    )
    yield "<details><summary>Details</summary>"
    yield from facts(values)
    yield "</details>"


def _unknown(matches: Matches) -> Iterator[str]:
    if not matches.unknown:
        return
    yield "<h2>What is not known</h2>"
    yield f'<p class="lead">Of {plural(len(matches.unknown), "package")} nothing can be said. They are unknown, not clean.</p>'
    yield '<ul class="plain">'
    for reason, packages in reasons(matches):
        names = ", ".join(text(f"{package.name} {package.version}") for package in packages[:_MAX_NAMES])
        more = f" and {len(packages) - _MAX_NAMES} more" if len(packages) > _MAX_NAMES else ""
        yield f"<li>{text(reason)} <details><summary>{plural(len(packages), 'package')}</summary>{names}{more}</details></li>"
    yield "</ul>"


def _suppressed(matches: Matches) -> Iterator[str]:
    found = [match for match in matches.matches if match.suppressed]
    if not found:
        return
    yield "<h2>What does not count</h2>"
    yield '<div class="wrap" tabindex="0" role="region" aria-label="Suppressed vulnerabilities"><table>'
    yield '<caption class="unseen">Vulnerabilities that do not count, with the reason</caption>'
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("Severity", "Vulnerability", "Package", "Installed", "By", "Reason")
    )
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for match in found:
        yield _suppressed_row(match)
    yield "</tbody></table></div>"


def _suppressed_row(match: Match) -> str:
    package, advisory, suppression = match.package, match.advisory, match.suppressed
    if suppression is None:
        return ""
    who = f'<br><span class="soft">{text(suppression.owner)}</span>' if suppression.owner else ""
    until = f' <span class="soft">until {text(suppression.expires)}</span>' if suppression.expires else ""
    return (
        f"<tr><td>{_mark(advisory.severity, advisory.severity)}</td><td>{_link(advisory)}</td>"
        f'<td class="name">{text(package.name)}</td><td class="version mono">{text(package.version)}</td>'
        f"<td>{suppression.by}{who}</td><td>{text(suppression.reason)}{until}</td></tr>"
    )


def _problems(matches: Matches) -> Iterator[str]:
    if not matches.problems:
        return
    yield "<h2>What could not be read</h2>"
    yield '<ul class="plain">'
    for problem in matches.problems:
        yield f"<li>{place(problem.path or 'image', problem.layer)}: {text(problem.reason)}</li>"
    yield "</ul>"


FORMAT = Format(
    kind="matches", name="html", media_type="text/html; charset=utf-8", file_name="vulnerabilities.html", render=render
)
