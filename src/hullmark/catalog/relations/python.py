"""Python distributions: Requires-Dist, its markers evaluated for the interpreter in the image, extras as those ask who need them (PEP 508).

Versions are not compared: a folder holds one version of a distribution, and Python imports that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from hullmark.catalog.languages.python import METADATA, folder_of
from hullmark.catalog.languages.python_eggs import EGG, WHEEL
from hullmark.catalog.languages.python_metadata import Metadata
from hullmark.catalog.relations.python_markers import holds
from hullmark.catalog.relations.resolver import Resolver, Scene, Steps
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.model.relation import Relation, RelationKind

_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\[\]]*)\])?\s*([^;]*?)(?:;(.*))?", re.DOTALL
)
_SEPARATORS = re.compile(r"[-_.]+")
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([^'"]{1,100})['"]""").findall
_IN_PATH = re.compile(r"(?:^|/)(?:python|pypy)([0-9]+\.[0-9]+)t?(?:/|$)").search
_PROGRAM = re.compile(r"python([0-9]+\.[0-9]+)").fullmatch
_NUMBERS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+").match
_INTERPRETERS = re.compile(r"(?:lib)?python(?:[0-9.]*)(?:-minimal|-stdlib|-libs)?").fullmatch
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "i386": "i686", "armhf": "armv7l", "ppc64el": "ppc64le"}
_SYSTEMS = frozenset(("apk", "deb", "rpm"))
_WHEELS = "wheels:"
"""Begins the folder of wheels that lie there as they are: they find each other; they do not find what is installed, nor that them."""

_LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
_CPYTHON = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}


class _Requirement(msgspec.Struct, frozen=True):
    """One Requires-Dist. Names and extras as PEP 503 has them."""

    name: str
    extras: tuple[str, ...]
    marker: str


class _Distribution(msgspec.Struct):
    """A distribution in a folder. `asked` are the extras that others need it with, "" always."""

    purl: str
    site: str
    requires: tuple[_Requirement, ...]
    asked: dict[str, None]
    is_needed: bool = False


_Sites = dict[str, dict[str, _Distribution]]


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations of each distribution with those that it can import. An extra that nobody in the image asks for counts, as optional,
    where it alone explains why something is there."""
    sites = _sites(scene)
    interpreter = _Interpreter(scene)
    installed = [distribution for site in sorted(sites) for distribution in sites[site].values()]
    there = _names(sites)
    waiting = [(distribution, "") for distribution in installed]
    while waiting:
        distribution, extra = waiting.pop()
        environment = {**interpreter.environment(distribution.site), "extra": extra}
        for requirement in distribution.requires:
            if requirement.name not in there:
                continue
            kind = _kind(requirement, environment, extra)
            other = _find(requirement.name, distribution.site, sites, scene.steps) if kind else None
            if kind and other is not None:
                other.is_needed = True
                yield Relation(distribution.purl, other.purl, kind)
                waiting += [(other, new) for new in requirement.extras if new not in other.asked]
                other.asked.update(dict.fromkeys(requirement.extras))
    yield from _find_extra_relations(installed, sites, interpreter, scene.steps)


def _kind(requirement: _Requirement, environment: Mapping[str, str], extra: str) -> RelationKind | None:
    if extra and "extra" not in requirement.marker:
        return None  # told without the extra already
    holds_here = holds(requirement.marker, environment) if requirement.marker else True
    return "optional" if holds_here is None else "depends-on" if holds_here else None


def _find_extra_relations(
    installed: Sequence[_Distribution], sites: _Sites, interpreter: _Interpreter, steps: Steps
) -> Iterator[Relation]:
    there = _names(sites)
    for distribution in installed:
        for requirement in distribution.requires:
            if requirement.name not in there:
                continue
            environment = interpreter.environment(distribution.site) if "extra" in requirement.marker else {}
            extras = _EXTRA(requirement.marker)
            steps.take(len(extras))
            if any(holds(requirement.marker, {**environment, "extra": extra}) for extra in extras):
                other = _find(requirement.name, distribution.site, sites, steps)
                if other is not None and not other.is_needed:
                    yield Relation(distribution.purl, other.purl, "optional")


def _names(sites: _Sites) -> frozenset[str]:
    """What is installed anywhere. Of most requirements, which are for extras, nothing is: their markers need not be read."""
    return frozenset(name for installed in sites.values() for name in installed)


def _sites(scene: Scene) -> _Sites:
    """The distributions in each folder that Python may import from, by name."""
    purls = {
        place.path[1:]: package for package in scene.packages if package.type == "pypi" for place in package.locations
    }
    sites: _Sites = {}
    for path, metadata in _metadata(scene.view):
        package = purls.get(path)
        if package is None:
            continue
        site = folder_of(path).rpartition("/")[0]
        if site.endswith(".egg"):
            site = site.rpartition("/")[0]
        if path.endswith(".whl"):
            site = f"{_WHEELS}{site}"
        requires = tuple(filter(None, map(_requirement, metadata.requires)))
        sites.setdefault(site, {}).setdefault(package.name, _Distribution(package.purl, site, requires, {"": None}))
    return sites


def _metadata(view: View) -> Iterator[tuple[str, Metadata]]:
    for read in (METADATA, EGG, WHEEL):
        yield from ((found.path, found.fact) for found in view.facts(read))


def _requirement(text: str) -> _Requirement | None:
    found = _REQUIREMENT.fullmatch(text)
    if found is None:
        return None
    name, extras, _, marker = found.groups("")
    wanted = tuple(_plain(extra) for extra in extras.split(",") if extra.strip())
    return _Requirement(_plain(name), wanted, marker.strip())


def _plain(name: str) -> str:
    return _SEPARATORS.sub("-", name.strip()).lower()


def _find(name: str, site: str, sites: _Sites, steps: Steps) -> _Distribution | None:
    """The distribution in the same folder, else in one of the system's, which come after it on the path."""
    own = sites[site].get(name)
    if own is not None or site.startswith(_WHEELS):
        return own
    version = _IN_PATH(site)
    for other in sorted(sites, key=lambda path: (not path.startswith("usr/local/"), path)):
        steps.take()
        here = _IN_PATH(other)
        is_same = version is None or here is None or here[1] == version[1]
        if other.startswith("usr/") and is_same and name in sites[other]:
            return sites[other][name]
    return None


class _Interpreter:
    """What markers are evaluated for: the interpreter that a folder belongs to."""

    def __init__(self, scene: Scene) -> None:
        self._packages = scene.packages
        archs = Counter(package.arch for package in scene.packages if package.type in _SYSTEMS and package.arch)
        known = [arch for arch in archs if arch not in ("all", "noarch")]
        arch = min(known, key=lambda name: (-archs[name], name), default="")
        self._machine = _MACHINES.get(arch, arch)
        program = _PROGRAM((scene.view.resolve("usr/bin/python3") or "").rpartition("/")[2])
        self._default = program[1] if program is not None else ""
        self._known: dict[str, dict[str, str]] = {}

    def environment(self, site: str) -> dict[str, str]:
        """The variables that are known."""
        path = _IN_PATH(site)
        version = path[1] if path is not None else self._default
        if version not in self._known:
            self._known[version] = self._of(version)
        return self._known[version]

    def _of(self, version: str) -> dict[str, str]:
        found = {**_LINUX, **_CPYTHON}
        if self._machine:
            found["platform_machine"] = self._machine
        if version:
            found["python_version"] = version
            whole = _whole_version(version, self._packages)
            if whole:
                found |= {"python_full_version": whole, "implementation_version": whole}
        return found


def _whole_version(version: str, packages: Iterable[Package]) -> str:
    """`3.11.9` for 3.11, as the program itself or the system's package of the interpreter has it; "" if none tells."""
    for package in packages:
        if package.type in (*_SYSTEMS, "generic") and _INTERPRETERS(package.name):
            numbers = _NUMBERS(package.version.rpartition(":")[2])
            if numbers is not None and numbers[0].startswith(f"{version}."):
                return numbers[0]
    return ""


RESOLVER = Resolver(cataloger="python", relate=relate)
