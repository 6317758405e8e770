"""What the repositories of an image's apk have of its packages (/etc/apk/repositories: a URL in each line, `@TAG` before it if it is asked
for by that tag alone)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hullmark.maintenance.upkeep.apt_sources import without_credentials
from hullmark.maintenance.upkeep.crawl import Crawl, Get, Offer, RepositoryOffers, is_remote
from hullmark.maintenance.upkeep.package_lists import STORED_LIMIT, apks_in
from hullmark.model.limit import Limit
from hullmark.model.upkeep import RepositoryIndex
from hullmark.rootfs.reads import Read, Report

_MAX_BYTES = Limit(1 << 20, "bytes of a file that names repositories of apk")
_MAX_REPOSITORIES = Limit(1000, "repositories of apk that one file names")
_USUAL = 500


def parse_repositories(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The URLs of the repositories that are asked for every package; None if there are none."""
    lines = (line.partition("#")[0].split() for line in bytes(body).decode("utf-8", "replace").splitlines())
    urls = (words[0] for words in lines if words and not words[0].startswith("@"))
    found = list(dict.fromkeys(without_credentials(url).rstrip("/") for url in urls))
    if len(found) > _MAX_REPOSITORIES:
        report(f"it names more than {_MAX_REPOSITORIES:,} repositories; the others were not read")
    return tuple(found[:_MAX_REPOSITORIES]) or None


REPOSITORIES: Read[tuple[str, ...]] = Read(
    name="apk-repositories",
    fact=tuple[str, ...],
    extract=parse_repositories,
    globs=("etc/apk/repositories", "etc/apk/repositories.d/*", "lib/apk/repositories.d/*"),
    limit=_MAX_BYTES,
)


def crawl_apk(repositories: Sequence[str], arch: str, wanted: Collection[str]) -> Crawl:
    """What the repositories have of the packages of these names, for one architecture."""
    indexes: list[RepositoryIndex] = []
    offers: list[Offer] = []
    for repository in repositories:
        url = f"{repository}/{arch}/APKINDEX.tar.gz"
        name = "/".join(repository.rsplit("/", 2)[-2:])
        if not is_remote(repository):
            indexes.append(RepositoryIndex(url=repository, name=name, reason="it is not reached by HTTP"))
            continue
        body = yield Get(url, STORED_LIMIT, is_optional=True)
        try:
            if body is None:
                raise ValueError("it cannot be reached")
            found = list(apks_in(body, wanted))
        except ValueError as error:
            indexes.append(RepositoryIndex(url=url, name=name, reason=str(error)))
            continue
        index = RepositoryIndex(url=url, name=name, packages=len({package.name for package in found}))
        indexes.append(index)
        offers += (Offer(package, index, _USUAL) for package in found)
    return RepositoryOffers(tuple(indexes), tuple(offers))
