"""Whether a distribution's word about one of its packages clears what that package owns: a statement does, silence rarely.

A statement is a record of the vulnerability about the owner or its source package: mended in this version, or not affected. Silence
is a word only where the distribution would have spoken: it also records what it has not fixed, a whole feed of its records is there,
and what is owned is what it tracks by that source package (`python3-urllib3` is urllib3). Copies that a package brings along, and
all that is linked into programs (Go, Rust), are tracked by nobody (https://wiki.debian.org/EmbeddedCopies).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from hullmark.advisories.match import epel
from hullmark.advisories.match.advisory_source import Extent
from hullmark.advisories.match.distros import Plan
from hullmark.advisories.match.lookups import RULES, is_system
from hullmark.advisories.match.origin import is_foreign
from hullmark.model.match import REPORTED, STATED, Suppression
from hullmark.model.package import Package

_NOTHING: frozenset[str] = frozenset()
_DASHES = re.compile(r"[-_./]+")
_COUNT = re.compile(r"[-\d.]+$")

_NAMED: dict[str, re.Pattern[str]] = {
    "composer": re.compile(r"^php[\d.]*-"),
    "cran": re.compile(r"^r-(?:cran-|bioc-|other-)?"),
    "gem": re.compile(r"^ruby(?:gems?)?[\d.]*-|-ruby$"),
    "maven": re.compile(r"^(?:lib)?(?:apache-)?|-java$"),
    "npm": re.compile(r"^(?:node|nodejs)-"),
    "pypi": re.compile(r"^(?:platform-)?(?:python|pypy|py)[\d.]*-"),
}
"""What distributions put around the name of a library in the name of its package, by purl type. No other type is tracked so."""


class Clearing:
    """What the owners of one image's packages answer for."""

    def __init__(self, plan: Plan, namespaces: Mapping[str, Extent], owners: Mapping[str, Package]) -> None:
        """`owners` by purl. The silence of a namespace behind which no whole feed stands says nothing."""
        self._plan, self._namespaces, self._owners = plan, namespaces, owners
        self._silences: dict[tuple[str, ...], str] = {}
        extent = namespaces.get(plan.tiers[-1]) if plan.tiers and not plan.reason else None
        self._has_silence = extent is not None and bool(extent.whole_at)

    def suppressed(
        self,
        package: Package,
        names: Collection[str],
        reported: Mapping[str, Collection[str]],
        sound: Mapping[str, Collection[str]],
    ) -> Suppression | None:
        """By what the owner's match, or its distribution's word, overrules a match of an owned package; None if nothing does.

        `names` are the ids of the vulnerability, `reported` and `sound` those of what is found in owners and of what is said not to
        be there, by the owner's purl.
        """
        owner = self._owners.get(package.owned_by or "")
        if owner is None or is_system(package):
            return None
        if not frozenset(reported.get(owner.purl, _NOTHING)).isdisjoint(names):
            word = REPORTED
        else:
            word = self._word(owner, package, not frozenset(sound.get(owner.purl, _NOTHING)).isdisjoint(names))
        return Suppression(by="distro", reason=f"it belongs to {owner.name} {owner.version}{word}") if word else None

    def _word(self, owner: Package, package: Package, is_sound: bool) -> str:
        """What is said of an owner, so that the vulnerability does not count in what it owns; "" if nothing is."""
        if is_sound:
            speaker = self._speaker(owner)
            return f", and {speaker}{STATED}" if speaker else ""
        if not self._has_silence:
            return ""
        pair = (owner.purl, package.type, package.name, package.version, package.purl)
        if pair not in self._silences:
            self._silences[pair] = self._silence(owner, package)
        return self._silences[pair]

    def _silence(self, owner: Package, package: Package) -> str:
        """What a distribution's silence about an owner says of what it owns."""
        speaker = self._speaker(owner)
        if speaker != self._plan.label or not is_tracked(package, owner):
            return ""
        if self._plan.is_comprehensive:
            return f", and {speaker} does not list that as affected"
        # Who tells only what it fixed speaks for a bare program as it does for the package that it is.
        return f", of which {speaker} speaks" if package.type == "generic" and _is_of(package, owner) else ""

    def _speaker(self, owner: Package) -> str:
        """Whose advisories mean a system's package, for people; "" if nobody's do."""
        if not is_system(owner):
            return ""  # conda, Homebrew and the like: no distribution speaks of what they brought
        extra = epel.spaces(owner, self._plan, self._namespaces)
        return epel.label(extra[0]) if extra else "" if is_foreign(owner, self._plan) else self._plan.label


def is_tracked(package: Package, owner: Package) -> bool:
    """Whether a distribution tracks what is owned by the owner's source package: it is that library, or that very program."""
    names = {name.lower() for name in (owner.name, owner.source.name if owner.source else "") if name}
    if package.name == "linux-kernel":
        return any(name == "kernel" or name.startswith(("linux", "kernel-")) for name in names)
    if package.type == "generic":
        return _is_of(package, owner) or package.name.lower() in names | {_COUNT.sub("", name) for name in names}
    affixes = _NAMED.get(package.type)
    if affixes is None:
        return False
    theirs = {_stem(name, affixes) for name in names}
    own = {_stem(name, affixes) for name in _names(package)}
    if package.type != "maven":
        return not own.isdisjoint(theirs)
    # A project's archives have its name before their own: netty-codec, log4j-core.
    theirs = {_COUNT.sub("", name) for name in theirs} - {""}
    return any(_COUNT.sub("", name) in theirs or name.startswith(tuple(f"{one}-" for one in theirs)) for name in own)


def _names(package: Package) -> Iterator[str]:
    """How a package may be called in the name of its distribution's package."""
    for name in RULES[package.type].names(package) or (package.name,):
        space, _, last = name.lower().lstrip("@").rpartition("/")
        yield last.rpartition(":")[2] if package.type == "maven" else name.lower().lstrip("@")
        if package.type == "composer" and space == last:
            yield last


def _stem(name: str, affixes: re.Pattern[str]) -> str:
    """The name without what a distribution puts around it, of one spelling."""
    return _DASHES.sub("-", affixes.sub("", name))


def _is_of(program: Package, owner: Package) -> bool:
    """Whether a package's version is that of a bare program with what the packager adds: `3.9.16`, `1:3.9.16-1.amzn2023`."""
    upstream = owner.version.partition(":")[2] or owner.version
    return upstream.startswith(program.version) and not upstream[len(program.version) :][:1].isdigit()
