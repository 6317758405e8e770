"""Coordinates: all that decides which advisories match a package, and nothing else. What is equal is matched once, whatever holds it.

What an image adds (where a package lies, which package owns its files, what is ignored) is not a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from hullmark.advisories.match import cpes, image_names
from hullmark.advisories.match.distros import Plan, plan_for
from hullmark.advisories.match.lookups import (
    Lookup,
    goes_by_purl,
    is_a_commit,
    is_system,
    lookups,
    name_in,
    rule_for,
    untold,
)
from hullmark.model.inventory import Distro
from hullmark.model.package import UNKNOWN_VERSION, Package, SourcePackage
from hullmark.model.purl import make_purl, namespace_of


class _Everything(frozenset[str]):
    """The set of all namespaces."""

    def __contains__(self, _: object) -> bool:
        return True


_EVERY = _Everything()


class Coordinate(msgspec.Struct, frozen=True, kw_only=True):
    """A package as matching sees it. Empty texts: not said, or it decides nothing.

    `space` is the namespace of the purl (of an image of Red Hat's the repository), `module` that of an rpm or the product of an image,
    `vendor` that of an rpm, `symbols` what a Go program was linked with
    (`match.symbols`), and of what has no advisories of its own the CPE names that its record gives (`match.cpes`). `source_name` of
    a Maven archive is the artifact that its manifest names. `distro` holds no more than says where a system's package is looked up;
    it is None for others. `channels` are the paid channels that the image uses, sorted.
    """

    type: str
    name: str
    version: str
    source_name: str = ""
    source_version: str = ""
    arch: str = ""
    module: str = ""
    vendor: str = ""
    space: str = ""
    symbols: str = ""
    distro: Distro | None = None
    channels: tuple[str, ...] = ()


def coordinate_of(package: Package, distro: Distro | None, channels: tuple[str, ...] = ()) -> Coordinate:
    """The coordinate of one package of an image with this distribution and these channels (sorted)."""
    system = is_system(package)
    rule = rule_for(package)
    source = package.source if rule is None else None
    is_rpm = package.type == "rpm"
    other_name = package.notes.get("manifest_name", "") if package.type == "maven" else ""
    return Coordinate(
        type=package.type,
        name=_name(package),
        version=UNKNOWN_VERSION if is_a_commit(package) else package.version,
        source_name=source.name if source else other_name,
        source_version=source.version if source else "",
        arch=package.arch,
        module=_module(package),
        vendor=package.notes.get("vendor", "") if is_rpm else "",
        space="" if rule is None else image_names.repository_of(package.purl) or namespace_of(package.purl),
        symbols=_beside(package),
        distro=_bare(distro, channels) if system else None,
        channels=channels if system else (),
    )


def _name(package: Package) -> str:
    """Its name; its purl's where the package is looked up by that, and the two differ, as an SBOM may have it."""
    rule, space = rule_for(package), namespace_of(package.purl)
    if rule is None or not space or not goes_by_purl(rule):
        return package.name
    name = name_in(package.purl)
    return package.name if package.name.removeprefix(f"{space}/") == name else f"{space}/{name}"


def _module(package: Package) -> str:
    if package.type == image_names.TYPE:
        return image_names.product_of(package)
    return package.notes.get("modularity", "") if package.type == "rpm" else ""


def _beside(package: Package) -> str:
    """What a Go program was linked with, or under which CPE names others are asked for."""
    if package.type == "golang":
        return package.notes.get("symbols", "")
    is_asked = package.type in cpes.TYPES or (rule_for(package) is None and not is_system(package))
    return " ".join(cpes.given_names(package)) if is_asked else ""


def package_of(coordinate: Coordinate) -> Package:
    """A package that is matched as every package of this coordinate is."""
    is_maven = coordinate.type == "maven"
    notes = {"modularity": coordinate.module, "vendor": coordinate.vendor}
    notes["symbols" if coordinate.type == "golang" else "cpes"] = coordinate.symbols
    if is_maven:
        notes["manifest_name"] = coordinate.source_name
    if coordinate.type == image_names.TYPE:
        notes = {"cpe": coordinate.module and f"cpe:/a:redhat:{coordinate.module}", "cpes": coordinate.symbols}
    has_source = bool(coordinate.source_name) and not is_maven
    return Package(
        type=coordinate.type,
        name=coordinate.name,
        version=coordinate.version,
        purl=_purl(coordinate),
        cataloger="",
        arch=coordinate.arch,
        source=SourcePackage(coordinate.source_name, coordinate.source_version) if has_source else None,
        notes={key: value for key, value in notes.items() if value},
    )


def _purl(coordinate: Coordinate) -> str:
    name, version, space = coordinate.name, coordinate.version, coordinate.space
    if coordinate.type == image_names.TYPE:
        return make_purl(image_names.TYPE, name.rpartition("/")[2], qualifiers={"repository_url": space})
    known = "" if version == UNKNOWN_VERSION else version
    return make_purl(coordinate.type, name.removeprefix(f"{space}/"), known, namespace=space)


def list_lookups(package: Package, coordinate: Coordinate) -> tuple[Lookup, ...]:
    """Every look-up that any snapshot could call for. `package` is the coordinate's."""
    plan = potential(coordinate.distro, coordinate.channels)
    return () if untold(package, plan, _EVERY) else tuple(lookups(package, plan, _EVERY))


@lru_cache(maxsize=1 << 14)
def potential(distro: Distro | None, channels: tuple[str, ...]) -> Plan:
    """The plan if a snapshot knew every namespace."""
    return plan_for(distro, _EVERY, channels)


@lru_cache(maxsize=1 << 14)
def _bare(distro: Distro | None, channels: tuple[str, ...]) -> Distro | None:
    """The least of a distribution that leads to the same plan."""
    if distro is None:
        return None
    whole = _decisions(potential(distro, channels))
    return next((lesser for lesser in _shorter(distro) if _decisions(potential(lesser, channels)) == whole), distro)


def _shorter(distro: Distro) -> Iterator[Distro]:
    parts = distro.version_id.split(".")
    versions = dict.fromkeys(("", parts[0], ".".join(parts[:2]), distro.version_id))
    yield from (Distro(id=distro.id, version_id=version) for version in versions)
    yield from (Distro(id=distro.id, version_id=version, codename=distro.codename) for version in versions)
    yield msgspec.structs.replace(distro, pretty_name="", cpe_name="", repositories=())


def _decisions(plan: Plan) -> tuple[object, ...]:
    """What of a plan decides a match: the release does where fixes of rebuilds and channels have to be reachable."""
    release = plan.release if plan.resolutions else ""
    return plan.tiers, plan.resolutions, bool(plan.reason), release, plan.is_comprehensive, plan.vendors
