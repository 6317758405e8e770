"""Gate `distro` (format "2"): distributions that are not allowed."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.trigger import Answer, Scope, Trigger, TriggerMatch
from hullmark.versions import InvalidVersion, scheme_for

_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")


def deny(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Compare name and version."""
    name, version = facts.distro
    if name.lower() != values.text("distro").lower():
        return
    wanted, check = values.text("version"), values.text("check", "=")
    try:
        order = 0 if version == wanted else scheme_for("generic").compare(version, wanted)
    except InvalidVersion as error:
        raise RuleFailed(f"the versions {version[:60]!r} and {wanted[:60]!r} cannot be compared") from error
    holds = {"=": order == 0, "!=": order != 0, "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0}
    if holds[check]:
        yield TriggerMatch(
            message=f"Distribution {name} {version} is denied ({check} {wanted})", subject=f"{name} {version}"
        )


def _distro(values: Values) -> Scope:
    return Scope(frozenset(("distro",)))


TRIGGERS = (
    Trigger(
        gate="distro",
        name="deny",
        check=deny,
        scope=_distro,
        is_enterprise=True,
        about="Fires if the image is built on this distribution, in a version that meets the condition.",
        parameters=(
            Parameter(name="distro", is_required=True),
            Parameter(name="version", is_required=True),
            Parameter(name="check", kind=Kind.CHOICE, choices=_COMPARISONS, is_required=True),
        ),
    ),
)
