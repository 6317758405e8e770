"""Compares two verdicts on one image or name: finds the one cause of the difference, with the two inputs that were compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from hullmark.model.verdict import Action, Finding, Outcome, Verdict, Weakness
from hullmark.policy import signature_diff
from hullmark.policy.coverage_diff import CoverageChange, change_of, coverage_change
from hullmark.policy.signature_diff import SignatureChange
from hullmark.policy.support_end import support_end_of

_SEVERE = {Action.STOP: 2, Action.WARN: 1, Action.GO: 0}
_BADNESS = {Outcome.GO: 0, Outcome.WARN: 1, Outcome.UNKNOWN: 2, Outcome.STOP: 3}
_ADVISORY = re.compile(
    r"\b(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|[A-Z]{2,12}-[A-Za-z0-9]{0,10}-?\d{4}[-:]\d{1,9}(?:-\d{1,4})?)\b"
)
_INPUTS = ("image", "policy", "snapshot", "analyzer", "at")
_EPSS_STEP = 0.01


class Cause(StrEnum):
    """What makes two verdicts differ; `nothing` if they are the same."""

    NOTHING = "nothing"
    EXCEPTION = "exception"
    IMAGE = "image"
    ADVISORY = "advisory"
    SEVERITY = "severity"
    EXPLOITATION = "exploitation"
    RETRACTION = "retraction"
    FIX = "fix"
    LIFECYCLE = "lifecycle"
    COVERAGE = "coverage"
    POLICY = "policy"
    VEX = "vex"
    SIGNATURES = "signatures"
    ANALYZER = "analyzer"
    TIME = "time"


class KnownVulnerability(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot's record of a vulnerability: severity, whether it is known to be exploited, EPSS (0-1), and a digest of the rest.

    `told` are the packages it covers and has not withdrawn, as `debian:13/glibc`; `fixed` are those of them that have a fixed version.
    """

    severity: str = "unknown"
    is_exploited: bool = False
    epss: float | None = None
    content: str = ""
    told: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()


_PART_OF = {
    Cause.EXCEPTION: "policy",
    Cause.IMAGE: "image",
    Cause.ADVISORY: "snapshot",
    Cause.SEVERITY: "snapshot",
    Cause.EXPLOITATION: "snapshot",
    Cause.RETRACTION: "snapshot",
    Cause.FIX: "snapshot",
    Cause.LIFECYCLE: "snapshot",
    Cause.COVERAGE: "snapshot",
    Cause.POLICY: "policy",
    Cause.ANALYZER: "analyzer",
}
"""The input that a cause is part of."""

Lookup = Callable[[str, str], "KnownVulnerability | None"]
"""(snapshot digest, advisory id) → what it says, None if it knows no such advisory. Raises KeyError where the snapshot is not kept."""


class InputDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One input as each verdict had it; "" if a verdict had none."""

    what: str
    before: str
    after: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that counts in only one of the verdicts, or counts for more in one, and why."""

    finding: Finding
    is_gained: bool
    cause: Cause
    compared: InputDifference


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How two verdicts differ. `is_certain`: only one differing input can be the cause. `also`: other inputs that differ."""

    before: Outcome
    after: Outcome
    cause: Cause
    sentence: str
    compared: InputDifference | None
    is_certain: bool
    changes: tuple[Change, ...]
    also: tuple[InputDifference, ...]


def compare(before: Verdict, after: Verdict, lookup: Lookup | None = None) -> Difference:
    """Find the one cause. Where snapshots are stored, `lookup` separates changes of an advisory's severity and exploitation from others."""
    inputs = _inputs(before, after)
    changes = tuple(_changes(before, after, inputs, lookup))
    decisive = _decisive(before.verdict, after.verdict, changes)
    if not decisive:
        return _without_findings(before, after, inputs, changes)
    counted = Counter((change.cause, change.compared) for change in decisive)
    order = list(Cause)
    (cause, compared), count = min(
        counted.items(), key=lambda item: (-item[1], order.index(item[0][0]), msgspec.structs.astuple(item[0][1]))
    )
    example = next(change for change in decisive if (change.cause, change.compared) == (cause, compared))
    also = _also(cause, inputs)
    is_certain = count == len(decisive) and (cause is Cause.EXCEPTION or not also)
    return Difference(
        before=before.verdict,
        after=after.verdict,
        cause=cause,
        sentence=_sentence(cause, compared, example, len(decisive)),
        compared=compared,
        is_certain=is_certain,
        changes=changes,
        also=also,
    )


def _also(cause: Cause, inputs: dict[str, InputDifference]) -> tuple[InputDifference, ...]:
    """The inputs that differ besides the one that belongs to the cause. The time is left out, because it always differs."""
    return tuple(difference for difference in inputs.values() if difference.what not in ("at", _PART_OF.get(cause)))


def _inputs(before: Verdict, after: Verdict) -> dict[str, InputDifference]:
    """The inputs that differ."""
    pairs = {name: (getattr(before.inputs, name) or "", getattr(after.inputs, name) or "") for name in _INPUTS}
    return {name: InputDifference(what=name, before=a, after=b) for name, (a, b) in pairs.items() if a != b}


def key_of(finding: Finding) -> tuple[str, str, str]:
    """The key that identifies the same finding in two verdicts."""
    return (finding.rule_id, finding.trigger_id, finding.message if finding.subject == "*" else "")


def _changes(
    before: Verdict, after: Verdict, inputs: dict[str, InputDifference], lookup: Lookup | None
) -> Iterable[Change]:
    then, now = ({key_of(finding): finding for finding in verdict.findings} for verdict in (before, after))
    for key in sorted(then.keys() | now.keys()):
        old, new = then.get(key), now.get(key)
        weights = [_SEVERE[finding.action] if finding is not None else 0 for finding in (old, new)]
        finding = new if weights[1] > weights[0] else old
        if weights[0] == weights[1] or finding is None:
            continue
        cause, compared = _cause(old, new, finding, inputs, lookup)
        yield Change(finding=finding, is_gained=weights[1] > weights[0], cause=cause, compared=compared)


def _cause(
    old: Finding | None,
    new: Finding | None,
    finding: Finding,
    inputs: dict[str, InputDifference],
    lookup: Lookup | None,
) -> tuple[Cause, InputDifference]:
    if old is not None and new is not None:
        return _changed_action(old, new, inputs)
    if "image" in inputs:
        return Cause.IMAGE, inputs["image"]
    signed = signature_diff.change_of(finding, is_gained=new is not None)
    advisory = advisory_of(finding) if signed is None else ""
    if advisory and "snapshot" in inputs:
        answer = _of_snapshots(inputs, finding, lookup, is_gained=new is not None)
        if answer is not None:
            return answer
    for name, cause in (("policy", Cause.POLICY), ("analyzer", Cause.ANALYZER)):
        if name in inputs:
            return cause, inputs[name]
    if advisory:
        is_there = ("suppressed", "open") if new is not None else ("open", "suppressed")
        return Cause.VEX, InputDifference(what=f"statements about {advisory}", before=is_there[0], after=is_there[1])
    if signed is not None:
        return Cause.SIGNATURES, InputDifference(**signed._asdict())
    return _of_itself(finding, inputs, is_gained=new is not None)


def _of_itself(
    finding: Finding, inputs: dict[str, InputDifference], *, is_gained: bool
) -> tuple[Cause, InputDifference]:
    """The cause that the finding's own message gives for its appearance or disappearance; otherwise the passing of time."""
    if (end := support_end_of(finding)) is not None:
        before, after = ("", end.day or "ended") if is_gained else (end.day or "ended", "")
        return Cause.LIFECYCLE, InputDifference(what=f"end of support of {end.release}", before=before, after=after)
    if (covered := change_of(finding, is_gained=is_gained)) is not None:
        return _of_coverage(covered, inputs)
    return Cause.TIME, inputs.get("at", InputDifference(what="at", before="", after=""))


def advisory_of(finding: Finding) -> str:
    """The name of the vulnerability that a finding is about, "" if it is about none."""
    if finding.weakness is not None:
        return finding.weakness.advisory
    texts = (finding.subject, *(place.detail for place in finding.evidence), finding.message)
    return advisory_in(" ".join(texts))


def advisory_in(text: str) -> str:
    """The first name of a vulnerability in a text, "" if there is none."""
    found = _ADVISORY.search(text)
    return found[0] if found is not None else ""


def _changed_action(old: Finding, new: Finding, inputs: dict[str, InputDifference]) -> tuple[Cause, InputDifference]:
    """The cause for a finding in both verdicts that counts for more or less than before."""
    excepted = [_exception(finding) for finding in (old, new)]
    if excepted[0] != excepted[1]:
        return Cause.EXCEPTION, InputDifference(
            what=f"exception from {new.rule_id}", before=excepted[0], after=excepted[1]
        )
    if "policy" in inputs:
        return Cause.POLICY, inputs["policy"]
    return Cause.TIME, inputs.get("at", InputDifference(what="at", before="", after=""))


def _exception(finding: Finding) -> str:
    covering = finding.allowlisted or {}
    if not covering or "stage" in covering:
        return ""
    until = f", until {covering['expires']}" if "expires" in covering else ""
    return f"{covering.get('owner') or covering.get('name') or 'covered'}{until}"


def _of_snapshots(
    inputs: dict[str, InputDifference], finding: Finding, lookup: Lookup | None, *, is_gained: bool
) -> tuple[Cause, InputDifference] | None:
    """How two snapshots differ about the finding's vulnerability; None if they do not and another input differs."""
    snapshots, advisory = inputs["snapshot"], advisory_of(finding)
    unknown = InputDifference(what=f"advisory {advisory}", before=snapshots.before, after=snapshots.after)
    if lookup is None or not snapshots.before or not snapshots.after:
        return Cause.ADVISORY, unknown
    try:
        old, new = lookup(snapshots.before, advisory), lookup(snapshots.after, advisory)
    except KeyError:
        return Cause.ADVISORY, unknown
    place = finding.weakness.place if finding.weakness is not None else ""
    was_told, is_told = _are_told((old, new), place)
    if old is None or new is None or was_told != is_told:
        words = ["known" if is_known else "not known" for is_known in (was_told, is_told)]
        cause = Cause.RETRACTION if was_told and not is_told else Cause.ADVISORY
        return cause, InputDifference(what=f"advisory {advisory}", before=words[0], after=words[1])
    return _said_otherwise(advisory, place if is_gained else "", (old, new), is_alone=_is_alone(inputs))


def _are_told(records: tuple[KnownVulnerability | None, KnownVulnerability | None], place: str) -> tuple[bool, bool]:
    """Whether each snapshot has the vulnerability; for this package if at least one of them has it for the package."""
    places = [record.told if record is not None else frozenset[str]() for record in records]
    if place and place in places[0] | places[1]:
        return place in places[0], place in places[1]
    return records[0] is not None, records[1] is not None


def _is_alone(inputs: dict[str, InputDifference]) -> bool:
    """Whether no input but the advisories can have made the verdicts differ."""
    return not inputs.keys() & {"policy", "analyzer"}


def _said_otherwise(
    advisory: str, place: str, records: tuple[KnownVulnerability, KnownVulnerability], *, is_alone: bool
) -> tuple[Cause, InputDifference] | None:
    old, new = records
    if old.severity != new.severity:
        return Cause.SEVERITY, InputDifference(what=f"severity of {advisory}", before=old.severity, after=new.severity)
    if place in new.fixed - old.fixed:
        return Cause.FIX, InputDifference(what=f"fix of {advisory}", before="none", after=f"one for {place}")
    if old.content == new.content:
        step = 0.0 if is_alone else _EPSS_STEP
        if old.is_exploited != new.is_exploited or abs((old.epss or 0) - (new.epss or 0)) > step:
            return Cause.EXPLOITATION, InputDifference(
                what=f"exploitation of {advisory}", before=threat(old), after=threat(new)
            )
        if old == new and old.content and not is_alone:
            return None
    return Cause.ADVISORY, InputDifference(
        what=f"advisory {advisory}", before=old.content or "as it was", after=new.content or "changed"
    )


def threat(known: KnownVulnerability | Weakness) -> str:
    """What is known of a vulnerability's exploitation, in words."""
    listed = "known to be exploited" if known.is_exploited else "not known to be exploited"
    return f"{listed}, EPSS {known.epss:.3f}" if known.epss is not None else listed


def deciding(difference: Difference) -> tuple[Change, ...]:
    """The changes that the one cause produced and that decided the outcome."""
    decisive = _decisive(difference.before, difference.after, difference.changes)
    return tuple(
        change for change in decisive if (change.cause, change.compared) == (difference.cause, difference.compared)
    )


def _decisive(before: Outcome, after: Outcome, changes: tuple[Change, ...]) -> list[Change]:
    """The changes that led to the new outcome: those with the most severe action, in the direction that the outcome moved."""
    if before is after:
        return list(changes)
    if Outcome.UNKNOWN in (before, after) and Outcome.STOP not in (before, after):
        return []  # a rule that cannot be judged, or can be again, makes no finding
    is_worse = _BADNESS[after] > _BADNESS[before]
    moved = [change for change in changes if change.is_gained == is_worse]
    heaviest = max((_SEVERE[change.finding.action] for change in moved), default=0)
    return [change for change in moved if _SEVERE[change.finding.action] == heaviest]


def _without_findings(
    before: Verdict, after: Verdict, inputs: dict[str, InputDifference], changes: tuple[Change, ...]
) -> Difference:
    """The findings do not explain the outcome: either nothing differs, or what could not be judged does."""
    cause, compared = Cause.NOTHING, None
    is_unknown = Outcome.UNKNOWN in (before.verdict, after.verdict)
    covered = coverage_change(before, after) if is_unknown else None
    signed = signature_diff.untold_change(before, after) if is_unknown else None
    if before.verdict is not after.verdict or covered is not None:
        cause, compared = _untold(covered, signed, inputs)
    also = _also(cause, inputs)
    sentence = "Both say the same."
    if compared is not None:
        values = _values(compared) if covered is not None and compared.what == covered.what else ""
        sentence = f"{_LEADS[cause]}{values}: {after.reason or before.reason}."
    return Difference(
        before=before.verdict,
        after=after.verdict,
        cause=cause,
        sentence=sentence,
        compared=compared,
        is_certain=not also or compared is None,
        changes=changes,
        also=also,
    )


_ORDER = (("image", Cause.IMAGE), ("policy", Cause.POLICY), ("snapshot", Cause.ADVISORY), ("analyzer", Cause.ANALYZER))


def _untold(
    covered: CoverageChange | None, signed: SignatureChange | None, inputs: dict[str, InputDifference]
) -> tuple[Cause, InputDifference]:
    """Why rules can no longer, or again, be judged: the image or policy differs, or what advisories cover, or what is signed."""
    for name, cause in _ORDER[: None if covered is None and signed is None else 2]:
        if name in inputs:
            return cause, inputs[name]
    if covered is not None:
        return _of_coverage(covered, inputs)
    if signed is not None:
        return Cause.SIGNATURES, InputDifference(**signed._asdict())
    return Cause.TIME, inputs.get("at", InputDifference(what="at", before="", after=""))


def _of_coverage(covered: CoverageChange, inputs: dict[str, InputDifference]) -> tuple[Cause, InputDifference]:
    """The cause of a change in coverage. If the advisories are the same, they became too old as time passed."""
    compared = InputDifference(what=covered.what, before=covered.before, after=covered.after)
    if covered.is_end:
        return Cause.LIFECYCLE, compared
    return Cause.COVERAGE if "snapshot" in inputs else Cause.TIME, compared


_LEADS = {
    Cause.EXCEPTION: "An exception began, changed or ended",
    Cause.IMAGE: "The image is another one",
    Cause.ADVISORY: "An advisory is new, changed or gone",
    Cause.SEVERITY: "The severity of a vulnerability changed",
    Cause.EXPLOITATION: "What is known of a vulnerability's exploitation changed",
    Cause.RETRACTION: "An advisory was withdrawn, or no longer speaks of the package",
    Cause.FIX: "There is a fix for a vulnerability",
    Cause.LIFECYCLE: "The end of a distribution's support came near, or is another day",
    Cause.COVERAGE: "The advisories cover something else than before",
    Cause.POLICY: "The policy is another one",
    Cause.VEX: "What is stated about a vulnerability (VEX, ignore rules) changed",
    Cause.SIGNATURES: "What is signed about the image changed, or what of it counts",
    Cause.ANALYZER: "The analyzer is another version",
    Cause.TIME: "Time passed",
}


def _values(compared: InputDifference) -> str:
    return f" ({compared.what}: {compared.before or 'none'}, then {compared.after or 'none'})"


def _sentence(cause: Cause, compared: InputDifference, example: Change, count: int) -> str:
    values = _values(compared)
    verb = "counts now" if example.is_gained else "no longer counts"
    more = f", and {count - 1} more" if count > 1 else ""
    return f"{_LEADS[cause]}{values}. So the rule {example.finding.rule_id} {verb} on {example.finding.subject}{more}."
