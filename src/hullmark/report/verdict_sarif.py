"""Verdicts as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), one run for each image.

A rule is a rule of the policy, a result a finding; its place is a path relative to the image's root, or a line of the Dockerfile or of the
manifest of the workload.
Findings that do not count are results with a suppression.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hullmark.model.isolation import JudgedContainer
from hullmark.model.limit import Limit
from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import relative_uri
from hullmark.report.sarif import Json, invocation, log
from hullmark.report.verdict_words import excuse, facts, is_shadowed, is_untold, place_in, place_of, places, trigger

_LEVEL = {Action.STOP: "error", Action.WARN: "warning", Action.GO: "note"}
_MAX_PLACES = Limit(100, "places of a finding in SARIF", "shortened")


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The log of one run, as one line."""
    return render_all([verdict], context)


def render_all(verdicts: Sequence[Verdict], context: RenderContext) -> bytes:
    """The log of all runs, as one line."""
    return log(_run(verdict, context) for verdict in verdicts)


def _run(verdict: Verdict, context: RenderContext) -> Json:
    firsts: dict[str, Finding] = {}
    for finding in verdict.findings:
        firsts.setdefault(finding.rule_id, finding)
    ranks = {id: rank for rank, id in enumerate(firsts)}
    rules = [_rule(finding) for finding in firsts.values()]
    return {
        "tool": {"driver": {"name": "hullmark", "version": context.tool_version or "0", "rules": rules}},
        "automationDetails": {"id": f"hullmark/check/{relative_uri(verdict.inputs.image) or 'image'}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(verdict, context)],
        "properties": {
            "verdict": verdict.verdict.value,
            "reason": verdict.reason,
            **{name.lower().replace(" ", "_"): value for name, value in facts(verdict)},
            **({"isolation": _grades(verdict.containers)} if verdict.containers else {}),
        },
        "results": [_result(finding, ranks[finding.rule_id]) for finding in verdict.findings],
    }


def _grades(containers: Sequence[JudgedContainer]) -> Json:
    """The grade of each container of the workload, by its name."""
    return {judged.placed.name: judged.assessment.grade for judged in containers}


def _rule(finding: Finding) -> Json:
    about = f"The rule {finding.rule_id} of the policy, by the trigger {trigger(finding)}."
    return {
        "id": finding.rule_id,
        "name": "PolicyRule",
        "shortDescription": {"text": about},
        "fullDescription": {"text": about},
        "help": {
            "text": about,
            "markdown": f"`hullmark policy gates` tells what `{trigger(finding).replace('`', chr(39))}` asks.",
        },
        "defaultConfiguration": {"level": _level(finding)},
        "properties": {"tags": sorted({"security", "policy", finding.gate}), "precision": "very-high"},
    }


def _level(finding: Finding) -> str:
    """What the finding comes to, or would if its rule were in force."""
    if is_shadowed(finding):
        intended = (finding.allowlisted or {}).get("action", "")
        return next((level for action, level in _LEVEL.items() if action.value == intended), "note")
    return _LEVEL[finding.action]


def _result(finding: Finding, rule: int) -> Json:
    key = "\0".join((finding.rule_id, finding.trigger_id)).encode("utf-8", "backslashreplace")
    print_ = sha256(key).hexdigest()
    result: Json = {
        "ruleId": finding.rule_id,
        "ruleIndex": rule,
        "level": _level(finding),
        "message": {"text": " ".join(filter(None, (finding.message, finding.recommendation))) or "A rule fired."},
        "locations": [_location(place_of(finding).path, place_of(finding).line, finding.subject)],
        "partialFingerprints": {"primaryLocationLineHash": f"{print_[:16]}:1", "hullmark/v1": print_},
        "properties": {
            "trigger": trigger(finding),
            "triggerId": finding.trigger_id,
            "subject": finding.subject,
            "action": finding.action.value,
            "evidence": list(places(finding.evidence, _MAX_PLACES)),
        },
    }
    others = [place for item in finding.evidence[1:_MAX_PLACES] if (place := place_in(item)).path]
    if others:
        result["relatedLocations"] = [_location(place.path, place.line, finding.subject) for place in others]
    if finding.allowlisted is not None:
        status = "underReview" if is_shadowed(finding) else "accepted"
        result["suppressions"] = [{"kind": "external", "status": status, "justification": excuse(finding)}]
    return result


def _location(path: str, line: int, subject: str) -> Json:
    location: Json = {
        "physicalLocation": {
            "artifactLocation": {"uri": relative_uri(path) or "image"},
            "region": {"startLine": max(line, 1)},
        }
    }
    return {**location, "logicalLocations": [{"name": subject, "kind": "resource"}]} if subject else location


def _invocation(verdict: Verdict, context: RenderContext) -> Json:
    """What could not be read or judged, as notifications: a run without them would look complete."""
    notices = [("error", f"The verdict is not known: {verdict.reason}")] if is_untold(verdict) else []
    notices += [("warning", f"{problem.path or 'image'}: {problem.reason}") for problem in verdict.problems]
    return invocation(notices, context)


FORMAT = Format(
    kind="verdict",
    name="sarif",
    media_type="application/sarif+json",
    file_name="verdict.sarif",
    render=render,
    render_all=render_all,
)
