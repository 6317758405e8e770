"""Vulnerabilities of an image as Anchore lists them, and which images are concerned by one or have a package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hullmark.model.advisory import Cvss
from hullmark.model.match import Match, MatchedAdvisory, Matches
from hullmark.model.package import Package
from hullmark.report.anchore.images import ImageInfo, tag_history
from hullmark.report.anchore.packages import is_system, kind_of, places, version_of
from hullmark.report.anchore.scores import RatedBy, select_ratings
from hullmark.report.anchore.words import NONE, Json, image_id, pages, stamp
from hullmark.report.matches_words import page_of

VULNERABILITY_TYPES = ("os", "non-os", "all")
"""The lists that can be asked for."""

FEED = "vulnerabilities"
"""The one feed that all advisories are in; its groups are their namespaces."""

_LANGUAGES = {"golang": "go", "maven": "java", "pypi": "python"}
_SOURCES = {"ghsa": "github"}
_NVD = frozenset(("nvd", "nvd@nist.gov"))


class Vulnerability(msgspec.Struct, frozen=True, kw_only=True):
    """One package at one place, and one advisory that it is affected by. Texts are `None` where nothing is known."""

    feed: str
    feed_group: str
    fix: str
    nvd_data: list[RatedBy]
    package: str
    package_cpe: str
    package_cpe23: str
    package_name: str
    package_path: str
    package_type: str
    package_version: str
    severity: str
    url: str
    vendor_data: list[RatedBy]
    vuln: str
    will_not_fix: bool


class Vulnerabilities(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one image."""

    image_digest: str = msgspec.field(name="imageDigest")
    vulnerabilities: list[Vulnerability]
    vulnerability_type: str


class ConcernedImage(msgspec.Struct, frozen=True):
    """An image, and those of its packages that a question is about: as matches, or by themselves."""

    image: ImageInfo
    matches: tuple[Match, ...] = ()
    packages: tuple[Package, ...] = ()


def vulnerabilities(matches: Matches, kind: str, *, vendor_only: bool = True) -> Vulnerabilities | None:
    """The vulnerabilities of a type of packages, the system's first; None if there is no such type.

    What an exception or a VEX statement denies is not listed. `vendor_only` leaves out what the vendor will not fix.
    """
    if kind not in VULNERABILITY_TYPES:
        return None
    wanted = [match for match in matches.matches if match.suppressed is None]
    if vendor_only:
        wanted = [match for match in wanted if match.fix.state != "wont-fix"]
    groups = {"os": (True,), "non-os": (False,), "all": (True, False)}[kind]
    found = [row for group in groups for match in wanted if is_system(match.package) is group for row in _rows(match)]
    return Vulnerabilities(image_digest=matches.source.digest, vulnerabilities=found, vulnerability_type=kind)


def images_by_vulnerability(concerned: Iterable[ConcernedImage], page: int, *, is_last: bool) -> Json:
    """A page of the images with packages that a vulnerability affects."""
    images = [
        {
            "image": _reference(concerned_image.image),
            "vulnerable_packages": [
                {
                    **_package(match.package),
                    "namespace": feed_group(match.advisory),
                    "severity": match.advisory.severity.capitalize(),
                }
                for match in concerned_image.matches
            ],
        }
        for concerned_image in concerned
    ]
    return _page(images, page, is_last=is_last)


def images_by_package(concerned: Iterable[ConcernedImage], page: int, *, is_last: bool) -> Json:
    """A page of the images that have a package."""
    images = [
        {
            "image": _reference(concerned_image.image),
            "packages": [_package(package) for package in concerned_image.packages],
        }
        for concerned_image in concerned
    ]
    return _page(images, page, is_last=is_last)


def feed_group(advisory: MatchedAdvisory) -> str:
    """Anchore's name for where an advisory is from: `debian:12`, `github:java`, `nvd`."""
    space = advisory.namespace
    if space == "cpe":
        return "nvd"
    if ":" in space:
        return space
    return f"{_SOURCES.get(advisory.source, advisory.source)}:{_LANGUAGES.get(space, space)}"


def _rows(match: Match) -> Iterator[Vulnerability]:
    package, advisory = match.package, match.advisory
    version = version_of(package)
    nvd, vendor = _ratings(advisory)
    for place in places(package):
        yield Vulnerability(
            feed=FEED,
            feed_group=feed_group(advisory),
            fix=match.fix.version or NONE,
            nvd_data=nvd,
            package=f"{package.name}-{version}",
            package_cpe=NONE,
            package_cpe23=NONE,
            package_name=package.name,
            package_path=place,
            package_type=kind_of(package),
            package_version=version,
            severity=advisory.severity.capitalize(),
            url=page_of(advisory) or NONE,
            vendor_data=vendor,
            vuln=advisory.id,
            will_not_fix=match.fix.state == "wont-fix",
        )


def _ratings(advisory: MatchedAdvisory) -> tuple[list[RatedBy], list[RatedBy]]:
    """What the NVD says under each CVE, and what others say under the advisory's own id.

    Ratings that nobody is named for are the advisory's own, so the NVD's where the advisory is.
    """
    is_nvd = advisory.namespace == "cpe"
    of_nvd, others = list[Cvss](), list[Cvss]()
    for rating in advisory.cvss:
        source = rating.source.lower()
        (of_nvd if source in _NVD or (is_nvd and not source) else others).append(rating)
    names = dict.fromkeys(
        (advisory.cve, *(identifier for identifier in (advisory.id, *advisory.aliases) if identifier[:4] == "CVE-"))
    )
    nvd = [select_ratings(name, of_nvd if name == advisory.cve else ()) for name in names if name]
    by_source: dict[str, list[Cvss]] = {}
    for rating in others:
        if rating.version[:1] in ("2", "3"):
            by_source.setdefault(rating.source, []).append(rating)
    return nvd, [select_ratings(advisory.id, ratings) for ratings in by_source.values()]


def _reference(info: ImageInfo) -> Json:
    return {
        "analyzed_at": stamp(info.analysed_at),
        "imageDigest": info.digest,
        "imageId": image_id(info.config_digest),
        "tag_history": tag_history(info),
    }


def _package(package: Package) -> Json:
    return {"name": package.name, "type": kind_of(package), "version": version_of(package)}


def _page(images: list[Json], page: int, *, is_last: bool) -> Json:
    this, following = pages(page, is_last=is_last)
    return {"images": images, "next_page": following, "page": this, "returned_count": len(images)}
