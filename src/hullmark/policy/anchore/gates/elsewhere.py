"""Gates `stig` and `image_source_drift` (format "2"): they depend on facts that Hullmark never collects, so they are always undecided."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.trigger import Answer, Trigger
from hullmark.policy.gate import CannotTell


def stig(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Report that the gate is undecided."""
    yield CannotTell("no STIG profiles are evaluated here")


def source_drift(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Report that the gate is undecided."""
    yield CannotTell("no bills of materials of source repositories are compared with images here")


_DAYS = (Parameter(name="max_days_since_evaluation", kind=Kind.INTEGER, aliases=("max_days",)),)
_TYPES = (Parameter(name="package_types", kind=Kind.TEXTS),)

TRIGGERS = (
    *(
        Trigger(gate="stig", name=name, check=stig, parameters=_DAYS, is_enterprise=True, about="Cannot be told here.")
        for name in ("no_stig_evaluations_available", "stig_evaluations_outdated")
    ),
    *(
        Trigger(
            gate="image_source_drift",
            name=name,
            check=source_drift,
            parameters=_TYPES,
            is_enterprise=True,
            about="Cannot be told here.",
        )
        for name in ("package_downgraded", "package_removed", "no_related_sources")
    ),
)
