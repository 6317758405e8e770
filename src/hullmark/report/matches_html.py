"""Matches as one HTML file that needs nothing else: no foreign asset, readable without its script, printable.

All text from images and feeds is escaped, links go to plain web addresses only, and the page's own policy (Content Security Policy,
https://www.w3.org/TR/CSP3/) allows this style and this script alone.
"""

from __future__ import annotations

from hullmark.model.limit import Limit
from hullmark.model.match import Match, Matches
from hullmark.model.plural import plural
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.html_parts import page
from hullmark.report.matches_html_page import SCRIPT, STYLE, TEMPLATE
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
    reasons,
    sentence,
    snapshot_text,
    summary,
    system_of,
)

_RANK = {severity: len(WORST_FIRST) - place for place, severity in enumerate(WORST_FIRST)}
_MAX_PLACES = Limit(20, "places of a package shown in HTML", "shortened")
_MAX_NAMES = Limit(200, "packages named together in HTML; the others are counted", "shortened")
_MATCHED = {"direct": "its own name", "source": "its source package", "cpe": "a guessed product name (CPE)"}
_EXPLOITED = {"": "", "KEV": "exploited", "ransom": "exploited by ransomware"}


def render(matches: Matches, context: RenderContext) -> bytes:
    """The page."""
    name = matches.source.reference or "an image"
    return page(
        TEMPLATE,
        f"Vulnerabilities of {name}",
        STYLE,
        SCRIPT,
        lead=sentence(summary(matches)),
        about=_about(matches, context),
        tiles=_tiles(count(matches)),
        found=counting(matches.matches),
        unknown=matches.unknown,
        reasons=list(reasons(matches)),
        suppressed=[match for match in matches.matches if match.suppressed],
        problems_found=matches.problems,
        version=context.tool_version,
        severities=WORST_FIRST,
        rank=_RANK,
        max_places=_MAX_PLACES,
        max_names=_MAX_NAMES,
        exploited=lambda advisory: _EXPLOITED[kev_text(advisory.kev)],
        before=_before_places,
        after=_after_places,
        page_of=page_of,
        is_url=is_url,
        fixed_in=fixed_in,
        epss_text=epss_text,
        plural=plural,
    )


def _about(matches: Matches, context: RenderContext) -> list[tuple[str, str]]:
    source = matches.source
    return [
        ("Digest", source.digest),
        ("Platform", source.platform),
        ("Distribution", system_of(matches.distro)),
        ("Advisories", snapshot_text(matches.snapshot)),
        ("Written", moment(context.timestamp) or ""),
    ]


def _tiles(counts: Counts) -> list[tuple[str, int, str]]:
    """Class, number and word of each."""
    return [
        *((severity, counts.by_severity.get(severity, 0), severity) for severity in WORST_FIRST[:4]),
        *((name, counts.by_severity[name], name) for name in WORST_FIRST[4:] if name in counts.by_severity),
        ("", counts.fixable, "fixable"),
        ("", counts.exploited, "exploited"),
        ("", counts.suppressed, "suppressed"),
        *([("unknown", counts.unknown, "packages not known")] if counts.unknown else []),
    ]


def _before_places(match: Match) -> list[tuple[str, str]]:
    """What is told of a match before the places where its package was found."""
    since = f" Fixed since {match.fix.date}." if match.fix.date else ""
    reach = match.reach
    way = (reach.evidence or reach.reason or " -> ".join(step.path for step in reach.witness)) if reach else ""
    told = [("Reach", f"{reach.reach}: {way}")] if reach else []
    return [("Why", match.why), *told, ("What to do", advice(match) + since), ("About", match.advisory.summary)]


def _after_places(match: Match) -> list[tuple[str, str]]:
    """What is told behind them, but for the references."""
    advisory = match.advisory
    rating, epss, kev = main_rating(advisory), advisory.epss, advisory.kev
    sure = "" if match.confidence >= 1 else f", with a confidence of {match.confidence:.0%}"
    return [
        ("Also known as", ", ".join(advisory.aliases)),
        ("CVSS", f"{rating.score} {rating.vector}" if rating else ""),
        ("EPSS", f"{epss_text(epss)}, higher than {int(epss.percentile * 1000) / 10}% of all" if epss else ""),
        ("Exploited", f"since {kev.added}{f', act by {kev.due}' if kev.due else ''}" if kev else ""),
        ("SSVC", _decision(match)),
        ("Weaknesses", ", ".join(advisory.cwes)),
        ("Announced in", ", ".join(advisory.vendor_ids)),
        ("Source", f"{advisory.source}, {advisory.namespace}, found by {_MATCHED[match.kind]}{sure}"),
    ]


def _decision(match: Match) -> str:
    ssvc = match.ssvc
    if ssvc is None:
        return ""
    assumed = f"; not known: {', '.join(ssvc.assumed)}" if ssvc.assumed else ""
    points = (
        f"exploitation {ssvc.exploitation}, automatable {ssvc.automatable}, technical impact {ssvc.technical_impact}"
    )
    return f"{ssvc.level} ({points}, mission {ssvc.mission}{assumed})"


FORMAT = Format(
    kind="matches",
    name="html",
    media_type="text/html; charset=utf-8",
    file_name="vulnerabilities.html",
    render=render,
    is_single=True,
)
