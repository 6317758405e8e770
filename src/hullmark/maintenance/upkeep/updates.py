"""Which of the offered versions a package manager would install: apt by priority and version (apt_preferences(5), without pins), apk
and dnf the newest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cmp_to_key

import msgspec

from hullmark.maintenance.upkeep.apt_release import BUT_UPGRADES
from hullmark.maintenance.upkeep.crawl import Offer
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.purl import quote
from hullmark.model.upkeep import PackageFile, PackageUpdate
from hullmark.versions import scheme_for
from hullmark.versions.scheme import InvalidVersion

_EVERY_ARCH = ("all", "noarch")


def updates_of(
    packages: Iterable[Package], offers: Iterable[Offer], own_arch: str
) -> tuple[tuple[PackageUpdate, ...], tuple[Package, ...]]:
    """The updates, sorted by name, and the packages that no list has. `own_arch` is the architecture of those that fit all."""
    by_name: dict[tuple[str, str], list[Offer]] = {}
    for offer in offers:
        by_name.setdefault((offer.package.name, _arch(offer.package.arch, own_arch)), []).append(offer)
    updates: list[PackageUpdate] = []
    unlisted: list[Package] = []
    for package in packages:
        offered = by_name.get((package.name, _arch(package.arch, own_arch)))
        if offered is None:
            unlisted.append(package)
        elif (chosen := _choose_offer(package, offered)) is not None:
            updates.append(
                PackageUpdate(
                    installed=package,
                    candidate=_apply_offer(package, chosen),
                    index=chosen.listing.url,
                    is_security=any(_is_security(package, offer) for offer in offered),
                    depends=chosen.package.depends,
                    breaks=chosen.package.breaks,
                    file=_file(chosen),
                )
            )
    return tuple(sorted(updates, key=_by_name)), tuple(
        sorted(unlisted, key=lambda package: (package.name, package.arch))
    )


def _by_name(update: PackageUpdate) -> tuple[str, str]:
    return update.installed.name, update.installed.arch


def _arch(arch: str, own: str) -> str:
    return own if arch in _EVERY_ARCH else arch


def _choose_offer(package: Package, offered: Iterable[Offer]) -> Offer | None:
    """The offer that would be installed; None if the installed version stays. Nothing is ever made older."""
    compare = scheme_for(package.type).compare
    if package.version == UNKNOWN_VERSION:
        return None
    newer = list(_newer(package, offered, compare))
    stays = max((offer.priority for offer in offered if offer.package.version == package.version), default=BUT_UPGRADES)
    best = max((offer.priority for offer in newer), default=0)
    if best < max(stays, BUT_UPGRADES):
        return None
    key = cmp_to_key(compare)
    return max((offer for offer in newer if offer.priority == best), key=lambda offer: key(offer.package.version))


def _newer(package: Package, offered: Iterable[Offer], compare: Callable[[str, str], int]) -> Iterator[Offer]:
    for offer in offered:
        try:
            if compare(offer.package.version, package.version) > 0:
                yield offer
        except InvalidVersion:
            continue


def _is_security(package: Package, offer: Offer) -> bool:
    """Whether a security suite has a version that is newer than the installed one."""
    compare = scheme_for(package.type).compare
    return offer.listing.is_security and any(_newer(package, (offer,), compare))


def _file(offer: Offer) -> PackageFile | None:
    found = offer.package
    if not (offer.root and found.file and found.sha256):
        return None
    return PackageFile(url=f"{offer.root}/{found.file.removeprefix('./')}", sha256=found.sha256.lower())


def _apply_offer(package: Package, offer: Offer) -> Package:
    """The package as it would be; what else its record said stays."""
    installed, offered = package.version, offer.package.version
    if package.type == "rpm":  # in its URL the epoch stands apart
        installed, offered = (text.rpartition(":")[2] for text in (installed, offered))
    head, at, rest = package.purl.partition(f"@{quote(installed)}")
    purl = f"{head}@{quote(offered)}{rest}" if at else package.purl
    return msgspec.structs.replace(package, version=offer.package.version, purl=purl, source=offer.package.source)
