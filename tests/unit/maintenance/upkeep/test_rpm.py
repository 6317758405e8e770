"""What repositories of rpm packages are named, what their lists have, and which of that dnf would bring."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Mapping, Sequence

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hullmark.maintenance.upkeep.crawl import RepositoryOffers
from hullmark.maintenance.upkeep.rpm import crawl_rpm
from hullmark.maintenance.upkeep.rpm_lists import mirrors_in, parse_repomd, rpms_in
from hullmark.maintenance.upkeep.rpm_repositories import RpmRepository, Variables, parse_repositories, variables_of
from hullmark.maintenance.upkeep.updates import updates_of
from hullmark.model.inventory import Distro
from hullmark.model.package import Package, SourcePackage
from tests.support.repositories import Rpm, primary, repository_of
from tests.unit.maintenance.upkeep.test_crawl import crawled

BASE = "http://a.example/9/x86_64"
FILE = b"""# repositories
[main]
gpgcheck=1
[baseos]
name=Base $releasever
mirrorlist=https://me:secret@m.example/?repo=BaseOS-$releasever&arch=$basearch
#baseurl=http://off.example/
[extra]
baseurl = http://a.example/$releasever/$basearch/
    http://b.example/${releasever}
priority=10
excludepkgs=kernel*, nginx
[off]
enabled=0
baseurl=http://off.example/
[empty]
name=nothing
"""


_NO_LIST = "it names no list of packages with a checksum that is known"


def installed(name: str, version: str, arch: str = "x86_64") -> Package:
    epoch, _, plain = version.rpartition(":")
    purl = f"pkg:rpm/rocky/{name}@{plain}?arch={arch}" + (f"&epoch={epoch}" if epoch else "")
    return Package(type="rpm", name=name, version=version, purl=purl, cataloger="rpm", arch=arch)


def asked(
    repositories: Sequence[RpmRepository], answers: Mapping[str, bytes], packages: Sequence[Package]
) -> tuple[RepositoryOffers, list[str]]:
    """What is found where these addresses answer so, and all that were asked."""
    return crawled(
        crawl_rpm(repositories, Variables({}), {(package.name, package.version) for package in packages}), answers
    )


def chosen(
    repositories: Sequence[RpmRepository], answers: Mapping[str, bytes], packages: Sequence[Package]
) -> dict[str, tuple[str, bool]]:
    """The updates, by name: the version, and whether that is urgent."""
    found, _ = asked(repositories, answers, packages)
    assert [index.reason for index in found.indexes] == [""] * len(repositories)
    updates, _ = updates_of(packages, found.offers, "x86_64")
    return {update.installed.name: (update.candidate.version, update.is_security) for update in updates}


def test_files_name_repositories() -> None:
    told: list[str] = []
    assert parse_repositories("etc/yum.repos.d/a.repo", memoryview(FILE), told.append) == (
        RpmRepository("baseos", mirrors="https://m.example/?repo=BaseOS-$releasever&arch=$basearch"),
        RpmRepository(
            "extra",
            ("http://a.example/$releasever/$basearch", "http://b.example/${releasever}"),
            priority=10,
            excluded=("kernel*", "nginx"),
        ),
    )
    assert told == ["the repository empty has no address"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read(body: bytes) -> None:
    parse_repositories("etc/yum.repos.d/a.repo", memoryview(body), print)
    mirrors_in(body)
    with pytest.raises(ValueError, match="names no list"):
        parse_repomd(body)


@pytest.mark.parametrize(
    ("distro", "stated", "expected"),
    [
        (Distro(id="rocky", version_id="9.4", id_like=("rhel", "centos", "fedora")), {}, "9/x86_64"),
        (Distro(id="rhel", version_id="8.10", id_like=("fedora",)), {}, "8/x86_64"),
        (Distro(id="fedora", version_id="41"), {}, "41/x86_64"),
        (Distro(id="opensuse-leap", version_id="15.6", id_like=("suse",)), {}, "15.6/x86_64"),
        (Distro(id="amzn", version_id="2023", id_like=("fedora",)), {"releasever": "2023.6"}, "2023.6/x86_64"),
        (None, {}, "/x86_64"),
    ],
)
def test_variables_stand_for_the_release_and_the_architecture(
    distro: Distro | None, stated: Mapping[str, str], expected: str
) -> None:
    assert variables_of(distro, "x86_64", stated).put_into("$releasever/${basearch}") == expected


@pytest.mark.parametrize(
    ("form", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress), (".zst", zstandard.compress)],
)
def test_lists_are_read_in_any_form(form: str, pack: object) -> None:
    assert callable(pack)
    body = pack(primary([Rpm("bash", "5.1-6.el9", source="bash-5.1-6.el9.src.rpm"), Rpm("other", "1-1")]))
    [found] = rpms_in(f"repodata/primary.xml{form}", body, {"bash"})
    assert (found.name, found.version, found.arch, found.source) == (
        "bash", "5.1-6.el9", "x86_64", SourcePackage("bash", "5.1-6.el9"),
    )  # fmt: skip
    with pytest.raises(ValueError, match="damaged"):
        list(rpms_in("primary.xml.zst", b"not zstd at all", {"bash"}))


def test_updates_are_those_of_dnf_and_say_which_are_urgent() -> None:
    packages = [
        installed("bash", "5.1-6.el9"),
        installed("openssl", "1:3.0.7-2.el9"),
        installed("tzdata", "2026a-1", "noarch"),
    ]
    rpms = [
        Rpm("bash", "5.1-6.el9"), Rpm("bash", "5.1-9.el9"), Rpm("bash", "5.1-9.el9", arch="i686"),
        Rpm("openssl", "1:3.0.7-3.el9"), Rpm("openssl", "1:3.0.7-9.el9"), Rpm("tzdata", "2026b-1", arch="noarch"),
    ]  # fmt: skip
    answers = repository_of(BASE, rpms, security=[Rpm("openssl", "1:3.0.7-3.el9")])
    repositories = [RpmRepository("base", (BASE,))]
    assert chosen(repositories, answers, packages) == {
        "bash": ("5.1-9.el9", False), "openssl": ("1:3.0.7-9.el9", True), "tzdata": ("2026b-1", False),
    }  # fmt: skip
    found, _ = asked(repositories, answers, packages)
    [index] = found.indexes
    assert (index.url, index.name, index.date, index.packages) == (
        f"{BASE}/repodata/repomd.xml", "base", "2026-10-03", 3,
    )  # fmt: skip
    updates, _ = updates_of(packages, found.offers, "x86_64")
    assert [update.candidate.purl for update in updates if update.installed.name == "openssl"] == [
        "pkg:rpm/rocky/openssl@3.0.7-9.el9?arch=x86_64&epoch=1"
    ]


def test_an_urgent_update_that_no_list_has_any_more_makes_a_later_one_urgent_and_is_none_itself() -> None:
    packages = [installed("bash", "5.1-6"), installed("zlib", "1-1")]
    answers = repository_of(
        BASE, [Rpm("bash", "5.1-9"), Rpm("zlib", "1-1")], security=[Rpm("bash", "5.1-7"), Rpm("zlib", "1-2")]
    )
    assert chosen([RpmRepository("base", (BASE,))], answers, packages) == {"bash": ("5.1-9", True)}


def test_repositories_with_lower_numbers_and_without_what_they_leave_out_count() -> None:
    first, second = "http://a.example/1", "http://a.example/2"
    packages = [installed("bash", "1-1"), installed("nginx", "1-1")]
    answers = {
        **repository_of(first, [Rpm("bash", "1-2"), Rpm("nginx", "1-2")]),
        **repository_of(second, [Rpm("bash", "1-3"), Rpm("nginx", "1-3")]),
    }
    usual = RpmRepository("usual", (second,))
    assert chosen([RpmRepository("first", (first,), priority=10), usual], answers, packages) == {
        "bash": ("1-2", False), "nginx": ("1-2", False),
    }  # fmt: skip
    narrow = RpmRepository("first", (first,), priority=10, excluded=("ngin*",))
    assert chosen([narrow, usual], answers, packages)["nginx"] == ("1-3", False)
    narrow = RpmRepository("first", (first,), priority=10, included=("bash",))
    assert chosen([narrow, usual], answers, packages)["nginx"] == ("1-3", False)


def test_a_stream_of_a_module_updates_what_came_of_one_alone() -> None:
    packages = [installed("nodejs", "18.1-1.module+el9+1"), installed("nginx", "1.20-1.el9")]
    rpms = [
        Rpm("nodejs", "18.2-1.module+el9+2"), Rpm("nodejs", "22-1.el9"), Rpm("nginx", "1.26-1.module+el9+7"), Rpm("nginx", "1.20-2.el9"),
    ]  # fmt: skip
    found = chosen([RpmRepository("base", (BASE,))], repository_of(BASE, rpms), packages)
    assert found == {"nodejs": ("18.2-1.module+el9+2", False), "nginx": ("1.20-2.el9", False)}


@pytest.mark.parametrize(
    "mirrors",
    [
        f"# mirrors\nftp://a.example/\nhttp://gone.example/x/\n{BASE}/\n",
        "<metalink xmlns='http://www.metalinker.org/'><url>http://gone.example/x/repodata/repomd.xml</url>"
        f"<url>{BASE}/repodata/repomd.xml</url></metalink>",
    ],
)
def test_the_first_mirror_that_answers_is_asked(mirrors: str) -> None:
    answers = {"http://m.example/?repo=a": mirrors.encode(), **repository_of(BASE, [Rpm("bash", "1-2")])}
    repository = RpmRepository("base", mirrors="http://m.example/?repo=a")
    found, urls = asked([repository], answers, [installed("bash", "1-1")])
    assert [offer.package.version for offer in found.offers] == ["1-2"]
    assert urls[:3] == [
        "http://m.example/?repo=a", "http://gone.example/x/repodata/repomd.xml", f"{BASE}/repodata/repomd.xml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("repository", "changes", "reason"),
    [
        (RpmRepository("a", ("file:///mnt",)), {}, "it is not reached by HTTP"),
        (RpmRepository("a", ("http://a.example/$stream",)), {}, "what stands for $stream in its address is not known"),
        (RpmRepository("a", ("http://gone.example",)), {}, "it cannot be reached"),
        (RpmRepository("a", mirrors="http://gone.example"), {}, "its list of mirrors cannot be reached"),
        (RpmRepository("a", mirrors="http://m.example"), {"http://m.example": b"none"}, "its list of mirrors names none"),
        (RpmRepository("a", (BASE,)), {f"{BASE}/repodata/primary.xml.gz": b"x"}, "it is not the list that its repomd.xml names"),
        (RpmRepository("a", (BASE,)), {f"{BASE}/repodata/repomd.xml": b"<x/>"}, _NO_LIST),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(repository: RpmRepository, changes: Mapping[str, bytes], reason: str) -> None:
    answers = {**repository_of(BASE, [Rpm("bash", "1-2")]), **changes}
    found, _ = asked([repository], answers, [installed("bash", "1-1")])
    assert ([index.reason for index in found.indexes], found.offers) == ([reason], ())


def test_a_list_is_known_by_its_checksum() -> None:
    answers = repository_of(BASE, [Rpm("bash", "1-2")])
    repomd = parse_repomd(answers[f"{BASE}/repodata/repomd.xml"])
    body = answers[f"{BASE}/{repomd.files['primary'].href}"]
    assert repomd.files["primary"].digest == hashlib.sha256(body).hexdigest()
    assert repomd.files["primary"].fits(body)
    assert not repomd.files["primary"].fits(body + b"x")
