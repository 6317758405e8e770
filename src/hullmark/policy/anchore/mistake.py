"""Mistakes in Anchore policies."""

from __future__ import annotations

from dataclasses import dataclass

from hullmark.policy.anchore.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake in a document: where it is (`policies[0].rules[2].params[1].value`), and what was expected.

    `problem_type` is the original's term. `quirk` names the quirk with which it counts as a mistake or, after a `!`, the quirk without
    which it does. `is_fatal`: nothing can be judged; otherwise it is only reported. `is_anywhere`: to the original it also counts in a
    mapping that is not chosen for the image.
    """

    path: str
    reason: str
    problem_type: str = "ValidationError"
    quirk: str = ""
    is_fatal: bool = True
    is_anywhere: bool = False

    def counts(self, profile: Profile) -> bool:
        """Whether it is a mistake in this profile."""
        if self.quirk.startswith("!"):
            return not profile.keeps(self.quirk[1:])
        return not self.quirk or profile.keeps(self.quirk)

    def __str__(self) -> str:
        return f"{self.path or 'the document'}: {self.reason}"
