"""What matching asks of a snapshot, whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from hullmark.model.advisory import Advisory, AffectedPackage, Exploitability, KevEntry, Lifecycle, Range, Support


class Ask(NamedTuple):
    """One question: what is said of this version of a package?

    `is_bare`: an rpm version whose epoch is not known. `is_whole`: every part about the name is wanted, also those that do
    not cover the version.
    """

    namespace: str
    name: str
    scheme: str
    version: str
    is_bare: bool = False
    is_whole: bool = False


class Hit(NamedTuple):
    """An answer to the ask of this index: a part of an advisory, and one of its ranges. `covers`: the version lies in it."""

    ask: int
    advisory: Advisory
    affected: AffectedPackage
    range: Range
    covers: bool


class Claim(NamedTuple):
    """Does a feed other than `feed` speak of this vulnerability (any of its ids) in this package, whatever versions it names?"""

    namespace: str
    name: str
    id: str
    feed: str


class ClaimAnswer(NamedTuple):
    """An answer to the claim of this index: an advisory that goes by the id, and what it says of the package."""

    claim: int
    advisory: Advisory
    affected: AffectedPackage


class Extent(NamedTuple):
    """How many advisories speak of a namespace, and the youngest date in all that its feeds gave (ISO 8601, may be "").

    `is_given`: somebody gave them as a folder. `whole_at`: the day up to which a feed covers it completely, "" if none does;
    after `stale_days` (0: never) that is too long ago.
    """

    advisories: int
    data_at: str
    whole_at: str = ""
    stale_days: int = 0
    is_given: bool = False

    def days_old(self, at: str) -> int:
        """How many days before a day (ISO 8601) it was whole; 0 if it was not, and where either is not a day."""
        try:
            return max(0, (date.fromisoformat(at[:10]) - date.fromisoformat(self.whole_at)).days)
        except ValueError:
            return 0

    def is_known(self, at: str) -> bool:
        """Whether on a day (ISO 8601) all that is known of the namespace stands in it."""
        return bool(self.whole_at) and not (self.stale_days and self.days_old(at) > self.stale_days)

    def beside(self, other: Extent) -> Extent:
        """What two feeds tell together: the one counts that stays whole for longer."""
        best = max(self, other, key=Extent._ends)
        data_at = max(self.data_at, other.data_at)
        is_given = self.is_given and other.is_given
        return Extent(self.advisories + other.advisories, data_at, best.whole_at, best.stale_days, is_given)

    def _ends(self) -> str:
        """The last day on which it counts as whole, in an order."""
        if not self.whole_at or not self.stale_days:
            return "~" if self.whole_at else ""
        try:
            return (date.fromisoformat(self.whole_at) + timedelta(days=self.stale_days)).isoformat()
        except (ValueError, OverflowError):
            return ""


class AdvisorySource(Protocol):
    """The look-ups. Each is one query, however much is asked."""

    @property
    def digest(self) -> str:
        """The snapshot's digest, `sha256:HEX`."""

    @property
    def data_at(self) -> str:
        """The youngest date in the records (ISO 8601)."""

    @property
    def namespaces(self) -> Mapping[str, Extent]:
        """Every namespace that is known, and how much is known about it."""

    @property
    def licences(self) -> dict[str, str]:
        """The licence of each feed's data."""

    def hits(self, asks: Sequence[Ask]) -> list[Hit]:
        """The parts of advisories that cover what was asked for (all about the name for `is_whole`), in the order of the asks."""

    def spoken(self, claims: Sequence[Claim]) -> list[ClaimAnswer]:
        """The parts of advisories that go by an id, about a package, in the order of the claims."""

    def rated(self, names: Iterable[str]) -> dict[str, list[Advisory]]:
        """Advisories that have one of these very ids, without what they affect."""

    def exploited(self, cves: Iterable[str]) -> dict[str, KevEntry]:
        """Entries of the catalogue of known exploited vulnerabilities."""

    def exploitability(self, cves: Iterable[str]) -> dict[str, Exploitability]:
        """EPSS scores."""

    def lifecycles(self, product: str, release: str = "") -> tuple[Lifecycle, ...]:
        """What is known of a product's releases."""

    def support(self, namespaces: Sequence[str]) -> dict[str, Support]:
        """Packages that their distribution maintains less than the rest."""
