"""Mistakes in Anchore policies."""

from __future__ import annotations

from dataclasses import dataclass

from hullmark.policy.anchore.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with a document: where (`policies[0].rules[2].params[1].value`), and what was expected.

    `problem_type` is the original's word. `quirk` names the quirk that it counts with, or, after a `!`, the one it counts without.
    `is_fatal`: nothing is judged; else it is only told. `is_anywhere`: to the original it matters also in a mapping that no image comes by.
    """

    path: str
    reason: str
    problem_type: str = "ValidationError"
    quirk: str = ""
    is_fatal: bool = True
    is_anywhere: bool = False

    def counts(self, profile: Profile) -> bool:
        """Whether it is a mistake in a profile."""
        if self.quirk.startswith("!"):
            return not profile.keeps(self.quirk[1:])
        return not self.quirk or profile.keeps(self.quirk)

    def __str__(self) -> str:
        return f"{self.path or 'the document'}: {self.reason}"
