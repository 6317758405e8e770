"""Gate `always`: fires on every image."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.trigger import Answer, Trigger, TriggerMatch


def always(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Fire."""
    yield TriggerMatch(message="Unconditional trigger match", subject="image", legacy_id="always")


TRIGGERS = (Trigger(gate="always", name="always", check=always, about="Fires on every image."),)
