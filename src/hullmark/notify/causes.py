"""What caused a change of verdicts, by name: equal for all images that it reached, and described without naming one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from hullmark.model import notice
from hullmark.model.advisory import SEVERITY_RANK, Severity
from hullmark.model.expiry import ends_at
from hullmark.model.notice import CauseKind
from hullmark.model.verdict import Finding
from hullmark.notify.evidence import evidence_in, storable
from hullmark.notify.scene import ExceptionName as ExceptionName
from hullmark.notify.scene import KeptException as KeptException
from hullmark.notify.scene import Pair as Pair
from hullmark.notify.scene import Scene as Scene
from hullmark.policy.coverage_diff import subject_of
from hullmark.policy.verdict_diff import Cause, Change, InputDifference, advisory_in, advisory_of, key_of

_OF_ADVISORIES = (Cause.ADVISORY, Cause.COVERAGE, Cause.RETRACTION, Cause.SEVERITY, Cause.EXPLOITATION, Cause.FIX)

_OF_COVERAGE = (Cause.COVERAGE, Cause.LIFECYCLE, Cause.TIME)


def kind_of(cause: Cause, scene: Scene) -> CauseKind:
    """The kind of notice that a cause makes."""
    if cause is Cause.VEX and not scene.has_vex:
        return "time"
    if cause is Cause.COVERAGE:
        return "advisory"
    kind: CauseKind = msgspec.convert(cause.value, CauseKind)
    return kind


def cause_of(
    cause: Cause, compared: InputDifference | None, changes: Sequence[Change], pair: Pair, scene: Scene
) -> notice.Cause:
    """The cause of these changes; without changes it is about what is unknown."""
    kind = kind_of(cause, scene)
    if kind == "time" and changes and all(change.finding.gate == "isolation" for change in changes):
        kind = "place"  # such rules look at where the image runs, and time alone changes nothing there
    subject = _find_changed_coverage(cause, compared) or _subject(kind, changes, pair, scene)
    before, after = _words(kind, compared, pair)
    what = _what_of_exception(changes, pair, scene) if kind == "exception" else None
    seen_at = scene.seen.get(kind) or (scene.seen.get("advisory") if cause in _OF_ADVISORIES else None)
    evidence = evidence_in(changes, pair, scene)
    key = _key(kind, subject, what, scene, pair)
    if kind == "lifecycle":
        key += f"-{after or 'later'}"  # an end and its postponement may be reported on one day
    return notice.Cause(
        kind=kind,
        key=storable(key)[:1000],
        subject=storable(subject),
        sentence=storable(_sentence(kind, subject, (before, after), what, scene)),
        seen_at=(what.seen_at if what is not None else None) or seen_at or scene.at,
        severity=severity_of(changes),
        before=storable(before),
        after=storable(after),
        evidence=evidence,
    )


def severity_of(changes: Sequence[Change]) -> Severity:
    """The highest severity of the vulnerabilities."""
    found = [change.finding.weakness.severity for change in changes if change.finding.weakness is not None]
    return max(found, key=SEVERITY_RANK.__getitem__, default="unknown")


def _find_changed_coverage(cause: Cause, compared: InputDifference | None) -> str:
    """The changed coverage of advisories, or a release whose support ends; "" for anything else."""
    return subject_of(compared.what) if compared is not None and cause in _OF_COVERAGE else ""


def _subject(kind: CauseKind, changes: Sequence[Change], pair: Pair, scene: Scene) -> str:
    if kind == "policy":
        return scene.policy
    if kind in ("image", "place", "signatures") or (kind == "time" and scene.is_redeployed):
        return scene.reference or scene.image_digest
    if kind == "analyzer":
        return pair.after.inputs.analyzer
    if not changes:
        return advisory_in(f"{pair.after.reason} {pair.before.reason}") or "advisories"
    first = changes[0].finding
    if kind == "exception":
        return first.rule_id
    return advisory_of(first) or first.subject


def _words(kind: CauseKind, compared: InputDifference | None, pair: Pair) -> tuple[str, str]:
    """The two inputs that were compared. Digests of advisories are left out: they mean nothing to people."""
    if kind == "analyzer":
        return pair.before.inputs.analyzer, pair.after.inputs.analyzer
    if compared is None:
        return "", ""
    if kind == "advisory" and compared.what.startswith("advisory ") and compared.before.startswith("sha256:"):
        return "as it was", "says something else"
    return compared.before, compared.after


class _ExceptionChange(msgspec.Struct, frozen=True):
    """What happened to an exception, by name, and when."""

    name: str
    what: str
    seen_at: datetime | None


def _what_of_exception(changes: Sequence[Change], pair: Pair, scene: Scene) -> _ExceptionChange:
    key = key_of(changes[0].finding)
    old, new = (next((f for f in verdict.findings if key_of(f) == key), None) for verdict in (pair.before, pair.after))
    began = changes[0].is_gained is False
    covering = (new if began else old) or changes[0].finding
    covered = covering.allowlisted or {}
    kept = scene.exceptions.get(name_of(covering))
    name = kept.id if kept is not None else _name_exception(covering, covered, scene)
    if began:
        return _ExceptionChange(name, "began", kept.created_at if kept is not None else None)
    expires = covered.get("expires", "")
    if kept is not None and kept.ended_at is not None:
        return _ExceptionChange(name, "ended", kept.ended_at)
    is_expired = bool(expires) and _has_ended(expires, scene.at)
    return _ExceptionChange(name, "expired" if is_expired else "ended", None)


def _has_ended(expires: str, at: datetime) -> bool:
    try:
        return ends_at(expires) <= at
    except ValueError:
        return False


def name_of(finding: Finding) -> ExceptionName:
    """The name of the exception that covers a finding."""
    covered = finding.allowlisted or {}
    return (finding.rule_id, *(covered.get(word, "") for word in ("subject", "owner", "reason", "expires")))  # type: ignore[return-value]  # four words


def _name_exception(finding: Finding, covered: Mapping[str, str], scene: Scene) -> str:
    """The name of an exception in a policy."""
    owner = covered.get("owner") or covered.get("name") or ""
    return f"{scene.policy}/{finding.rule_id}/{owner}/{covered.get('expires', '')}"


def _key(kind: CauseKind, subject: str, what: _ExceptionChange | None, scene: Scene, pair: Pair) -> str:
    if what is not None:
        return f"exception:{what.name}@{what.what}"
    if kind == "policy":
        return f"policy:{scene.policy}@{scene.activation or pair.after.inputs.policy}"
    if kind == "image":
        return f"tag:{subject}@{scene.image_digest}"
    if kind in ("time", "lifecycle", "place"):
        return f"{kind}:{subject}@{scene.at.date().isoformat()}"
    if kind == "signatures":  # what is signed and taken away again on one day is told twice
        return f"signatures:{subject}@{scene.at.isoformat()}"
    if kind == "analyzer":
        return f"analyzer:{subject}"
    return f"{kind}:{subject}@{scene.snapshot or pair.after.inputs.snapshot or ''}"


def _sentence(
    kind: CauseKind, subject: str, words: tuple[str, str], what: _ExceptionChange | None, scene: Scene
) -> str:
    before, after = words
    if what is not None:
        return f"An exception from the rule {subject} {what.what}."
    if kind == "policy":
        return f"Another policy is in force: {subject}."
    if kind == "image":
        return f"The tag {subject} points to another image."
    if kind == "time":
        if before and subject.startswith("advisories for "):
            return f"Time passed for the {subject}: {before}, then {after}."
        about = f"It is known now since when {subject} runs" if scene.is_redeployed else f"Time passed for {subject}"
        return f"{about}."
    if kind == "analyzer":
        return "The analyzer is another version."
    if kind == "lifecycle":
        return _support(subject, after, scene)
    if kind == "advisory" and subject.startswith("advisories for "):
        return f"The {subject} cover something else than before: {before}, then {after}."
    if kind == "advisory":
        return f"{subject} became known." if before == "not known" else f"What advisories say of {subject} changed."
    return _SENTENCES.get(kind, _SAYS_ELSE).format(subject=subject, before=before or "none", after=after or "none")


def _support(release: str, day: str, scene: Scene) -> str:
    if not day:
        return f"{release} is maintained for longer than it was said to be."
    if not day[:1].isdigit():
        return f"{release} is no longer maintained."
    verb = "ended" if day < scene.at.date().isoformat() else "ends"
    return f"The support of {release} {verb} on {day}."


_SAYS_ELSE = "What advisories say of {subject} changed: {before}, then {after}."
_SENTENCES: dict[CauseKind, str] = {
    "place": "Where {subject} runs, or how it is kept apart there, changed.",
    "signatures": "What is signed about {subject} changed, or what of it counts: {before}, then {after}.",
    "severity": "The severity of {subject} changed: {before}, then {after}.",
    "exploitation": "{subject} is now {after}; it was {before}.",
    "retraction": "The advisory {subject} was withdrawn, or no longer speaks of the package.",
    "fix": "There is a fix for {subject}: {after}.",
    "vex": "What is stated about {subject} (VEX, ignore rules) changed: {before}, then {after}.",
}
