"""What the clock causes: verdicts are made again when their time comes, and people are told what ends soon or has ended.

Everything happens at its time and once: a moment is taken in the transaction of what it causes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from hullmark.advisories.database.excerpt import Excerpt
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.coverage import lifecycles
from hullmark.advisories.match.distros import plan_for
from hullmark.model.errors import HullmarkError
from hullmark.model.expiry import is_day
from hullmark.model.inventory import Distro
from hullmark.model.notice import Cause, Evidence, Transition, TransitionKind
from hullmark.model.verdict import Evidence as Place
from hullmark.model.verdict import Finding
from hullmark.policy.deadlines import WARNED_DAYS, GrantedGrace
from hullmark.policy.languages import language_of
from hullmark.policy.support_end import GATE, TRIGGER
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.judging.earlier import first_seen_of
from hullmark.server.stories.judging.exceptions import ExceptionBody, covers, is_behind
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import deadlines, policies, verdicts
from hullmark.server.tables.judging.deadlines import DatedVerdict, EndingException
from hullmark.server.tables.judging.verdicts import JudgedVerdict
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.rollout.adoptions import accounts_with_policies
from hullmark.server.tables.settings import keep_setting, setting

DUE = "time"
"""The cause of a judging whose moment has come."""

_AT_ONCE = 500
_EXCEPTIONS_AT_ONCE = 50
_WARNED = (7, 1)
_LOOKED_AT = 5000
_READ = 50
_SHOWN = 50
_LIFECYCLES = "lifecycles"
_ALL = "*"
_END_OF_LIFE = f"{GATE}.{TRIGGER}"


async def judge_due(services: Services) -> None:
    """A duty: what is due by now is done. Exceptions first: what they still cover is looked up by the moments of verdicts."""
    await tell_of_exceptions(services)
    now = services.clock()
    while True:
        async with services.database.system() as connection:
            due = await deadlines.take_due(connection, now, _AT_ONCE)
            await want_verdicts(connection, due, DUE, priority=20)
        if not due:
            return


# Exceptions


class _CoveredFindings(NamedTuple):
    """What an exception covers: some of the findings, each with its verdict and since when it is known; of how many images, at least."""

    findings: tuple[tuple[DatedVerdict, Finding, datetime], ...]
    images: int
    is_all: bool


async def warn_as_made(connection: Connection, key: UUID, ends: datetime, now: datetime) -> None:
    """An exception is made that ends soon: nobody is told that it does, except for what is still to come."""
    near = [days for days in _WARNED if ends - now <= timedelta(days=days)]
    if near:
        await deadlines.warn_no_more(connection, key, min(near))


async def tell_of_exceptions(services: Services) -> None:
    """Announce exceptions that end in some days, and those that have ended: each once."""
    now = services.clock()
    # The nearest end first: a late process announces one only.
    for days in (0, *sorted(_WARNED)):
        await _drain(services, now, days)


async def _drain(services: Services, now: datetime, days: int) -> None:
    while True:
        async with services.database.system() as connection:
            taken = (
                await deadlines.take_ending(connection, now, days, _EXCEPTIONS_AT_ONCE)
                if days
                else await deadlines.take_ended(connection, now, _EXCEPTIONS_AT_ONCE)
            )
            for ending in taken:
                await _tell(services, connection, ending, days)
        if not taken:
            return


async def _tell(services: Services, connection: Connection, ending: EndingException, days: int) -> None:
    """Announce that an exception ends in so many days, or has ended (0)."""
    covered = await _covered_by(services, connection, ending)
    what = f"{days}d" if days else "expired"
    kind: TransitionKind = "exception.expiring" if days else "exception.expired"
    key = exception_key(ending.id, what)
    evidence = tuple(_evidence(*found, is_over=not days) for found in covered.findings[:_SHOWN])
    cause = Cause(
        kind="exception",
        key=key,
        subject=_subject(ending),
        sentence=_sentence(ending, days, covered),
        seen_at=services.clock(),
        before=f"covered until {_until(ending)}",
        after="" if days else "no longer covered",
        evidence=evidence,
    )
    transition = Transition(kind=kind, key=key, at=services.clock(), evidence=evidence)
    is_complete = bool(days) or not covered.findings  # verdicts follow where it covered something
    await transitions.tell(connection, ending.account_id, cause, (transition,), is_complete=is_complete)


def exception_key(key: object, what: str) -> str:
    """The key of the cause that an exception is: `what` is `expired`, or how long before."""
    return f"exception:{key}@{what}"


async def _covered_by(services: Services, connection: Connection, ending: EndingException) -> _CoveredFindings:
    """What an exception covers, by the documents of some verdicts that change when it ends, if they did not yet."""
    body = msgspec.convert(ending.body, ExceptionBody)
    found: list[tuple[DatedVerdict, Finding, datetime]] = []
    after, looked_at, read = 0, 0, 0
    while looked_at < _LOOKED_AT and read < _READ:
        rows = await deadlines.dated_before(
            connection, ending.account_id, ending.expires_at, after=after, limit=_AT_ONCE
        )
        for row in rows:
            if read < _READ and covers(body, row.policy, row.reference):
                read += 1
                found += [(row, *one) for one in await _findings_of(services, connection, ending, row)]
        looked_at += len(rows)
        if len(rows) < _AT_ONCE:
            break
        after = rows[-1].history_id
    is_all = looked_at < _LOOKED_AT and read < _READ
    return _CoveredFindings(tuple(found), len({row.image_id for row, *_ in found}), is_all)


async def _findings_of(
    services: Services, connection: Connection, ending: EndingException, verdict: DatedVerdict
) -> list[tuple[Finding, datetime]]:
    """The findings of a verdict that an exception covers, each with when it came to be known; none if its document is not there."""
    row = await verdicts.by_number(connection, ending.account_id, verdict.history_id)
    if row is None:
        return []
    try:
        whole = await asyncio.to_thread(verdict_at, services.objects, row)
    except HullmarkError:
        return []
    body = msgspec.convert(ending.body, ExceptionBody)
    since = first_seen_of(whole, row.at)
    return [(finding, since[finding.trigger_id]) for finding in whole.findings if is_behind(body, finding)]


def _evidence(verdict: DatedVerdict, finding: Finding, since: datetime, *, is_over: bool) -> Evidence:
    place = _place_of(finding)
    where = f" in {verdict.environment}" if verdict.environment else ""
    return Evidence(
        rule=finding.rule_id,
        subject=finding.subject,
        message=f"{verdict.reference or f'image {verdict.image_id}'}, {verdict.policy}{where}: {finding.message}",
        path=place.path,
        layer=place.layer,
        instruction=place.created_by,
        more_places=max(len(finding.evidence) - 1, 0),
        since=since,
        advice=f"mend it{'' if is_over else ' before the exception ends'}, or accept it anew: hullmark exception add",
    )


def _place_of(finding: Finding) -> Place:
    """Where a finding is seen first."""
    return next((place for place in finding.evidence if place.path), Place())


def _subject(ending: EndingException) -> str:
    """What it is about: the findings' subject if there is one, else the rule."""
    subject = str(ending.body["subject"])
    return str(ending.body["rule"]) if subject == "*" else subject


def _sentence(ending: EndingException, days: int, covered: _CoveredFindings) -> str:
    body = ending.body
    about = f"from the rule {body['rule']} for {body['subject']} (owner: {ending.body['owner']})"
    count = f"{len(covered.findings)}{'' if covered.is_all else ' or more'}"
    findings = "finding" if count == "1" else "findings"
    images = "image" if covered.images == 1 else "images"
    cover = f"{count} {findings} of {covered.images} {images}" if covered.findings else "nothing"
    if days:
        return f"The exception {about} ends {_when(ending)}. It covers {cover}."
    return f"The exception {about} ended {_when(ending)}. It covered {cover}."


def _until(ending: EndingException) -> str:
    """The last day, or the moment, as it was given."""
    return str(ending.body["expires"])


def _when(ending: EndingException) -> str:
    until = _until(ending)
    return f"with {until} (UTC)" if is_day(until) else f"at {ending.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


# Grace


async def tell_of_grace(
    connection: Connection,
    judged: JudgedVerdict,
    policy: str,
    held: Sequence[GrantedGrace],
    history_id: int | None = None,
) -> int:
    """Write down that an image may not start much longer in spite of what was found, where that is near; answers how much is new.

    In the transaction that the verdict is written in. The nearer of both times counts, and each is told of once.
    """
    if judged.is_shadow:
        return 0
    groups: dict[tuple[int, datetime], list[GrantedGrace]] = {}
    for grace in held:
        near = [days for days in WARNED_DAYS if judged.at >= grace.until - timedelta(days=days)]
        if near:
            groups.setdefault((min(near), grace.until), []).append(grace)
    count = 0
    for (days, until), some in sorted(groups.items()):
        count += await _tell_of_grace(connection, judged, _GraceEnd(policy, days, until, some, history_id))
    return count


class _GraceEnd(NamedTuple):
    """Grace under a policy that ends for some findings."""

    policy: str
    days: int
    until: datetime
    held: Sequence[GrantedGrace]
    history_id: int | None


async def _tell_of_grace(connection: Connection, judged: JudgedVerdict, ending: _GraceEnd) -> int:
    day = ending.until.astimezone(UTC).date().isoformat()
    evidence = tuple(
        _of_grace(grace.finding)
        for grace in sorted(ending.held, key=lambda grace: (grace.finding.rule_id, grace.finding.subject))[:_SHOWN]
    )
    cause = Cause(
        kind="time",
        key=f"time:grace:{judged.policy_id}:{judged.environment}@{day}-{ending.days}d",
        subject=ending.policy,
        sentence=f"The grace under the policy {ending.policy} ends on {day}: running images may not start again then.",
        seen_at=judged.at,
        before="warn",
        after="stop",
    )
    moment = ending.until.astimezone(UTC).isoformat()
    transition = Transition(
        kind="grace.ending",
        key=f"grace:{judged.image_id}:{judged.policy_id}:{judged.environment}:{moment}@{ending.days}d",
        at=judged.at,
        image_id=judged.image_id,
        image_digest=judged.image_digest,
        reference=judged.reference,
        policy_id=judged.policy_id,
        policy=ending.policy,
        environment=judged.environment,
        before=judged.verdict,
        after=judged.verdict,
        history_id=ending.history_id,
        evidence=evidence,
    )
    return await transitions.tell(connection, judged.account_id, cause, (transition,), is_complete=False)


def _of_grace(finding: Finding) -> Evidence:
    place = _place_of(finding)
    return Evidence(
        rule=finding.rule_id,
        subject=finding.subject,
        message=finding.message,
        path=place.path,
        layer=place.layer,
        instruction=place.created_by,
        advice="mend it before the grace ends, or accept it for a time: hullmark exception add",
    )


# Support of distributions


async def follow_lifecycles(services: Services, snapshot_cache: SnapshotCache) -> int:
    """Have the images judged again for whose distribution the snapshot changes the end of support, if a policy
    in force depends on that, or on vulnerabilities; returns how many verdicts. If stopped anywhere, it is done again."""
    async with services.database.system() as connection:
        snapshot = await current_snapshot(connection)
        known = await setting(connection, _LIFECYCLES)
        named = await deadlines.distros(connection)
    if snapshot is None:
        return 0

    def compute_digests() -> dict[str, str]:
        with snapshot_cache.opened(snapshot.digest, snapshot.object) as source:
            of_all = _support_digest_of_all(source)
            return {name: _support_digest(name, source) or of_all for name in named} | {_ALL: of_all}

    now = await asyncio.to_thread(compute_digests)
    is_same = known is None or known.get(_ALL) == now[_ALL]
    changed = [] if is_same else [name for name in named if known.get(name) != now[name]]
    async with services.database.system() as connection:
        asking = await _asking_for_lifecycles(connection) if changed else []
        count = await deadlines.expect_of_distros(connection, asking, changed, services.clock()) if asking else 0
        await keep_setting(connection, _LIFECYCLES, now)
    return count


def _support_digest(name: str, source: Snapshot) -> str:
    """A digest of the support of one distribution (`debian:12`); "" if its name alone does not identify the release."""
    distro, _, version = name.partition(":")
    plan = plan_for(Distro(id=distro, version_id=version), source.namespaces)
    return hashlib.sha256(msgspec.json.encode(lifecycles(plan, source))).hexdigest() if plan.product else ""


def _support_digest_of_all(source: Snapshot) -> str:
    """A digest of the support of all products' releases."""
    with Excerpt(source) as excerpt:
        return hashlib.sha256(msgspec.msgpack.encode(sorted(excerpt.releases().items()))).hexdigest()


async def _asking_for_lifecycles(connection: Connection) -> list[int]:
    """The policies in force whose verdicts depend on until when distributions are maintained."""
    found = set()
    for account_id in await accounts_with_policies(connection):
        for active in await policies.activations(connection, account_id):
            version = await policies.version_by_id(connection, active.version_id)
            if version is not None and _asks_for_lifecycles(version.text):
                found.add(version.policy_id)
    return sorted(found)


def _asks_for_lifecycles(text: str) -> bool:
    try:
        policy = load_policy(text)
    except HullmarkError:
        return False
    language = language_of(policy)
    native = language.as_native(policy)
    rules = native.rules if native is not None else ()
    return language.depends_on_ends(policy) or any(rule.trigger.full_name == _END_OF_LIFE for rule in rules)
