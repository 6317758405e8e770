"""Matches as comma-separated values (RFC 4180), one row each, the suppressed ones too; a sheet takes no cell for a formula."""

from __future__ import annotations

import csv
import io

from hullmark.model.match import Match, Matches
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import main_rating, place_of, reach_text
from hullmark.report.terminal import safe

_HEAD = (
    "package", "installed", "type", "purl", "vulnerability", "cve", "aliases", "severity", "cvss", "cvss_vector", "epss",
    "epss_percentile", "kev", "kev_due", "risk", "fix_state", "fixed_in", "fix_date", "match", "confidence", "namespace",
    "source", "path", "layer", "suppressed_by", "suppressed_reason", "suppressed_owner", "suppressed_until", "why", "summary",
)  # fmt: skip
_REACH = ("reach", "reach_reason", "witness", "ssvc", "ssvc_assumed")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - sheets fold the wide ones


def render(matches: Matches, context: RenderContext) -> bytes:
    """The lines, a head first. Cells that a sheet would compute begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    # Sheets that are read by their columns stay as they are where nobody asked for more.
    more = _REACH if matches.roots is not None else ()
    writer.writerow((*_HEAD, *more))
    for match in matches.matches:
        writer.writerow([harmless(cell) for cell in (*_row(match), *(_reach(match) if more else ()))])
    return out.getvalue().encode()


def harmless(cell: str) -> str:
    """The text, visible on one line, and not a formula."""
    shown = safe(cell)
    return f"'{shown}" if shown.lstrip().startswith(_STARTS_A_FORMULA) else shown


def _reach(match: Match) -> tuple[str, ...]:
    reach, ssvc = match.reach, match.ssvc
    return (
        reach_text(match),
        reach.reason if reach is not None else "",
        " -> ".join(step.path for step in reach.witness) if reach is not None else "",
        ssvc.level if ssvc is not None else "",
        ", ".join(ssvc.assumed) if ssvc is not None else "",
    )


def _row(match: Match) -> tuple[str, ...]:
    package, advisory, fix = match.package, match.advisory, match.fix
    rating, epss, kev, suppressed = main_rating(advisory), advisory.epss, advisory.kev, match.suppressed
    return (
        package.name,
        package.version,
        package.type,
        package.purl,
        advisory.id,
        advisory.cve,
        " ".join(advisory.aliases),
        advisory.severity,
        str(rating.score) if rating else "",
        rating.vector if rating else "",
        str(epss.score) if epss else "",
        str(epss.percentile) if epss else "",
        kev.added if kev else "",
        kev.due if kev else "",
        f"{match.risk:.2f}",
        fix.state,
        fix.version,
        fix.date,
        match.kind,
        str(match.confidence),
        advisory.namespace,
        advisory.source,
        place_of(package),
        str(max(package.locations[0].layer, 0)) if package.locations else "",
        *((suppressed.by, suppressed.reason, suppressed.owner, suppressed.expires) if suppressed else ("",) * 4),
        match.why,
        advisory.summary,
    )


FORMAT = Format(
    kind="matches",
    name="csv",
    media_type="text/csv; charset=utf-8",
    file_name="vulnerabilities.csv",
    render=render,
    is_single=True,
)
