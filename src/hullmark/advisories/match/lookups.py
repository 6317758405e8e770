"""Under which names a package is looked up, and in which namespaces: one line for each type of package."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from hullmark.advisories.match import cpes, epel, image_names, origin
from hullmark.advisories.match.advisory_source import Ask
from hullmark.advisories.match.distros import Plan
from hullmark.advisories.match.rebuilders import originals
from hullmark.model.match import MatchKind
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.purl import namespace_of, unquote

Names = Callable[[Package], tuple[str, ...]]

_DASHES = re.compile(r"[-_.]+")


class Lookup(NamedTuple):
    """One ask for one package. `tier` 0 is the most specific; `is_resolution`: its fixes count, its silence does not."""

    ask: Ask
    kind: MatchKind
    tier: int = 0
    is_resolution: bool = False


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How packages of one language are looked up: their namespace, the order of their versions, their names in advisories."""

    namespace: str
    scheme: str
    names: Names


def _plain(package: Package) -> tuple[str, ...]:
    return (package.name,)


def _lower(package: Package) -> tuple[str, ...]:
    return (package.name.lower(),)


def _pypi(package: Package) -> tuple[str, ...]:
    return (_DASHES.sub("-", package.name).lower(),)


def _list_purl_names(package: Package) -> tuple[str, ...]:
    """Namespace and name as the purl has them."""
    if package.purl.count("/") == 1 or package.name.startswith("@"):
        return (package.name,)
    space = namespace_of(package.purl)
    return (f"{space}/{package.name}" if space and not package.name.startswith(f"{space}/") else package.name,)


def _pathed_lower(package: Package) -> tuple[str, ...]:
    return tuple(name.lower() for name in _list_purl_names(package))


def _in_purl(package: Package) -> tuple[str, ...]:
    """The path of the purl: a repository, whatever its lock file calls the package, or whichever folder of it is meant."""
    space = namespace_of(package.purl)
    return (f"{space}/{name_in(package.purl)}".lower(),) if space else _pathed_lower(package)


def name_in(purl: str) -> str:
    """The name that a purl ends with, its namespace left out."""
    path = purl.partition("#")[0].partition("?")[0].partition("/")[2]
    return unquote((path.rpartition("@")[0] or path).rpartition("/")[2])


def goes_by_purl(rule: Rule) -> bool:
    """Whether a package is looked up by its purl's path, not by its own name."""
    return rule.names is _in_purl


def _maven(package: Package) -> tuple[str, ...]:
    if ":" in package.name:
        return (package.name,)
    group = namespace_of(package.purl)
    # The archive's manifest may name another artifact of the group than its pom does.
    names = (package.name, package.notes.get("manifest_name", ""))
    return tuple(f"{group}:{name}" for name in names if name) if group else ()


RULES: dict[str, Rule] = {
    "bitnami": Rule(namespace="bitnami", scheme="bitnami", names=_lower),
    "cargo": Rule(namespace="cargo", scheme="cargo", names=_plain),
    "composer": Rule(namespace="composer", scheme="packagist", names=_in_purl),
    "conan": Rule(namespace="conan", scheme="conan", names=_lower),
    "cran": Rule(namespace="cran", scheme="cran", names=_plain),
    "gem": Rule(namespace="gem", scheme="gem", names=_plain),
    "githubactions": Rule(namespace="githubactions", scheme="semver", names=_in_purl),
    "golang": Rule(namespace="golang", scheme="golang", names=_pathed_lower),
    "hackage": Rule(namespace="hackage", scheme="hackage", names=_plain),
    "hex": Rule(namespace="hex", scheme="hex", names=_lower),
    "maven": Rule(namespace="maven", scheme="maven", names=_maven),
    "npm": Rule(namespace="npm", scheme="npm", names=_list_purl_names),
    "nuget": Rule(namespace="nuget", scheme="nuget", names=_lower),
    image_names.TYPE: Rule(namespace="oci:redhat", scheme="rhctag", names=image_names.names_of),
    "pub": Rule(namespace="pub", scheme="pub", names=_lower),
    "pypi": Rule(namespace="pypi", scheme="pep440", names=_pypi),
    "swift": Rule(namespace="swift", scheme="semver", names=_in_purl),
}
"""By purl type. A language whose packages are to be matched is one more line."""

_SYSTEM = {"deb": "deb", "rpm": "rpm", "apk": "apk", "alpm": "alpm", "portage": "portage", "ebuild": "portage"}
"""Types whose packages the distribution speaks of, and the order of their versions."""

# The modules of which the Go vulnerability database alone speaks.
_GO_ITSELF = ("stdlib", "toolchain")


def rule_for(package: Package) -> Rule | None:
    """The rule for a package; None for types without one, and for images that are none of Red Hat's."""
    if package.type == image_names.TYPE and not image_names.repository_of(package.purl):
        return None
    return RULES.get(package.type)


def is_system(package: Package) -> bool:
    """Whether the distribution's own packager installed it."""
    return package.type in _SYSTEM


def untold(package: Package, plan: Plan, namespaces: Collection[str]) -> str:
    """Why nothing can be said of a package, "" if something can."""
    if is_system(package):
        return "" if epel.spaces(package, plan, namespaces) else plan.reason or _foreign(package, plan)
    rule = rule_for(package)
    if rule is None:
        if package.type == "generic" and ("cpe" in namespaces or "generic" in namespaces):
            return ""
        if "cpe" in namespaces and cpes.given_names(package):
            return ""
        return f"no advisories are made for packages of the type {package.type}"
    if rule.namespace not in namespaces:
        return f"the snapshot has no advisories for {rule.namespace}"
    if package.type == "maven" and not rule.names(package):
        return "its group is not known, and advisories name Maven packages by group and artifact"
    return ""


def _foreign(package: Package, plan: Plan) -> str:
    """Why a system package is not the distribution's own, as its vendor field says."""
    vendor = origin.other_vendor(package, plan)
    return f"it was built by {vendor}, of which {plan.label}'s advisories do not speak" if vendor else ""


def is_guessed(package: Package, plan: Plan) -> bool:
    """Whether NVD is asked by name about a system's package, also where the snapshot does not have its distribution's release."""
    if not is_system(package) or not plan.product or _foreign(package, plan):
        return False
    return package.type in cpes.TYPES or plan.uses_cpe


def lookups(package: Package, plan: Plan, namespaces: Collection[str], *, is_owner: bool = False) -> tuple[Lookup, ...]:
    """Every look-up for a package that can be matched. Of a version that is not known, all is asked about the name.

    So it is for an owner (`is_owner`): what is sound in it is sound in what it owns.
    """
    rule = rule_for(package)
    if rule is not None:
        return _of_language(package, rule)
    is_unknown = package.version == UNKNOWN_VERSION
    is_asked = (
        package.type in cpes.TYPES
        or is_guessed(package, plan)
        or (not is_system(package) and bool(cpes.given_names(package)))
    )
    has_cpe = "cpe" in namespaces and is_asked
    found: list[Lookup] = []
    if is_system(package):
        found += _system(package, plan, namespaces, is_whole=has_cpe or is_unknown or is_owner)
    elif "generic" in namespaces and package.type == "generic":
        found.append(Lookup(Ask("generic", package.name.lower(), "semver", package.version), "direct"))
    if has_cpe and not is_unknown:
        found += [Lookup(Ask("cpe", *candidate), "cpe") for candidate in cpes.candidates(package)]
    return tuple(found)


def _of_language(package: Package, rule: Rule) -> tuple[Lookup, ...]:
    version, found = UNKNOWN_VERSION if is_a_commit(package) else package.version, []
    for name in rule.names(package):
        # In Go one source knows the end of what another leaves open.
        is_open = package.type == "golang" and name not in _GO_ITSELF
        # Of images what is said of their own stream governs, also where it does not cover the version.
        is_whole = is_open or package.type == image_names.TYPE or version == UNKNOWN_VERSION
        found.append(Lookup(Ask(rule.namespace, name, rule.scheme, version, False, is_whole), "direct"))
        for original in originals(name):
            found.append(Lookup(Ask(rule.namespace, original, rule.scheme, version, False, is_whole), "direct"))
    return tuple(found)


def is_a_commit(package: Package) -> bool:
    """Whether a Go program was built from a commit: its version, v0.0.0 and a time, says nothing about releases."""
    return package.type == "golang" and package.version.startswith("v0.0.0-") and package.purl in package.mains


def _system(package: Package, plan: Plan, namespaces: Collection[str], *, is_whole: bool) -> Iterator[Lookup]:
    scheme, tiers, resolutions = _SYSTEM[package.type], plan.tiers, plan.resolutions
    extra = epel.spaces(package, plan, namespaces)
    if extra:
        tiers, resolutions = extra, ()
    elif plan.undisclosed and package.name.endswith(plan.undisclosed):
        tiers = ()
    last = len(tiers) - 1
    for name, version, kind, is_bare in _names(package):
        for tier, namespace in enumerate(tiers):
            # What a more specific namespace says counts even where it says that the version is sound.
            yield Lookup(Ask(namespace, name, scheme, version, is_bare, is_whole or tier < last), kind, tier)
        for namespace in resolutions:
            yield Lookup(Ask(namespace, name, scheme, version, is_bare, True), kind, 0, True)
    yield from _module(package, tiers, scheme, is_whole=is_whole)


def _module(package: Package, tiers: Sequence[str], scheme: str, *, is_whole: bool) -> Iterator[Lookup]:
    """Fedora's updates name modules as a whole, not the packages in them."""
    module, version = epel.module_of(package) if package.type == "rpm" else ("", "")
    for tier, namespace in enumerate(tiers if module else ()):
        if namespace.startswith(("fedora:", "epel:")):
            whole = is_whole or tier < len(tiers) - 1
            yield Lookup(Ask(namespace, module, scheme, version, False, whole), "source", tier)


def _names(package: Package) -> Iterator[tuple[str, str, MatchKind, bool]]:
    """Name, version, whether that is the source package's, and whether its epoch is not known."""
    source = package.source
    if package.type == "deb":
        # Debian's and Ubuntu's advisories speak of source packages alone.
        name = _strip_signing(source.name) if source else package.name
        version = source.version if source and source.version else package.version
        yield name, version, "direct" if name == package.name else "source", False
        for original in originals(name):
            yield original, version, "source", False
        return
    yield package.name, package.version, "direct", False
    if source and source.name != package.name:
        version = source.version or package.version
        yield source.name, version, "source", package.type == "rpm" and ":" not in version
    for original in originals(package.name):
        yield original, package.version, "direct", False


def _strip_signing(name: str) -> str:
    """The kernel's source package; its signed images have names of their own."""
    return "linux" if name.startswith(("linux-signed", "linux-latest")) else name
