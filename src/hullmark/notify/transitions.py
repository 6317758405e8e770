"""From two verdicts on one image, under one policy in one environment, to its transitions and their one cause."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from hullmark.model import notice
from hullmark.model.advisory import SEVERITY_RANK
from hullmark.model.notice import Transition, TransitionKind
from hullmark.model.verdict import PASSING, Action, Finding, Verdict, Weakness
from hullmark.notify.causes import cause_of, severity_of
from hullmark.notify.evidence import evidence_in
from hullmark.notify.scene import Pair, Scene
from hullmark.policy.verdict_diff import (
    Cause,
    Change,
    Difference,
    InputDifference,
    Lookup,
    compare,
    deciding,
    key_of,
    threat,
)

EPSS_NEWS = 0.1
"""A probability of exploitation (0-1) that is news once reached."""

_FOR_CERTAIN = (Cause.RETRACTION, Cause.EXCEPTION)
_WEIGHS_MORE = (Cause.SEVERITY, Cause.EXPLOITATION)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """A cause and its transitions. `suppressed` says why nobody is notified ("": subscribers are)."""

    cause: notice.Cause
    transitions: tuple[Transition, ...]
    suppressed: str = ""


def transitions_of(
    before: Verdict | None, after: Verdict, scene: Scene, lookup: Lookup | None = None
) -> tuple[News, ...]:
    """The transitions between two verdicts; empty without an earlier verdict.

    An image that comes out of compliance, or back in, has one cause. One that stays out of it has one for each advisory, or whatever
    else changed what it is held against. The first advisories that there are make no news. Where a tag moved, all that it leads to now
    is told, also if it is as good as before.
    """
    if before is None or _is_first_look(before, after):
        return ()
    difference = compare(before, after, lookup)
    pair = Pair(before, after)
    if scene.is_moved:
        return (_build_tag_news(difference, pair, scene),)
    if (before.verdict in PASSING) is not (after.verdict in PASSING):
        return (_build_verdict_news(difference, pair, scene),)
    if after.verdict in PASSING or _is_failure(before) or _is_failure(after):
        return ()
    return tuple(_while_failing(difference, pair, scene))


def number_news(news: News, history_id: int) -> News:
    """The news of a stored verdict: stored twice, they are the same."""
    key = news.cause.key
    named = key if len(key) < 900 else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    transitions = (
        replace(transition, key=f"{history_id}:{transition.kind}:{named}", history_id=history_id)
        for transition in news.transitions
    )
    return replace(news, transitions=tuple(transitions))


def _is_first_look(before: Verdict, after: Verdict) -> bool:
    return not before.inputs.snapshot and bool(after.inputs.snapshot)


def _is_failure(verdict: Verdict) -> bool:
    """Whether nothing could be judged at all, or is known any more, for want of a document or the like: that says nothing of findings."""
    return verdict.has_unknowns and not verdict.findings and not verdict.problems and verdict.rule_count is None


def _build_verdict_news(difference: Difference, pair: Pair, scene: Scene) -> News:
    decisive = deciding(difference)
    is_worse = pair.after.verdict not in PASSING
    others = [change for change in difference.changes if change.is_gained is is_worse and change not in decisive]
    kind: TransitionKind = "compliance.lost" if is_worse else "compliance.regained"
    cause = cause_of(difference.cause, difference.compared, decisive, pair, scene)
    return _news(cause, [(kind, (*decisive, *others))], pair, scene)


def _build_tag_news(difference: Difference, pair: Pair, scene: Scene) -> News:
    """What a tag leads to now: the verdict, and the reasons that are new or gone."""
    was, passes = (verdict.verdict in PASSING for verdict in (pair.before, pair.after))
    kind: TransitionKind = "tag.moved" if was is passes else "compliance.regained" if passes else "compliance.lost"
    changes = sorted(
        difference.changes, key=lambda change: (change.is_gained is passes, change.finding.action is not Action.STOP)
    )
    compared = InputDifference(what="image", before=pair.before.inputs.image, after=pair.after.inputs.image)
    return _news(cause_of(Cause.IMAGE, compared, changes, pair, scene), [(kind, changes)], pair, scene)


def _while_failing(difference: Difference, pair: Pair, scene: Scene) -> Iterator[News]:
    groups: dict[str, tuple[notice.Cause, dict[TransitionKind, list[Change]]]] = {}
    for change, kind in find_announcements(difference, pair):
        cause = cause_of(change.cause, change.compared, (change,), pair, scene)
        known, kinds = groups.setdefault(cause.key, (cause, {}))
        kinds.setdefault(kind, []).append(change)
        if cause.severity != known.severity:
            worse = max(cause, known, key=lambda transition: SEVERITY_RANK[transition.severity])
            groups[cause.key] = (worse, kinds)
    for _, (cause, kinds) in sorted(groups.items()):
        yield _news(cause, sorted(kinds.items()), pair, scene)


def find_announcements(difference: Difference, pair: Pair) -> Iterator[tuple[Change, TransitionKind]]:
    """The news about an image that stays out of compliance: only findings that stop it count. In the order of their keys, findings that
    stay last."""
    changes = [change for change in difference.changes if change.finding.action is Action.STOP]
    replaced = {_about(change.finding) for change in changes if change.is_gained}
    for change in changes:
        if change.is_gained:
            yield change, "finding.worse" if change.cause in _WEIGHS_MORE else "finding.new"
        elif _about(change.finding) in replaced:
            continue  # another rule has the same finding now
        elif change.cause in _FOR_CERTAIN or not pair.after.has_unknowns or _is_dropped(change, pair.after):
            yield change, "finding.retracted"
    yield from _of_kept(pair)


def _is_dropped(change: Change, after: Verdict) -> bool:
    """Whether another policy no longer holds it against the image, and not for want of a fact: that other rules lack some matters not."""
    return change.cause is Cause.POLICY and not any(
        problem.reason.startswith(f"the rule {change.finding.rule_id} cannot be judged") for problem in after.problems
    )


def _about(finding: Finding) -> tuple[str, ...]:
    weakness = finding.weakness
    return (weakness.advisory, weakness.package) if weakness is not None else (finding.gate, finding.subject)


def _of_kept(pair: Pair) -> Iterator[tuple[Change, TransitionKind]]:
    """News about findings that stay: a fix is available, or the severity rose."""
    if pair.before.inputs.image != pair.after.inputs.image:
        return
    known = {key_of(finding): finding for finding in pair.before.findings if finding.action is Action.STOP}
    for finding in sorted(pair.after.findings, key=key_of):
        old = known.get(key_of(finding))
        if old is None or finding.action is not Action.STOP or old.weakness is None or finding.weakness is None:
            continue
        for tells, cause, kind in _OF_KEPT:
            compared = tells(old.weakness, finding.weakness)
            if compared is not None:
                yield Change(finding=finding, is_gained=True, cause=cause, compared=compared), kind
                break


def _find_new_fix(old: Weakness, new: Weakness) -> InputDifference | None:
    if not new.fix_version or old.fix_version:
        return None
    return InputDifference(what=f"fix of {new.advisory}", before="none", after=new.fix_version)


def _more_exploited(old: Weakness, new: Weakness) -> InputDifference | None:
    reaches = (old.epss or 0) < EPSS_NEWS <= (new.epss or 0)
    if not reaches and not (new.is_exploited and not old.is_exploited):
        return None
    return InputDifference(what=f"exploitation of {new.advisory}", before=threat(old), after=threat(new))


def _more_severe(old: Weakness, new: Weakness) -> InputDifference | None:
    if SEVERITY_RANK[new.severity] <= SEVERITY_RANK[old.severity]:
        return None
    return InputDifference(what=f"severity of {new.advisory}", before=old.severity, after=new.severity)


_Tells = Callable[[Weakness, Weakness], InputDifference | None]
_OF_KEPT: tuple[tuple[_Tells, Cause, TransitionKind], ...] = (
    (_more_exploited, Cause.EXPLOITATION, "finding.worse"),
    (_more_severe, Cause.SEVERITY, "finding.worse"),
    (_find_new_fix, Cause.FIX, "fix.available"),
)


def _news(
    cause: notice.Cause, kinds: Iterable[tuple[TransitionKind, Sequence[Change]]], pair: Pair, scene: Scene
) -> News:
    transitions = tuple(
        Transition(
            kind=kind,
            key="",
            at=scene.at,
            image_id=scene.image_id,
            image_digest=scene.image_digest,
            reference=scene.reference,
            policy_id=scene.policy_id,
            policy=scene.policy,
            environment=scene.environment,
            before=pair.before.verdict.value,
            after=pair.after.verdict.value,
            severity=severity_of(changes),
            evidence=evidence_in(changes, pair, scene),
        )
        for kind, changes in kinds
    )
    return News(
        cause=cause, transitions=transitions, suppressed="the analyzer changed" if cause.kind == "analyzer" else ""
    )
