"""Matches as GitLab's container scanning report, schema 15.0.4 (gl-container-scanning-report.json).

Suppressed matches are left out: the report cannot express them, and a missing finding counts as resolved.
"""

from __future__ import annotations

from typing import Any

from hullmark.model.limit import Limit
from hullmark.model.match import Match, MatchedAdvisory, Matches
from hullmark.report.documents import content_uuid, encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import (
    advice,
    counting,
    is_url,
    page_of,
    place_of,
    purl_of,
    system_of,
    when,
)

Json = dict[str, Any]

VERSION = "15.0.4"
_SEVERITY = {"negligible": "Info"}
_MAX_NAME = 255
_MAX_SOLUTION = Limit(7000, "characters of advice in GitLab's report", "shortened")
_MAX_DESCRIPTION = Limit(100_000, "characters of an advisory's text in GitLab's report", "shortened")
_MAX_MESSAGES = Limit(100, "messages in GitLab's report", "shortened")


def render(matches: Matches, context: RenderContext) -> bytes:
    """The report as one line."""
    moment = when(matches, context).removesuffix("Z")
    tool = {
        "id": "hullmark",
        "name": "Hullmark",
        "version": context.tool_version or "0",
        "vendor": {"name": "Hullmark"},
    }
    scan: Json = {
        "analyzer": tool,
        "scanner": tool,
        "type": "container_scanning",
        "status": "success",
        "start_time": moment,
        "end_time": moment,
    }
    messages = [
        *(f"{problem.path or 'image'}: {problem.reason}" for problem in matches.problems),
        *(f"{untold.package.name} {untold.package.version}: {untold.reason}" for untold in matches.unknown),
    ]
    if messages:
        scan["messages"] = [{"level": "warn", "value": text} for text in messages[:_MAX_MESSAGES]]
    found = {
        vulnerability["id"]: vulnerability
        for vulnerability in (_vulnerability(m, matches) for m in counting(matches.matches))
    }
    return encode({"version": VERSION, "scan": scan, "vulnerabilities": list(found.values()), "remediations": []})


def _vulnerability(match: Match, matches: Matches) -> Json:
    package, advisory = match.package, match.advisory
    # From what the finding is, not the day or the place, so that it stays the same finding.
    key = (advisory.id, advisory.namespace, purl_of(package), place_of(package))
    links = dict.fromkeys(filter(is_url, (page_of(advisory), *advisory.references)))
    about = "\n\n".join(filter(None, (advisory.summary, match.why)))
    return {
        "id": str(content_uuid(key)),
        "name": f"{advisory.id} in {package.name}"[:_MAX_NAME],
        "description": (about or advisory.id)[:_MAX_DESCRIPTION],
        "severity": _SEVERITY.get(advisory.severity, advisory.severity.capitalize()),
        "solution": advice(match)[:_MAX_SOLUTION],
        "identifiers": _identifiers(advisory),
        "links": [{"url": url} for url in links],
        "details": _details(match),
        "location": {
            "dependency": {"package": {"name": package.name}, "version": package.version},
            "operating_system": system_of(matches.distro) or "unknown",
            "image": matches.source.reference or "unknown",
        },
    }


def _identifiers(advisory: MatchedAdvisory) -> list[Json]:
    """The CVE first, which is what findings of several scanners are joined by; then the other names and the weaknesses."""
    names = dict.fromkeys(id for id in (advisory.cve, advisory.id, *advisory.aliases) if id)
    found = [_identifier(id, page_of(advisory) if id in (advisory.cve, advisory.id) else "") for id in names]
    found += [_identifier(cwe, "") for cwe in dict.fromkeys(advisory.cwes) if cwe]
    return found or [_identifier("unknown", "")]


def _identifier(id: str, page: str) -> Json:
    kind = id.partition("-")[0].lower() or "unknown"
    return {"type": kind, "name": id, "value": id, **({"url": page} if page else {})}


def _details(match: Match) -> Json:
    advisory = match.advisory
    values = (
        ("risk", "Risk (0 to 100)", f"{match.risk:.1f}"),
        ("path", "Path in the image", place_of(match.package)),
        ("fixed_in", "Fixed in", match.fix.version),
        ("epss", "EPSS", str(advisory.epss.score) if advisory.epss else ""),
        ("kev", "Known to be exploited since", advisory.kev.added if advisory.kev else ""),
        ("purl", "Package URL", match.package.purl),
    )
    return {key: {"name": name, "type": "text", "value": value} for key, name, value in values if value}


FORMAT = Format(
    kind="matches",
    name="gitlab",
    media_type="application/json",
    file_name="gl-container-scanning-report.json",
    render=render,
    is_single=True,
)
