"""Matches as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as code scanning services read it, one run for each image.

A rule is a vulnerability, a result is one package that has it; its place is the package's record, relative to the image's root.
Suppressed matches are results with a suppression.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from hullmark.model.limit import Limit
from hullmark.model.match import Match, MatchedAdvisory, Matches
from hullmark.model.package import Location
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import (
    advice,
    epss_text,
    is_url,
    kev_text,
    main_rating,
    page_of,
    purl_of,
    reach_text,
    relative_uri,
    score_of,
    snapshot_text,
    ssvc_text,
    system_of,
)
from hullmark.report.sarif import Json, invocation, log

_LEVEL = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "negligible": "note",
    "unknown": "warning",
}
_MAX_PLACES = Limit(100, "places of a package in SARIF", "shortened")
_MAX_TITLE = 200


def render(matches: Matches, context: RenderContext) -> bytes:
    """The log of one run, as one line."""
    return render_all([matches], context)


def render_all(results: Sequence[Matches], context: RenderContext) -> bytes:
    """The log of all runs, as one line."""
    return log(_run(matches, context) for matches in results)


def _run(matches: Matches, context: RenderContext) -> Json:
    rules: dict[str, int] = {}
    results = [_result(match, rules.setdefault(match.advisory.id, len(rules)), matches) for match in matches.matches]
    return {
        "tool": {"driver": _driver(matches.matches, context)},
        "automationDetails": {"id": f"hullmark/vulns/{relative_uri(matches.source.reference) or 'image'}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(matches, context)],
        "properties": {
            "image": matches.source.reference,
            "digest": matches.source.digest,
            "platform": matches.source.platform,
            "distro": system_of(matches.distro),
            "advisories": snapshot_text(matches.snapshot),
        },
        "results": results,
    }


def _driver(matches: Iterable[Match], context: RenderContext) -> Json:
    first: dict[str, Match] = {}
    for match in matches:
        first.setdefault(match.advisory.id, match)
    return {
        "name": "hullmark",
        "version": context.tool_version or "0",
        "rules": [_rule(match) for match in first.values()],
    }


def _rule(match: Match) -> Json:
    advisory = match.advisory
    about = advisory.summary or f"{advisory.id} in {match.package.name}"
    properties: Json = {
        "tags": ["security", "vulnerability", advisory.severity, *(["exploited"] if advisory.kev else [])],
        "precision": "very-high" if match.kind != "cpe" else "medium",
    }
    score = score_of(advisory)
    if score is not None:
        properties["security-severity"] = f"{score:.1f}"
    rule: Json = {
        "id": advisory.id,
        "name": "KnownVulnerability",
        "shortDescription": {"text": f"{advisory.id}: {about}"[:_MAX_TITLE]},
        "fullDescription": {"text": about},
        "help": _help(match),
        "defaultConfiguration": {"level": _LEVEL[advisory.severity]},
        "properties": properties,
    }
    page = page_of(advisory)
    return {**rule, "helpUri": page} if page else rule


def _help(match: Match) -> Json:
    facts = list(_facts(match.advisory))
    text = "\n".join(f"{name}: {value}" for name, value in facts)
    # Only plain characters stay as they are in Markdown: the values come from feeds.
    marked = "\n".join(f"- **{name}**: `{value.replace('`', chr(39))}`" for name, value in facts)
    return {"text": text, "markdown": marked}


def _facts(advisory: MatchedAdvisory) -> Iterable[tuple[str, str]]:
    rating = main_rating(advisory)
    kev = advisory.kev
    values = (
        ("Vulnerability", advisory.id),
        ("Also known as", ", ".join(advisory.aliases)),
        (
            "Severity",
            f"{advisory.severity} ({advisory.severity_text})" if advisory.severity_text else advisory.severity,
        ),
        ("CVSS", f"{rating.score} ({rating.vector})" if rating else ""),
        ("EPSS", epss_text(advisory.epss)),
        ("Exploited since", kev.added if kev else ""),
        ("Weaknesses", ", ".join(advisory.cwes)),
        ("Announced in", ", ".join(advisory.vendor_ids)),
        ("Source", f"{advisory.source} ({advisory.namespace})"),
        ("References", " ".join(filter(is_url, advisory.references))),
    )
    return ((name, value) for name, value in values if value)


def _result(match: Match, rule: int, matches: Matches) -> Json:
    package, advisory = match.package, match.advisory
    places = package.locations[:_MAX_PLACES] or (Location(matches.source.reference, -1),)
    purl = purl_of(package)
    print_ = sha256("\0".join((advisory.id, purl, places[0].path)).encode("utf-8", "backslashreplace")).hexdigest()
    result: Json = {
        "ruleId": advisory.id,
        "ruleIndex": rule,
        "level": _LEVEL[advisory.severity],
        "message": {"text": f"{match.why or f'{package.name} {package.version} has {advisory.id}.'} {advice(match)}"},
        "locations": [_location(places[0], package.name, matches)],
        "partialFingerprints": {"primaryLocationLineHash": f"{print_[:16]}:1", "hullmark/v1": print_},
        "properties": {
            "package": purl,
            "installed": package.version,
            "fixedIn": match.fix.version,
            "fixState": match.fix.state,
            "layer": places[0].layer,
            "matchKind": match.kind,
            "risk": match.risk,
            "severity": advisory.severity,
            "severitySource": advisory.severity_source,
            "unlistedBy": advisory.unlisted_by,
            "epss": epss_text(advisory.epss),
            "kev": kev_text(advisory.kev),
            **({"reach": reach_text(match), "ssvc": ssvc_text(match)} if match.reach else {}),
        },
    }
    if len(places) > 1:
        result["relatedLocations"] = [_location(place, package.name, matches) for place in places[1:]]
    if match.suppressed:
        suppression = match.suppressed
        reason = "; ".join(
            filter(
                None,
                (
                    suppression.by,
                    suppression.reason,
                    suppression.owner,
                    suppression.expires and f"until {suppression.expires}",
                ),
            )
        )
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _location(place: Location, name: str, matches: Matches) -> Json:
    layers = matches.source.layers
    layer = layers[place.layer].diff_id if 0 <= place.layer < len(layers) else ""
    logical = {
        "name": name,
        "kind": "package",
        "fullyQualifiedName": f"{matches.source.digest}{layer and f'/{layer}'}:{place.path}",
    }
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": relative_uri(place.path) or "image"},
            "region": {"startLine": 1},
        },
        "logicalLocations": [logical],
    }


def _invocation(matches: Matches, context: RenderContext) -> Json:
    """Gaps and unreadable files, as notifications: a run without them would look complete."""
    notices = [
        *(
            ("warning", f"{untold.package.name} {untold.package.version}: {untold.reason}")
            for untold in matches.unknown
        ),
        *(("error", f"{problem.path}: {problem.reason}") for problem in matches.problems),
    ]
    return invocation(notices, context)


FORMAT = Format(
    kind="matches",
    name="sarif",
    media_type="application/sarif+json",
    file_name="vulnerabilities.sarif",
    render=render,
    render_all=render_all,
)
