"""The interface of a policy language. Code that reads, judges or explains a policy goes through its language, and never checks which
language that is.
"""

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
    """A language whose policies are of the type `policy`. `profiles` are the names of the profiles it can judge in.

    `read` returns None for a document in another language, and raises HullmarkError for one that cannot be read. `mistakes` are those of a
    policy that could be read nevertheless; `check` raises HullmarkError, naming them, for mistakes that count in a profile.

    `needs` are the facts to collect. `evaluate` judges: policy, facts, question, the analyzer's name and version, and the snapshot's
    digest, if there is one. Given a verdict on these facts, `next_deadline` is the time at which it may change without new facts (None:
    never), `granted` lists the findings despite which the image may start, and `explain` explains each finding. `depends_on_ends`: whether
    verdicts may change because a distribution's release ends.

    `as_native` returns the policy as native rules, None if it is not made of them; `translate` converts it to native rules as far as they
    can express it, None for a language that needs no translation.
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
