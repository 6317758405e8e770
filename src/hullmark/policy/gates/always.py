"""Gate `always`: for images that a policy rejects (or reports) as such, for example those that an entry of `apply` denies."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Params, Trigger, Violation


class Always(Params, frozen=True, kw_only=True):
    """Fires on every image that its rule set judges."""


def always(params: Always, facts: Facts) -> Iterator[Answer]:
    """Fire."""
    del params
    yield Violation("image", f"The image {facts.reference or 'itself'} is meant by this rule.")


TRIGGERS = (Trigger(gate="always", name="always", params=Always, check=always),)
