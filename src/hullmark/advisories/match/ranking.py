"""Whose word decides: for each namespace, the databases in order. Pure data and the questions that are put to it.

Who maintains an ecosystem's advisories decides which versions of a package a vulnerability is in: its own database first, then GitHub's,
which reviews what it takes over. All others speak only where both are silent; those that nobody maintains any more come last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from hullmark.model.advisory import Advisory, AffectedPackage


class Ranking(msgspec.Struct, frozen=True):
    """The databases of a namespace: those that maintain its advisories, the first of which decides, and others, best first."""

    maintainers: tuple[str, ...]
    others: tuple[str, ...] = ()


_ENDED = ("nodejs",)
"""Databases that are written no more (the Node.js working group's list of packages of npm, since 2019)."""

RANKINGS: dict[str, Ranking] = {
    "cargo": Ranking(("rustsec", "ghsa")),
    "composer": Ranking(("ghsa", "friendsofphp")),
    "conan": Ranking(("ghsa",)),
    "cran": Ranking(("rsec", "ghsa")),
    "gem": Ranking(("rubysec", "ghsa")),
    "githubactions": Ranking(("ghsa",)),
    "golang": Ranking(("govulndb", "ghsa"), ("kubernetes",)),
    "hackage": Ranking(("haskell", "ghsa")),
    "hex": Ranking(("eef", "ghsa")),
    "maven": Ranking(("ghsa",), ("sap",)),
    "npm": Ranking(("ghsa",), ("retirejs",)),
    "nuget": Ranking(("ghsa",)),
    "pub": Ranking(("ghsa",)),
    "pypi": Ranking(("pypa", "ghsa"), ("sap",)),
    "swift": Ranking(("ghsa",)),
    "debian": Ranking(("debian", "debian-lists", "osv-debian")),
    "oci": Ranking(("redhat", "redhat-advisories")),
    "rhel": Ranking(("redhat", "redhat-advisories")),
    "sles": Ranking(("sles15", "sles12", "sles16", "suse-csaf")),
    "ubuntu": Ranking(("ubuntu", "ubuntu-tracker")),
}
"""By the part of a namespace before the colon. What is not here is said by one source alone."""

OWN = "folder"
"""What somebody wrote down for his own use; nobody overrules it."""

_ROADS = {"github": "ghsa", "github-api": "ghsa"}
_MIXED = ("osv", OWN)
"""Feeds that bring the records of several databases."""

_BROUGHT_BY = {"github-api": ("ghsa",), "osv": ("eef", "ghsa", "osv", "rsec"), "vunnel": ("ghsa", "govulndb")}
"""The databases that feeds of other names bring."""

_BY_PREFIX = {
    "EEF-": "eef", "GHSA-": "ghsa", "GO-": "govulndb", "HSEC-": "haskell", "PYSEC-": "pypa", "RSEC-": "rsec", "RUSTSEC-": "rustsec",
}  # fmt: skip
_LABELS = {
    "eef": "the Erlang Ecosystem Foundation", "friendsofphp": "FriendsOfPHP", "ghsa": "GHSA", "govulndb": "Go's vulnerability database",
    "haskell": "Haskell's advisories", "pypa": "PyPA", "rsec": "R's advisories", "rubysec": "RubySec", "rustsec": "RustSec",
}  # fmt: skip
_COMMIT = re.compile(r"v?0\.0\.0-\d{14}-[0-9a-f]{12}").match


def database_of(advisory: Advisory) -> str:
    """The database that an advisory is from, whichever way it came: GitHub's records come by its API, its archive and OSV's export."""
    source = _ROADS.get(advisory.source, advisory.source)
    return _BY_PREFIX.get(advisory.id.partition("-")[0] + "-", source) if source in _MIXED else source


def rank(namespace: str, advisory: Advisory) -> int:
    """The place of an advisory's database in a namespace, 0 for the one that decides."""
    return _place(namespace, database_of(advisory))


@lru_cache(maxsize=1024)
def _place(namespace: str, name: str) -> int:
    ranking = RANKINGS.get(namespace.partition(":")[0])
    if ranking is None or name == OWN:
        return 0
    known = (*ranking.maintainers, *ranking.others)
    if name in known:
        return known.index(name)
    return len(known) + (1 + _ENDED.index(name) if name in _ENDED else 0)


def is_maintained_by(namespace: str, advisory: Advisory) -> bool:
    """Whether an advisory's database maintains what is known of a namespace. So does the one source of a namespace without a rank."""
    return is_vendor(namespace, database_of(advisory)) or namespace == "cpe"


def is_vendor(namespace: str, database: str) -> bool:
    """Whether a database is of those that maintain a namespace; of a distribution's, whoever speaks of its packages is its own."""
    if namespace == "cpe" or database in ("nvd", "vulnrichment"):
        return False
    ranking = RANKINGS.get(namespace)
    return ranking is None or database in (*ranking.maintainers, OWN)


def can_be_overruled(namespace: str, advisory: Advisory) -> bool:
    """Whether another database decides, if it speaks. Of a distribution's packages all feeds are the distribution's own word."""
    return ":" not in namespace and rank(namespace, advisory) > 0


def decides(affected: AffectedPackage) -> bool:
    """Whether what is said of a package can be held against others: not ends that are commits (they say nothing of tags), nor doubts."""
    if affected.kind == "unknown":
        return False
    ends = [end for span in affected.ranges for end in (span.low, span.high) if end]
    return not ends or not all(map(_COMMIT, ends))


def maintainers(namespace: str, feeds: Iterable[str]) -> tuple[str, ...]:
    """For people, the databases that maintain a namespace, as far as a snapshot of these feeds has them, in order."""
    ranking = RANKINGS.get(namespace)
    present = {name for feed in feeds for name in _BROUGHT_BY.get(feed, (feed,))}
    return tuple(_LABELS[name] for name in (ranking.maintainers if ranking else ()) if name in present)
