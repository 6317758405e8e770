"""Reads what apt repositories of an image offer: the Release file first, then the package lists that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Iterator, Sequence

from hullmark.maintenance.upkeep.apt_release import Release, parse_release
from hullmark.maintenance.upkeep.apt_sources import AptSource
from hullmark.maintenance.upkeep.crawl import Crawl, Get, Offer, RepositoryOffers, is_remote
from hullmark.maintenance.upkeep.package_lists import STORED_LIMIT, ListedPackage, packages_in
from hullmark.model.limit import Limit
from hullmark.model.upkeep import RepositoryIndex

_RELEASE_LIMIT = Limit(32 << 20, "bytes of a suite's Release file of apt")
_FORMS = (".xz", ".gz", "")


def crawl_apt(sources: Sequence[AptSource], archs: Sequence[str], wanted: Collection[str]) -> Crawl:
    """What the suites offer of the packages with these names. `archs` are the image's architectures, its own first."""
    indexes: list[RepositoryIndex] = []
    offers: list[Offer] = []
    for (uri, suite), components in _suites(sources).items():
        if not is_remote(uri):
            reason = f"it is not reached by HTTP ({uri.partition(':')[0][:40]})"
            indexes.append(RepositoryIndex(url=uri, name=suite, reason=reason))
            continue
        base = _base(uri, suite)
        try:
            release = yield from _release(base)
        except ValueError as error:
            indexes.append(RepositoryIndex(url=base, name=suite, reason=str(error)))
            continue
        for component, own in components.items():
            for arch in own or archs:
                index, found = yield from _list(base, suite, release, component, arch, wanted)
                indexes.append(index)
                offers += (Offer(package, index, release.priority, uri) for package in found)
    return RepositoryOffers(tuple(indexes), tuple(offers))


def _suites(sources: Sequence[AptSource]) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    """Each suite once, with its components and the architectures wanted of them."""
    suites: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for source in sources:
        components = suites.setdefault((source.uri.rstrip("/"), source.suite), {})
        for component in source.components or ("",):
            components[component] = tuple(dict.fromkeys((*components.get(component, ()), *source.archs)))
    return suites


def _base(uri: str, suite: str) -> str:
    if not suite.endswith("/"):
        return f"{uri}/dists/{suite}"
    return f"{uri}/{suite.strip('/').removeprefix('./')}".rstrip("/.")


def _release(base: str) -> Generator[Get, bytes | None, Release]:
    """The suite's Release file. Raises ValueError if there is none."""
    for name in ("InRelease", "Release"):
        body = yield Get(f"{base}/{name}", _RELEASE_LIMIT, is_optional=True)
        if body is not None:
            return parse_release(body)
    raise ValueError("it has no Release file, or cannot be reached")


def _list(
    base: str, suite: str, release: Release, component: str, arch: str, wanted: Collection[str]
) -> Generator[Get, bytes | None, tuple[RepositoryIndex, list[ListedPackage]]]:
    name = f"{component}/binary-{arch}/Packages" if component else "Packages"
    index = RepositoryIndex(
        url=f"{base}/{name}",
        name="/".join(filter(None, (suite.rstrip("/") or ".", component))),
        date=release.date,
        is_security=release.is_security,
    )
    listed = [name + form for form in _FORMS if name + form in release.files]
    if not listed:
        return _mark_failed(index, "its Release file does not list it"), []
    for at in _places(base, listed[0], release):
        body = yield Get(at, STORED_LIMIT, is_optional=True)
        if body is None:
            continue
        if hashlib.sha256(body).hexdigest() != release.files[listed[0]]:
            return _mark_failed(index, "it is not the list that its Release file names"), []
        try:
            found = list(packages_in(listed[0], body, wanted))
        except ValueError as error:
            return _mark_failed(index, str(error)), []
        return _add_package_count(index, len({package.name for package in found})), found
    return _mark_failed(index, "it cannot be reached"), []


def _places(base: str, name: str, release: Release) -> Iterator[str]:
    """URLs of the list: first by digest, which stays valid while a mirror is being updated."""
    if release.has_by_hash:
        yield f"{base}/{name.rpartition('/')[0]}/by-hash/SHA256/{release.files[name]}".replace("//by-hash", "/by-hash")
    yield f"{base}/{name}"


def _mark_failed(index: RepositoryIndex, reason: str) -> RepositoryIndex:
    return RepositoryIndex(
        url=index.url, name=index.name, date=index.date, is_security=index.is_security, reason=reason
    )


def _add_package_count(index: RepositoryIndex, packages: int) -> RepositoryIndex:
    return RepositoryIndex(
        url=index.url, name=index.name, date=index.date, is_security=index.is_security, packages=packages
    )
