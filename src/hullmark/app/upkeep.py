"""From an image to what is newer in its distribution's repositories, and what would be mended by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.lineage import base_of, with_tags
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.maintenance.upkeep.apk import REPOSITORIES, crawl_apk
from hullmark.maintenance.upkeep.apk import parse_repositories as parse_urls
from hullmark.maintenance.upkeep.apt import crawl_apt
from hullmark.maintenance.upkeep.apt_sources import ARCHS, PREFERENCES, SOURCES, parse_sources
from hullmark.maintenance.upkeep.crawl import Crawl, Get, RepositoryOffers
from hullmark.maintenance.upkeep.rpm import crawl_rpm
from hullmark.maintenance.upkeep.rpm_repositories import RPM_REPOSITORIES, RPM_VARIABLES, RpmRepository, variables_of
from hullmark.maintenance.upkeep.updates import updates_of
from hullmark.model.errors import HullmarkError
from hullmark.model.match import Matches
from hullmark.model.package import Package, is_file
from hullmark.model.problem import Problem
from hullmark.model.upkeep import Forecast, PackageUpdate, Upkeep
from hullmark.net.errors import NetError
from hullmark.net.guard import Guard
from hullmark.net.http import Client, Request
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from hullmark.source.distribution import http_settings

ROOM = "upkeep"
UPKEEP_READS = (SOURCES, PREFERENCES, ARCHS, REPOSITORIES, RPM_REPOSITORIES, RPM_VARIABLES)
"""What is read of an image besides, to ask for what is newer."""
_KEYS = "gpg-pubkey"
"""What rpm lists keys as: no repository has them."""

_EVERY_ARCH = ("all", "noarch")


class UpkeepRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where lists of packages are. `repositories`, if there are any, stand for those that the image names: lines of sources.list(5), or
    URLs of repositories of apk or rpm packages. `mirrors` are beginnings of URLs, and what is asked instead. `at` is today (ISO 8601).
    `bases` are references of images that it may be built on; `tags`: it is asked how far the base's tag is behind others."""

    at: str
    repositories: tuple[str, ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    bases: tuple[str, ...] = ()
    tags: bool = False


def upkeep_of(
    reference: str,
    request: UpkeepRequest,
    advisories: AdvisorySource | None,
    resources: ScanResources,
    options: SourceOptions,
) -> Upkeep:
    """What is newer than the packages of an image, and the vulnerabilities that would go where there are `advisories`.

    Raises HullmarkError where the image cannot be read, or a repository of the request is not valid.
    """
    scanned = take(reference, ScanRequest(reads=(*MATCHING_READS, *UPKEEP_READS)), resources, options)
    inventory = scanned.inventory
    kind, packages, offered, updates, unlisted = newer(scanned, request, Mirrors(request.mirrors, options))
    matches = match_scan(scanned, advisories, MatchOptions(at=request.at)) if advisories is not None else None
    base, unrelated = base_of(inventory, matches.matches if matches is not None else None, request.bases, options)
    if base is not None and request.tags:
        base, untagged = with_tags(base, options)
        unrelated = (*unrelated, *untagged)
    later = {_key(update.installed): update.candidate for update in updates}
    return Upkeep(
        source=inventory.source,
        distro=inventory.distro,
        packages=len(packages),
        indexes=offered.indexes,
        updates=tuple(_add_fix_dates(updates, matches)),
        # Where a list could not be read, nobody can tell that it has not a package.
        unlisted=unlisted if not any(index.reason for index in offered.indexes) else (),
        lifecycles=matches.lifecycles if matches is not None else (),
        forecast=_forecast(scanned, matches, later, advisories, request.at),
        base=base,
        problems=(
            *unrelated,
            *(problem for problem in scanned.inventory.problems if problem.is_open),
            *untold(kind, scanned, request, offered),
        ),
    )


class NewerPackages(NamedTuple):
    """The packages of the image's package manager (`kind`: deb, apk or rpm; "": it has none that is known here), what the repositories
    have, what of it is newer, and the packages that no list has."""

    kind: str
    packages: tuple[Package, ...]
    offered: RepositoryOffers
    updates: tuple[PackageUpdate, ...]
    unlisted: tuple[Package, ...]


def newer(scanned: ScanResult, request: UpkeepRequest, mirrors: Mirrors) -> NewerPackages:
    """What is newer than the packages of an image that was scanned with UPKEEP_READS. Raises HullmarkError for a repository of the request
    that is not valid."""
    found = tuple(package for package in scanned.inventory.packages if not is_file(package))
    kind = next((kind for kind in ("deb", "apk", "rpm") if any(package.type == kind for package in found)), "")
    packages = tuple(package for package in found if package.type == kind and package.name != _KEYS)
    own = _own_arch(scanned, packages)
    crawl = _crawl(kind, scanned, request, packages, own)
    offered = _drive_crawl(crawl, mirrors) if crawl is not None else RepositoryOffers((), ())
    return NewerPackages(kind, packages, offered, *updates_of(packages, offered.offers, own))


def _own_arch(scanned: ScanResult, packages: Iterable[Package]) -> str:
    """The architecture that packages for all of them are installed on."""
    stated = next(iter(_facts(scanned, ARCHS.name)), ())
    if stated:
        return str(stated[0])
    counts = Counter(package.arch for package in packages if package.arch not in ("", *_EVERY_ARCH))
    return counts.most_common(1)[0][0] if counts else ""


def _facts(scanned: ScanResult, name: str) -> list[Any]:
    return [fact for _, fact in sorted(scanned.found.get(name, {}).items())]


def _crawl(
    kind: str, scanned: ScanResult, request: UpkeepRequest, packages: Iterable[Package], own: str
) -> Crawl | None:
    wanted = frozenset(package.name for package in packages)
    if kind == "deb":
        sources = _parse_repositories(request, parse_sources) or [
            source for fact in _facts(scanned, SOURCES.name) for source in fact
        ]
        archs = dict.fromkeys((own, *(package.arch for package in packages if package.arch not in ("", *_EVERY_ARCH))))
        return crawl_apt(sources, tuple(archs), wanted) if sources else None
    if kind == "apk":
        urls = _parse_repositories(request, parse_urls) or [
            repository for fact in _facts(scanned, REPOSITORIES.name) for repository in fact
        ]
        return crawl_apk(list(dict.fromkeys(urls)), own, wanted) if urls else None
    return _crawl_rpm(scanned, request, packages, own) if kind == "rpm" else None


def _crawl_rpm(scanned: ScanResult, request: UpkeepRequest, packages: Iterable[Package], own: str) -> Crawl | None:
    named = [RpmRepository(id=url, urls=(url,)) for url in _parse_repositories(request, parse_urls)]
    repositories = named or [repository for fact in _facts(scanned, RPM_REPOSITORIES.name) for repository in fact]
    stated = {path.rpartition("/")[2]: text for path, text in scanned.found.get(RPM_VARIABLES.name, {}).items()}
    variables = variables_of(scanned.inventory.distro, own, stated)
    installed = {(package.name, package.version) for package in packages}
    return crawl_rpm(repositories, variables, installed) if repositories else None


def _parse_repositories(request: UpkeepRequest, parse: Any) -> list[Any]:
    """The repositories of the request. Raises HullmarkError for one that is not valid."""
    wrong: list[str] = []
    found = parse("repositories", memoryview("\n".join(request.repositories).encode()), wrong.append)
    if wrong or (request.repositories and not found):
        raise HullmarkError(
            f"--repository: {wrong[0] if wrong else 'no repository is named'}",
            advice="write it as in sources.list(5): 'deb URL SUITE COMPONENT'; of apk and rpm as a URL",
        )
    return list(found or ())


class Mirrors:
    """Fetches what a crawl asks for. The URLs are the image's words: they lead to no address of this machine or of a cloud's metadata;
    mirrors are a person's, and may."""

    def __init__(self, mirrors: Sequence[tuple[str, str]], options: SourceOptions) -> None:
        guarded = msgspec.structs.replace(options, guard=options.guard or Guard())
        self._mirrors = mirrors
        self._own = Client(http_settings(options))
        self._guarded = Client(http_settings(guarded))

    def get(self, wanted: Get) -> bytes | None:
        """The document; None where there is none, or it cannot be had."""
        url, client = wanted.url, self._guarded
        for begin, instead in self._mirrors:
            if url.startswith(begin):
                url, client = instead + url[len(begin) :], self._own
                break
        try:
            answer = client.fetch(Request(url), wanted.limit)
        except (NetError, ValueError):  # also what is not an address: http://[x
            return None
        return answer.body if answer.status == 200 else None


def _drive_crawl(crawl: Crawl, mirrors: Mirrors) -> RepositoryOffers:
    try:
        wanted = next(crawl)
        while True:
            wanted = crawl.send(mirrors.get(wanted))
    except StopIteration as end:
        offered: RepositoryOffers = end.value
        return offered


def _forecast(
    scanned: ScanResult,
    matches: Matches | None,
    later: dict[str, Package],
    advisories: AdvisorySource | None,
    at: str,
) -> Forecast | None:
    """The vulnerabilities now, and those of the inventory with all updates in it."""
    if matches is None or advisories is None:
        return None
    inventory = scanned.inventory
    packages = tuple(later.get(_key(package), package) for package in inventory.packages)
    updated = msgspec.structs.replace(scanned, inventory=msgspec.structs.replace(inventory, packages=packages))
    after = match_scan(updated, advisories, MatchOptions(at=at))
    reasons = sorted({gap.reason for gap in (*matches.uncovered, *after.uncovered)})
    return Forecast(now=_ids(matches), updated=_ids(after), uncovered=tuple(reasons))


def _add_fix_dates(updates: Iterable[PackageUpdate], matches: Matches | None) -> Iterator[PackageUpdate]:
    """The updates, each with the day since when there is a fix of something that counts."""
    since: dict[str, str] = {}
    for match in matches.matches if matches is not None else ():
        if match.suppressed is None and match.fix.date:
            key = _key(match.package)
            since[key] = min(since.get(key, match.fix.date), match.fix.date)
    for update in updates:
        yield msgspec.structs.replace(update, since=since.get(_key(update.installed), ""))


def _key(package: Package) -> str:
    return f"{package.purl} {package.locations}"


def _ids(matches: Matches) -> tuple[str, ...]:
    """What counts, each once."""
    return tuple(
        sorted({match.advisory.cve or match.advisory.id for match in matches.matches if match.suppressed is None})
    )


def untold(kind: str, scanned: ScanResult, request: UpkeepRequest, offered: RepositoryOffers) -> Iterator[Problem]:
    """What keeps the updates from being all that there are."""
    if not kind:
        yield Problem("", -1, ROOM, "it has no packages of dpkg, apk or rpm")
    elif not offered.indexes:
        yield Problem("", -1, ROOM, "the image names no repository that its packages come from")
    if kind == "deb" and not request.repositories and any(_facts(scanned, PREFERENCES.name)):
        yield Problem("/etc/apt/preferences", -1, ROOM, "it pins versions, which is not followed here")
    for index in offered.indexes:
        if index.reason:
            yield Problem("", -1, ROOM, f"{index.url}: {index.reason}")
