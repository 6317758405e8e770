"""Lists of packages that are asked for, and what is said of those that cannot be had."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hullmark.maintenance.upkeep.apk import crawl_apk, parse_repositories
from hullmark.maintenance.upkeep.apt import crawl_apt
from hullmark.maintenance.upkeep.apt_release import parse_release
from hullmark.maintenance.upkeep.apt_sources import AptSource, parse_sources
from hullmark.maintenance.upkeep.crawl import Crawl, RepositoryOffers
from hullmark.maintenance.upkeep.package_lists import apks_in, packages_in
from hullmark.maintenance.upkeep.rpm_lists import parse_repomd, rpms_in, security_updates_in
from hullmark.maintenance.upkeep.rpm_repositories import parse_repositories as parse_rpm_repositories
from hullmark.maintenance.upkeep.updates import updates_of
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.repositories import Entry, apk_index, stanza
from tests.unit.maintenance.upkeep.test_updates import installed, offer


def crawled(crawl: Crawl, answers: Mapping[str, bytes]) -> tuple[RepositoryOffers, list[str]]:
    """What is found where these addresses answer so, and all that were asked."""
    urls = []
    try:
        wanted = next(crawl)
        while True:
            urls.append(wanted.url)
            wanted = crawl.send(answers.get(wanted.url))
    except StopIteration as end:
        found: RepositoryOffers = end.value
        return found, urls


def test_repositories_of_alpine_that_cannot_be_read_are_told_and_cost_only_themselves() -> None:
    """One is on a disk, one does not answer, and one has something else."""
    good = "https://a.example/alpine/v3.20/main"
    repositories = ("/media/cdrom/apks", good, "https://b.example/x", "https://c.example/y")
    answers = {
        f"{good}/x86_64/APKINDEX.tar.gz": apk_index([Entry("busybox", "1.36.1-r3", "x86_64")]),
        "https://c.example/y/x86_64/APKINDEX.tar.gz": b"<html>",
    }
    found, urls = crawled(crawl_apk(repositories, "x86_64", {"busybox"}), answers)
    assert [index.name for index in found.indexes] == [
        "cdrom/apks",
        "v3.20/main",
        "b.example/x",
        "c.example/y",
    ]
    reasons = [index.reason for index in found.indexes]
    assert reasons[:3] == ["it is not reached by HTTP", "", "it cannot be reached"]
    assert reasons[3].startswith("it is damaged")
    assert len(urls) == 3
    assert [(each.package.name, each.package.version) for each in found.offers] == [("busybox", "1.36.1-r3")]


PACKAGES = stanza(Entry("tool", "2")).encode() + b"\n"


def release_of(name: str, body: bytes, more: str = "") -> bytes:
    return f"{more}SHA256:\n {hashlib.sha256(body).hexdigest()} {len(body)} {name}\n".encode()


def test_a_flat_repository_of_debian_has_its_list_beside_its_release() -> None:
    """The suite is a folder below the address; the list is asked for by its digest first, where the mirror has that."""
    source = AptSource("http://flat.example/x", "./sub/")
    base = "http://flat.example/x/sub"
    digest = hashlib.sha256(PACKAGES).hexdigest()
    answers = {
        f"{base}/Release": release_of("Packages", PACKAGES, "Acquire-By-Hash: yes\n"),
        f"{base}/Packages": PACKAGES,
    }
    found, urls = crawled(crawl_apt([source], ["amd64"], {"tool"}), answers)
    assert [each.package.version for each in found.offers] == ["2"]
    assert urls == [f"{base}/InRelease", f"{base}/Release", f"{base}/by-hash/SHA256/{digest}", f"{base}/Packages"]


@pytest.mark.parametrize(
    ("listed", "body", "reason"),
    [
        (PACKAGES, None, "it cannot be reached"),
        (PACKAGES, b"other", "it is not the list that its Release file names"),
        (b"text", b"text", "it is damaged"),
    ],
)
def test_a_list_of_debian_that_cannot_be_had_or_read_is_told(listed: bytes, body: bytes | None, reason: str) -> None:
    """The suite is named with the reason; nothing of it counts."""
    base = "http://a.example/debian/dists/trixie"
    name = "main/binary-amd64/Packages.xz"
    answers = {f"{base}/InRelease": release_of(name, listed), **({f"{base}/{name}": body} if body is not None else {})}
    found, _ = crawled(
        crawl_apt([AptSource("http://a.example/debian", "trixie", ("main",))], ["amd64"], {"tool"}), answers
    )
    (index,) = found.indexes
    assert (index.reason.startswith(reason), found.offers) == (True, ())


@pytest.mark.parametrize(
    ("parse", "line", "most"),
    [
        (
            lambda body, tell: parse_repositories("repositories", memoryview(body), tell),
            b"https://a.example/%d\n",
            1_000,
        ),
        (
            lambda body, tell: parse_sources("a.list", memoryview(body), tell),
            b"deb http://a.example/%d trixie main\n",
            1_000,
        ),
        (
            lambda body, tell: parse_rpm_repositories("a.repo", memoryview(body), tell),
            b"[r%d]\nbaseurl=http://a.example/\n",
            500,
        ),
    ],
)
def test_of_very_many_repositories_the_first_ones_are_read(
    parse: Callable[[bytes, Callable[[str], None]], Any], line: bytes, most: int
) -> None:
    """Each of them would be asked: that not all are is a problem of the image."""
    told: list[str] = []
    found = parse(b"".join(line % number for number in range(1_001)), told.append)
    assert (len(found), told) == (most, [f"it names more than {most:,} repositories; the others were not read"])


def test_packages_without_a_version_are_passed_over() -> None:
    """In each kind of list; a list without an index is damaged."""
    versionless = b"Package: tool\nArchitecture: all\n\n"
    assert [each.version for each in packages_in("Packages", versionless + PACKAGES, {"tool"})] == ["2"]
    with pytest.raises(ValueError, match="it has no APKINDEX"):
        list(apks_in(apk_index([]), {"tool"}))
    primary = (
        b'<package><name>tool</name><arch>x86_64</arch><version epoch="0" ver="2"/></package>'
        b'<package><name>tool</name><version ver="2" rel="1"/></package>'
        b'<package><name>tool</name><arch>x86_64</arch><version epoch="1" ver="2" rel="3"/></package>'
    )
    assert [each.version for each in rpms_in("primary.xml", primary, {"tool"})] == ["1:2-3"]
    notice = b'<update type="security"><package name="tool" version="2"/><package name="tool" version="3" release="1"/></update>'
    assert [each.version for each in security_updates_in("updateinfo.xml", notice, {"tool"})] == ["3-1"]


def test_lists_without_a_checksum_that_is_known_are_none() -> None:
    """They could not be told from others."""
    data = b'<data type="%b"><checksum type="%b">%b</checksum><location href="repodata/%b.xml"/></data>'
    body = (
        b"<repomd>"
        + data % (b"primary", b"sha256", b"0" * 64, b"primary")
        + data % (b"updateinfo", b"crc32", b"0" * 64, b"updateinfo")
        + b"</repomd>"
    )
    assert list(parse_repomd(body).files) == ["primary"]


def test_a_list_of_rpm_without_an_end_of_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fill the memory."""
    monkeypatch.setattr("hullmark.maintenance.upkeep.rpm_lists._MAX_ENTRY", 1 << 20)
    with pytest.raises(ValueError, match="what it says of a package has more than 1 MiB"):
        list(rpms_in("primary.xml", b"<package>" + b" " * (2 << 20), {"x"}))


@pytest.mark.parametrize("date", ["", "soon", "Sat, 33 Oct 2026 10:00:00 UTC", "Sat, 03 Oct 99999 10:00:00 UTC"])
def test_a_date_that_is_none_leaves_the_day_open(date: str) -> None:
    """The rest of the file counts."""
    release = parse_release(release_of("Packages", b"", f"Date: {date}\n"))
    assert (release.date, list(release.files)) == ("", ["Packages"])


def test_a_release_that_lists_very_many_files_is_refused() -> None:
    """A suite of Debian lists some thousand."""
    rows = "".join(f" {'0' * 64} 1 {number}\n" for number in range(200_001))
    with pytest.raises(ValueError, match=r"it lists more than [0-9,]+ files"):
        parse_release(f"SHA256:\n{rows}".encode())


def test_a_package_whose_version_is_not_known_is_not_renewed() -> None:
    """Nobody could tell whether what the lists have is newer."""
    assert updates_of([installed(UNKNOWN_VERSION)], [offer("2")], "amd64") == ((), ())
