"""What caused a change of verdicts, by name: equal for all images that it reached, and described without naming one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from hullmark.model import notice
from hullmark.model.advisory import SEVERITY_RANK, Severity
from hullmark.model.limit import Limit
from hullmark.model.notice import CauseKind
from hullmark.model.verdict import Finding, Verdict
from hullmark.policy.coverage_diff import subject_of
from hullmark.policy.support_end import support_end_of
from hullmark.policy.verdict_diff import Cause, Change, InputDifference, advisory_in, advisory_of, key_of

MOST_EVIDENCE = Limit(50, "pieces of evidence that a cause or a transition is told with", "shortened")
"""Pieces of evidence shown with a cause or a transition."""

_MOST_CHARACTERS = Limit(50_000, "characters of all evidence that a cause is told with", "shortened")
_LONGEST = 2000
_OF_ADVISORIES = (Cause.ADVISORY, Cause.COVERAGE, Cause.RETRACTION, Cause.SEVERITY, Cause.EXPLOITATION, Cause.FIX)

_OF_COVERAGE = (Cause.COVERAGE, Cause.LIFECYCLE, Cause.TIME)

ExceptionName = tuple[str, str, str, str, str]
"""What identifies an exception in a finding: rule, subject, owner, reason, last day."""


class KeptException(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that has an id, and when a person made and ended it."""

    id: str
    created_at: datetime
    ended_at: datetime | None = None


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged by what, and how that is called. `at` is the moment that counted as now.

    `snapshot` is the number of the advisories that count, `activation` that of the policy's coming into force. `is_moved`: the verdict
    before is that on another image, from which the tag `reference` moved here. `seen` tells of what may be a cause when it came to be
    known. `has_vex`: VEX statements may have changed meanwhile. `is_redeployed`: since when the image runs is told otherwise than before.
    """

    image_id: int | None
    image_digest: str
    policy_id: int | None
    policy: str
    environment: str
    reference: str
    at: datetime
    snapshot: str = ""
    activation: str = ""
    is_moved: bool = False
    seen: Mapping[CauseKind, datetime] = {}
    exceptions: Mapping[ExceptionName, KeptException] = {}
    has_vex: bool = False
    is_redeployed: bool = False


class Pair(msgspec.Struct, frozen=True):
    """The two verdicts that are compared."""

    before: Verdict
    after: Verdict


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
    subject = _covered(cause, compared) or _subject(kind, changes, pair, scene)
    before, after = _words(kind, compared, pair)
    what = _what_of_exception(changes, pair, scene) if kind == "exception" else None
    seen_at = scene.seen.get(kind) or (scene.seen.get("advisory") if cause in _OF_ADVISORIES else None)
    evidence = evidence_in(changes)
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


def evidence_in(changes: Sequence[Change]) -> tuple[notice.Evidence, ...]:
    """The first of these changes as shown: no more than fits a message, whatever an image calls its files."""
    shown: list[notice.Evidence] = []
    left: int = _MOST_CHARACTERS
    for change in changes[:MOST_EVIDENCE]:
        piece = evidence_of(change)
        left -= sum(len(text) for text in msgspec.structs.astuple(piece) if isinstance(text, str))
        if shown and left < 0:
            break
        shown.append(piece)
    return tuple(shown)


def evidence_of(change: Change) -> notice.Evidence:
    """A change as it is shown."""
    finding, weakness = change.finding, change.finding.weakness
    return notice.Evidence(
        rule=storable(finding.rule_id),
        subject=storable(finding.subject),
        message=storable(finding.message),
        advisory=storable(advisory_of(finding)),
        package=storable(weakness.package if weakness is not None else _purl_in(finding.subject)),
        path=storable(next((place.path for place in finding.evidence if place.path), "")),
        fix_state=weakness.fix_state if weakness is not None else "",
        fix_version=storable(weakness.fix_version) if weakness is not None else "",
        is_gained=change.is_gained,
    )


def storable(text: str) -> str:
    """A text from an image or a policy in a form that databases accept: bounded, without NUL and lone surrogates."""
    return text[:_LONGEST].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _purl_in(subject: str) -> str:
    return subject if subject.startswith("pkg:") else ""


def _covered(cause: Cause, compared: InputDifference | None) -> str:
    """The changed coverage of advisories, or a release whose support ends; "" for anything else."""
    return subject_of(compared.what) if compared is not None and cause in _OF_COVERAGE else ""


def _subject(kind: CauseKind, changes: Sequence[Change], pair: Pair, scene: Scene) -> str:
    if kind == "policy":
        return scene.policy
    if kind == "image" or (kind == "time" and scene.is_redeployed):
        return scene.reference or scene.image_digest
    if kind == "analyzer":
        return pair.after.inputs.analyzer
    if not changes:
        return advisory_in(f"{pair.after.reason} {pair.before.reason}") or "advisories"
    first = changes[0].finding
    if kind == "lifecycle" and (end := support_end_of(first)) is not None:
        return end.release
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
    name = kept.id if kept is not None else _written(covering, covered, scene)
    if began:
        return _ExceptionChange(name, "began", kept.created_at if kept is not None else None)
    expires = covered.get("expires", "")
    if kept is not None and kept.ended_at is not None:
        return _ExceptionChange(name, "ended", kept.ended_at)
    is_expired = bool(expires) and expires < scene.at.date().isoformat()
    return _ExceptionChange(name, "expired" if is_expired else "ended", None)


def name_of(finding: Finding) -> ExceptionName:
    """The name of the exception that covers a finding."""
    covered = finding.allowlisted or {}
    return (finding.rule_id, *(covered.get(word, "") for word in ("subject", "owner", "reason", "expires")))  # type: ignore[return-value]  # four words


def _written(finding: Finding, covered: Mapping[str, str], scene: Scene) -> str:
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
    if kind in ("time", "lifecycle"):
        return f"{kind}:{subject}@{scene.at.date().isoformat()}"
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
        return f"{release} is maintained no more."
    verb = "ended" if day < scene.at.date().isoformat() else "ends"
    return f"The support of {release} {verb} on {day}."


_SAYS_ELSE = "What advisories say of {subject} changed: {before}, then {after}."
_SENTENCES: dict[CauseKind, str] = {
    "severity": "The severity of {subject} changed: {before}, then {after}.",
    "exploitation": "{subject} is now {after}; it was {before}.",
    "retraction": "The advisory {subject} was withdrawn, or no longer speaks of the package.",
    "fix": "There is a fix for {subject}: {after}.",
    "vex": "What is stated about {subject} (VEX, ignore rules) changed: {before}, then {after}.",
}
