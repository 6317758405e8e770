"""What a language of policies offers. Who reads, judges or explains a policy asks its language, and never which one that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from hullmark.model.explanation import Explanation
from hullmark.model.verdict import Verdict
from hullmark.policy.anchore.profile import Profile
from hullmark.policy.conversion import Translation
from hullmark.policy.deadlines import GrantedGrace
from hullmark.policy.decode import Mistake
from hullmark.policy.document import Document
from hullmark.policy.facts import Facts
from hullmark.policy.needs import Needs
from hullmark.policy.question import Question
from hullmark.policy.rules import Policy

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(Generic[P]):
    """A language whose policies are of the type `policy`. `profiles` are the names of those it judges in.

    `read` answers None for a document in another language, and raises HullmarkError for one that cannot be read. `mistakes` are those
    that a policy has all the same; `check` raises HullmarkError, naming them, for those that count in a profile.

    `needs` are the facts to collect. `evaluate` judges: policy, facts, question, the analyzer's name and version, and the snapshot's
    digest, if there is one. Of a verdict on these facts `next_deadline` says at which moment time alone may change it (None: never),
    `granted` what the image may start in spite of, `explain` why each finding is there. `depends_on_ends`: whether verdicts
    may change as a distribution's release ends.

    `as_native` are the native rules that a policy is made of, None where it is not; `translate` makes some, as far as they can say the
    same, None for a language in which there is nothing to translate.
    """

    name: Literal["native", "anchore"]
    policy: type[P]
    profiles: tuple[str, ...]
    read: Callable[[Document], P | None]
    mistakes: Callable[[P], tuple[Mistake, ...]]
    check: Callable[[P, Profile], None]
    needs: Callable[[P, Question], Needs]
    depends_on_ends: Callable[[P], bool]
    evaluate: Callable[[P, Facts, Question, str, str | None], Verdict]
    next_deadline: Callable[[P, Facts, Verdict, Question], datetime | None]
    granted: Callable[[P, Facts, Verdict, Question], tuple[GrantedGrace, ...]]
    explain: Callable[[Verdict, P, Facts], tuple[Explanation, ...]]
    as_native: Callable[[P], Policy | None]
    translate: Callable[[P], Translation] | None
