"""How to judge: what is known besides the image, and what its holder wants."""

from __future__ import annotations

from dataclasses import dataclass, field

from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.profile import NATIVE, Profile
from hullmark.policy.context import NO_CONTEXT, Context
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import PolicyException


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How to judge, in any language; each takes of it what it knows.

    `unmapped` is what an image comes to that no mapping of an Anchore policy fits (in the native profile), `on_failure` what a rule of
    one counts as that cannot be judged. `digest` is the one that the image is judged under, "" for its own. `exceptions` are kept beside
    the policy: what they cover does not count, as with its own. `deployment` is what is known of where the image runs.
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
