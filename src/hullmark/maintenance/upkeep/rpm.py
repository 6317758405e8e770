"""What the repositories of an image's dnf, yum or zypper have of its packages: repomd.xml first, then the lists that it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence

import msgspec

from hullmark.maintenance.upkeep.crawl import Crawl, Get, Offer, RepositoryOffers, is_remote
from hullmark.maintenance.upkeep.package_lists import STORED_LIMIT, ListedPackage
from hullmark.maintenance.upkeep.rpm_lists import (
    METADATA_LIMIT,
    Repomd,
    RepositoryFile,
    mirrors_in,
    parse_repomd,
    rpms_in,
    security_updates_in,
)
from hullmark.maintenance.upkeep.rpm_repositories import RpmRepository, Variables
from hullmark.model.upkeep import RepositoryIndex

_USUAL = 500
_GONE = 0
"""The priority of what an update for security brought, and no list has any more: it is newer, and nothing that could be installed."""

_OF_MODULE = re.compile(r"[.]module[_+]").search


def crawl_rpm(
    repositories: Sequence[RpmRepository], variables: Variables, installed: Collection[tuple[str, str]]
) -> Crawl:
    """What the repositories have of the packages that are `installed` (names and versions)."""
    names = frozenset(name for name, _ in installed)
    in_modules = frozenset(name for name, version in installed if _OF_MODULE(version))
    indexes: list[RepositoryIndex] = []
    found: list[tuple[int, Offer]] = []
    for repository in {repository.id: repository for repository in repositories}.values():
        wanted = frozenset(name for name in names if repository.has(name))
        index, offers = yield from _fetch_list(repository, variables, wanted)
        indexes.append(index)
        # A stream of a module is chosen for an image, or is not: then its versions are none that dnf would bring.
        fitting = (
            offer for offer in offers if bool(_OF_MODULE(offer.package.version)) is (offer.package.name in in_modules)
        )
        found += ((repository.priority, offer) for offer in fitting)
    return RepositoryOffers(tuple(indexes), tuple(_counting(found)))


def _counting(found: Iterable[tuple[int, Offer]]) -> Iterator[Offer]:
    """Of packages of one name only those of the repositories with the lowest number."""
    listed = list(found)
    best: dict[str, int] = {}
    for number, offer in listed:
        best[offer.package.name] = min(number, best.get(offer.package.name, number))
    return (offer for number, offer in listed if best[offer.package.name] == number)


def _fetch_list(
    repository: RpmRepository, variables: Variables, wanted: Collection[str]
) -> Generator[Get, bytes | None, tuple[RepositoryIndex, list[Offer]]]:
    """The list of one repository, and what it offers."""
    name = variables.put_into(repository.id)
    shown = (*repository.urls, repository.mirrors)[0]
    index = RepositoryIndex(url=variables.put_into(shown), name=name)
    try:
        base, repomd = yield from _find_mirror(repository, variables)
        index = msgspec.structs.replace(index, url=f"{base}/repodata/repomd.xml", date=repomd.date)
        listed = repomd.files["primary"]
        body = yield from _list(base, listed)
        packages = list(rpms_in(listed.href, body, wanted))
        urgent = yield from _urgent(base, repomd, wanted)
    except ValueError as error:
        return msgspec.structs.replace(index, reason=str(error)), []
    index = msgspec.structs.replace(index, packages=len({package.name for package in packages}))
    return index, list(_offers(packages, urgent, index))


def _offers(
    packages: Iterable[ListedPackage], urgent: Iterable[ListedPackage], index: RepositoryIndex
) -> Iterator[Offer]:
    security = msgspec.structs.replace(index, is_security=True)
    known = {(package.name, package.version, package.arch): package for package in urgent}
    for package in packages:
        is_urgent = known.pop((package.name, package.version, package.arch), None) is not None
        yield Offer(package, security if is_urgent else index, _USUAL)
    for package in known.values():
        yield Offer(package, security, _GONE)


def _find_mirror(repository: RpmRepository, variables: Variables) -> Generator[Get, bytes | None, tuple[str, Repomd]]:
    """The first place of a repository that answers, and what it says of itself. Raises ValueError where none does."""
    urls = [variables.put_into(url) for url in repository.urls]
    if not urls:
        address = variables.put_into(repository.mirrors)
        _require_remote(address)
        listed = yield Get(address, METADATA_LIMIT, is_optional=True)
        if listed is None:
            raise ValueError("its list of mirrors cannot be reached")
        urls = mirrors_in(listed)
    for url in urls:
        _require_remote(url)
        body = yield Get(f"{url}/repodata/repomd.xml", METADATA_LIMIT, is_optional=True)
        if body is not None:
            return url, parse_repomd(body)
    raise ValueError("it cannot be reached" if urls else "its list of mirrors names none")


def _require_remote(url: str) -> None:
    if "$" in url:
        raise ValueError(f"what stands for ${url.partition('$')[2][:40]} in its address is not known")
    if not is_remote(url):
        raise ValueError("it is not reached by HTTP")


def _list(base: str, file: RepositoryFile) -> Generator[Get, bytes | None, bytes]:
    body = yield Get(f"{base}/{file.href.lstrip('/')}", STORED_LIMIT, is_optional=True)
    if body is None:
        raise ValueError("its list of packages cannot be reached")
    if not file.fits(body):
        raise ValueError("it is not the list that its repomd.xml names")
    return body


def _urgent(base: str, repomd: Repomd, wanted: Collection[str]) -> Generator[Get, bytes | None, list[ListedPackage]]:
    """What updates for security bring; none where it tells of none."""
    file = repomd.files.get("updateinfo")
    if file is None:
        return []
    body = yield from _list(base, file)
    return list(security_updates_in(file.href, body, wanted))
