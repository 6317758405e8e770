"""How to judge: what is known besides the image, and what the user wants."""

from __future__ import annotations

from dataclasses import dataclass, field

from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.profile import NATIVE, Profile
from hullmark.policy.context import NO_CONTEXT, Context
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import PolicyException


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How to judge, in any language; each language uses the parts that concern it.

    `unmapped` is the outcome for an image that no mapping of an Anchore policy matches (in the native profile); `on_failure` is what an
    Anchore rule that cannot be judged counts as. `digest` is the one that the image is judged under, "" for its own. `exceptions` are
    stored beside the policy: findings that they cover do not count, as with the policy's own. `deployment` is what is known of where the
    image runs.
    """

    profile: Profile = NATIVE
    context: Context = NO_CONTEXT
    unmapped: Outcome = Outcome.STOP
    on_failure: Outcome = Outcome.STOP
    digest: str = ""
    exceptions: tuple[PolicyException, ...] = ()
    deployment: Deployment = field(default_factory=Deployment)


NATIVELY = Question()
"""How to judge where nothing else is asked."""
