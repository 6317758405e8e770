"""Exceptions that are kept as objects of their own, beside the policy that is judged by; and how an image is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.check import CheckOptions
from hullmark.model.verdict import Finding
from hullmark.policy.context import Context
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import PolicyException
from hullmark.policy.values import Expiry, NameGlob
from hullmark.server.stories.judging.selection import SelectedVersion
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging.policies import ExceptionRow

NOT_RUNNING = Deployment()
"""An image that is not known to run."""


class ExceptionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an exception covers: findings of a rule on the subjects that the wildcards fit, until the end (UTC) of a day, or until a moment.

    `policy` and `images` (wildcards on HOST/REPOSITORY:TAG) narrow it; `*` is all.
    """

    rule: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    expires: Annotated[
        str,
        msgspec.Meta(
            max_length=40,
            description="The last day on which it counts, in UTC; or the moment at which it ends, with its zone.",
            examples=["2027-01-31", "2027-01-31T14:00:00Z"],
        ),
    ]
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    ticket: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    policy: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "*"
    images: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] = "*"


def covers(body: ExceptionBody, policy: str, reference: str) -> bool:
    """Whether it counts for the policy of that name and an image judged under a reference."""
    return _fits(body.policy, policy) and _fits(body.images, reference)


def is_behind(body: ExceptionBody, finding: Finding) -> bool:
    """Whether it is the exception that a finding is covered by, as the finding shows it."""
    return (
        finding.allowlisted is not None
        and finding.rule_id == body.rule
        and finding.allowlisted == _make_exception(body).described()
    )


def used_in(rows: Iterable[ExceptionRow], name: str, reference: str, findings: Iterable[Finding]) -> tuple[UUID, ...]:
    """The exceptions by which findings of a verdict are covered: of the policy called `name`, on an image judged under a reference."""
    covered = {
        (finding.rule_id, _encode_exception(finding.allowlisted))
        for finding in findings
        if finding.allowlisted is not None
    }
    if not covered:
        return ()
    bodies = ((row.id, msgspec.convert(row.body, ExceptionBody)) for row in rows)
    return tuple(
        key
        for key, body in bodies
        if covers(body, name, reference)
        and (body.rule, _encode_exception(_make_exception(body).described())) in covered
    )


def _encode_exception(described: Mapping[str, Any]) -> bytes:
    """What a finding shows of its exception, so that equal ones are found."""
    return msgspec.json.encode(described, order="sorted")


def exceptions_for(rows: Iterable[ExceptionRow], name: str, reference: str) -> tuple[PolicyException, ...]:
    """The exceptions that count for the policy called `name` and for an image judged under a reference."""
    bodies = (msgspec.convert(row.body, ExceptionBody) for row in rows)
    return tuple(_make_exception(body) for body in bodies if covers(body, name, reference))


def _make_exception(body: ExceptionBody) -> PolicyException:
    return PolicyException(
        rule=body.rule,
        subject=NameGlob(body.subject),
        expires=Expiry(body.expires),
        owner=body.owner,
        reason=body.reason,
        ticket=body.ticket,
    )


def _fits(pattern: str, name: str) -> bool:
    return pattern == "*" or NameGlob(pattern).matches(name)


def asked_for(
    chosen: SelectedVersion,
    held: HeldImage,
    source: AdvisorySource | None,
    exceptions: tuple[PolicyException, ...],
    runs: Deployment = NOT_RUNNING,
) -> CheckOptions:
    """How an image is judged that an account holds. `runs`: since when it runs, and since when what about it is known."""
    return CheckOptions(
        tag=chosen.reference,
        digest=held.digest,
        dockerfile=held.dockerfile,
        advisories=source,
        environment=chosen.activation.environment,
        exceptions=exceptions,
        context=Context(running_since=runs.running_since, first_seen=runs.first_seen),
    )
