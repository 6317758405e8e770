"""Which of the original's peculiarities are kept. Each has a name, Q1 to Q41, as docs/how-to/use-an-anchore-policy.md lists them."""

from __future__ import annotations

from dataclasses import dataclass

QUIRKS = (*(f"Q{number}" for number in range(1, 42)), *(f"QS{number}" for number in range(1, 6)))
"""QS1: a link in the place of a package's file counts as unchanged. QS2: files above 10,000 bytes are not searched for secrets.
QS3: a text that is empty or blank is a text like others. QS4: a mapping without a policy stops every image, wherever it stands. QS5: the
original's table says whose advisories speak for a distribution.
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of judging. `is_compat` also decides which trigger id a finding shows first, and how the verdict's reason is worded."""

    is_compat: bool
    quirks: frozenset[str]

    def keeps(self, quirk: str) -> bool:
        """Whether it keeps this quirk of the original."""
        return quirk in self.quirks

    def without(self, *quirks: str) -> Profile:
        """This profile without some quirks. Raises ValueError for an unknown name."""
        unknown = sorted(set(quirks) - set(QUIRKS))
        if unknown:
            raise ValueError(f"there is no quirk {unknown[0]!r}")
        return Profile(self.is_compat, self.quirks - set(quirks))


COMPAT = Profile(is_compat=True, quirks=frozenset(QUIRKS))
NATIVE = Profile(is_compat=False, quirks=frozenset())
PROFILES = {"compat": COMPAT, "native": NATIVE}
