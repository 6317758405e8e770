"""What can be seen of a change: each finding that came or went, where, since when, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from hullmark.model import notice
from hullmark.model.limit import Limit
from hullmark.model.verdict import Action, Evidence, Finding, Outcome
from hullmark.notify.details import mending, package_in
from hullmark.notify.scene import Pair, Scene
from hullmark.policy.verdict_diff import Cause, Change, advisory_of, key_of

MOST_EVIDENCE = Limit(50, "pieces of evidence that a notice of a cause or a transition holds", "shortened")
"""Pieces of evidence shown with a cause or a transition."""

_MOST_CHARACTERS = Limit(50_000, "characters of all evidence that a notice of a cause holds", "shortened")
_LONGEST = 2000


def evidence_in(changes: Sequence[Change], pair: Pair, scene: Scene) -> tuple[notice.Evidence, ...]:
    """The first of these changes as shown: no more than fits a message, whatever an image calls its files. Without changes it is what
    could not be told, or can be now."""
    if not changes:
        return _untold(pair, scene)
    shown: list[notice.Evidence] = []
    left: int = _MOST_CHARACTERS
    for change in changes[:MOST_EVIDENCE]:
        piece = evidence_of(change, pair, scene)
        left -= sum(len(text) for text in msgspec.structs.astuple(piece) if isinstance(text, str))
        if shown and left < 0:
            break
        shown.append(piece)
    return tuple(shown)


def _untold(pair: Pair, scene: Scene) -> tuple[notice.Evidence, ...]:
    is_gained = pair.after.verdict is Outcome.UNKNOWN
    reason = (pair.after if is_gained else pair.before).reason
    if not reason or Outcome.UNKNOWN not in (pair.before.verdict, pair.after.verdict):
        return ()
    named = _OF_RULE.match(reason)
    return (
        notice.Evidence(
            rule=storable(named[1]) if named is not None else "",
            message=storable(reason if named is None else reason[named.end(1) + 1 :]),
            is_gained=is_gained,
            since=scene.at,
            advice=_TELL if is_gained else "",
        ),
    )


_OF_RULE = re.compile(r"the rule (\S+) cannot be judged")
_TELL = "bring what is missing, or let the rule say by when_unknown what follows without it"


def evidence_of(change: Change, pair: Pair, scene: Scene) -> notice.Evidence:
    """A change as it is shown."""
    finding, weakness = change.finding, change.finding.weakness
    places = [place for place in finding.evidence if place.path or place.layer >= 0 or place.created_by] or list(
        finding.evidence
    )
    place = places[0] if places else Evidence()
    return notice.Evidence(
        rule=storable(finding.rule_id),
        subject=storable(finding.subject),
        message=storable(finding.message),
        advisory=storable(advisory_of(finding)),
        package=storable(weakness.package if weakness is not None else _purl_in(finding.subject)),
        path=storable(place.path),
        fix_state=weakness.fix_state if weakness is not None else "",
        fix_version=storable(weakness.fix_version) if weakness is not None else "",
        is_gained=change.is_gained,
        severity=weakness.severity if weakness is not None else "unknown",
        layer=place.layer,
        instruction=storable(place.created_by),
        detail=storable(place.detail),
        more_places=max(len(places) - 1, 0),
        since=_since(change, pair, scene),
        advice=storable(_advice(finding, scene)) if change.is_gained else "",
        standing="" if change.is_gained else storable(_standing(change, pair, scene)),
    )


def _since(change: Change, pair: Pair, scene: Scene) -> datetime | None:
    """Since when a finding is known, or that it is gone; None if that is not known: it was there before."""
    if not change.is_gained:
        return scene.at
    if (known := scene.first_seen.get(change.finding.trigger_id)) is not None:
        return known
    was_there = any(finding.trigger_id == change.finding.trigger_id for finding in pair.before.findings)
    return None if was_there else scene.at


def _advice(finding: Finding, scene: Scene) -> str:
    """What mends a finding, as a clause."""
    weakness = finding.weakness
    if weakness is not None:
        package = package_in(weakness.package)[0]
        name = weakness.place.partition("/")[2] if weakness.fix_version else ""
        return mending(name or package, weakness.fix_state, weakness.fix_version)
    return finding.recommendation or (scene.advice(finding) if scene.advice is not None else "")


def _standing(change: Change, pair: Pair, scene: Scene) -> str:
    """What became of a finding that counts less, if it is still there."""
    key = key_of(change.finding)
    left = next((finding for finding in pair.after.findings if key_of(finding) == key), None)
    if left is not None:
        return excuse_of(left) or _LESS.get(left.action, "")
    if change.cause is Cause.VEX and scene.has_vex:
        return "set aside by a statement (VEX or an ignore rule)"
    return "the policy does not ask for it now" if change.cause is Cause.POLICY else ""


_LESS = {Action.WARN: "only warned of now", Action.GO: "only noted now"}


def excuse_of(finding: Finding) -> str:
    """Why a finding does not count: `excepted by anna until 2026-12-01`; "" if it does."""
    covered = finding.allowlisted
    if covered is None:
        return ""
    if "stage" in covered:
        return f"not counted while the rule set {covered.get('rule_set', '')} is in {covered['stage']}"
    who = covered.get("owner") or covered.get("name") or ""
    until = covered.get("expires", "")
    return "excepted" + (f" by {who}" if who else "") + (f" until {until}" if until else "")


def storable(text: str) -> str:
    """A text from an image or a policy in a form that databases accept: bounded, without NUL and lone surrogates."""
    return text[:_LONGEST].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _purl_in(subject: str) -> str:
    return subject if subject.startswith("pkg:") else ""
