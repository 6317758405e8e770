"""What matching asks of a snapshot, whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from hullmark.model.advisory import Advisory, Affected, Exploitability, Exploited, Lifecycle, Range, Support


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
    affected: Affected
    range: Range
    covers: bool


class Claim(NamedTuple):
    """Does a feed other than `feed` speak of this vulnerability (any of its ids) in this package, whatever versions it names?"""

    namespace: str
    name: str
    id: str
    feed: str


class Spoken(NamedTuple):
    """An answer to the claim of this index: an advisory that goes by the id, and what it says of the package."""

    claim: int
    advisory: Advisory
    affected: Affected


class Extent(NamedTuple):
    """How many advisories speak of a namespace, and the youngest date in all that its feeds gave (ISO 8601).

    The date is "" for advisories that somebody wrote for a purpose, which are neither complete nor to be kept fresh.
    """

    advisories: int
    data_at: str


class Book(Protocol):
    """The look-ups. Each is one query, however much is asked."""

    @property
    def digest(self) -> str:
        """The snapshot's digest, `sha256:HEX`."""

    @property
    def data_at(self) -> str:
        """The youngest date in the records (ISO 8601)."""

    @property
    def namespaces(self) -> Mapping[str, Extent]:
        """Every namespace of which anything is known, and how much."""

    @property
    def licences(self) -> dict[str, str]:
        """The licence of each feed's data."""

    def hits(self, asks: Sequence[Ask]) -> list[Hit]:
        """The parts of advisories that cover what was asked for (all about the name for `is_whole`), in the order of the asks."""

    def spoken(self, claims: Sequence[Claim]) -> list[Spoken]:
        """The parts of advisories that go by an id, about a package, in the order of the claims."""

    def rated(self, names: Iterable[str]) -> dict[str, list[Advisory]]:
        """Advisories that have one of these very ids, without what they affect."""

    def exploited(self, cves: Iterable[str]) -> dict[str, Exploited]:
        """Entries of the catalogue of known exploited vulnerabilities."""

    def exploitability(self, cves: Iterable[str]) -> dict[str, Exploitability]:
        """EPSS scores."""

    def lifecycles(self, product: str, release: str = "") -> tuple[Lifecycle, ...]:
        """What is known of a product's releases."""

    def support(self, namespaces: Sequence[str]) -> dict[str, Support]:
        """Packages that their distribution maintains less than the rest."""
