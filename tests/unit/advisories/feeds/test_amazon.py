"""The amazon feed: announcements of Amazon Linux in updateinfo."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from hullmark.advisories.feeds import amazon
from hullmark.advisories.feeds.amazon import FEED, line_of_versions, low_of
from hullmark.advisories.feeds.feed import DamagedDocument, RecordFault
from hullmark.model.advisory import Advisory, Range
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, gzipped, json_document, read

UPDATE = """<updates><update><id>ALAS2023-2023-126</id><title>A title</title><severity>important</severity>
<issued date="2023-03-07 00:29"/><updated date="2023-03-08 00:51:00"/><description>Fixes CVE-2022-3787.</description>
<references><reference id="CVE-2022-41973" type="cve" href="https://a.example"/></references><pkglist><collection>
<package name="libdm" epoch="0" version="1.2" release="3.amzn2023" arch="x86_64"/>
<package name="libdm" epoch="0" version="1.2" release="3.amzn2023" arch="aarch64"/>
<package name="tool" epoch="1" version="1.2" release="4.amzn2023" arch="x86_64"/>
<package name="tool" epoch="1" version="1.2" release="3.amzn2023" arch="aarch64"/>
<package name="libdm-debuginfo" version="1.2" release="3.amzn2023" arch="x86_64"/>
<package name="libdm" version="1.2" release="3.amzn2023" arch="src"/>
</collection></pkglist></update></updates>"""


def updateinfo(text: str) -> Bytes:
    return Bytes("https://cdn.example/repodata/updateinfo.xml.gz", text.encode())


def test_an_announcement_has_its_fixes_by_package_and_architecture() -> None:
    advisory = advisories(FEED, gzipped(updateinfo(UPDATE)))["ALAS2023-2023-126"]
    assert [(row.namespace, row.name, row.arch, row.ranges[0].fixed, row.fix_date) for row in advisory.affected] == [
        ("amazon:2023", "libdm", "", "0:1.2-3.amzn2023", "2023-03-07"),
        ("amazon:2023", "tool", "aarch64", "1:1.2-3.amzn2023", "2023-03-07"),
        ("amazon:2023", "tool", "x86_64", "1:1.2-4.amzn2023", "2023-03-07"),
    ]
    assert (advisory.aliases, advisory.severity) == (("CVE-2022-41973", "CVE-2022-3787"), "high")
    assert (advisory.published, advisory.modified) == ("2023-03-07T00:29:00Z", "2023-03-08T00:51:00Z")


def test_repositories_of_several_architectures_make_one_advisory() -> None:
    other = UPDATE.replace("aarch64", "i686").replace("x86_64", "i686")
    (advisory,) = advisories(FEED, updateinfo(UPDATE), updateinfo(other)).values()
    assert [row.arch for row in advisory.affected if row.name == "libdm"] == [""]


@pytest.mark.parametrize(
    ("identity", "line"),
    [
        ("ALASKERNEL-5.4-2023-048", "5.4"),
        ("ALAS2KERNEL-5.15-2022-001", "5.15"),
        ("ALAS2TOMCAT8.5-2023-008", "8.5"),
        ("ALAS2POSTGRESQL14-2023-001", "14"),
        ("ALAS2-2018-939", ""),
        ("ALAS-2018-939", ""),
        ("ALAS2023-2023-126", ""),
        ("ALAS2023LIVEPATCH-2023-001", ""),
        ("ALASDOCKER-2022-001", ""),
    ],
)
def test_an_id_tells_the_line_of_versions(identity: str, line: str) -> None:
    assert line_of_versions(identity) == line


def test_a_line_bounds_only_packages_that_are_of_it() -> None:
    assert low_of("ALASKERNEL-5.4-2023-048", "0:5.4.226-129.amzn2") == "5.4"
    assert low_of("ALAS2TOMCAT8.5-2023-008", "0:1.2.35-1.amzn2") == ""


def test_the_announcements_of_a_kernel_line_begin_with_it() -> None:
    advisory = advisories(FEED, sample("amazon", "updateinfo_2_kernel-5.15.xml.gz"))["ALAS2KERNEL-5.15-2022-001"]
    kernel = next(row for row in advisory.affected if row.name == "kernel")
    assert kernel.ranges == (Range(low="5.15", high="0:5.15.43-20.123.amzn2", fixed="0:5.15.43-20.123.amzn2"),)


def test_the_samples_are_of_their_releases() -> None:
    files = ("1", "2", "2023", "2023_nvidia", "2023_kernel-livepatch")
    found = advisories(FEED, *(sample("amazon", f"updateinfo_{name}.xml.gz") for name in files))
    assert {row.namespace for each in found.values() for row in each.affected} == {
        "amazon:1",
        "amazon:2",
        "amazon:2023",
    }


def test_an_announcement_without_an_id_costs_itself_and_a_document_that_breaks_off_the_feed() -> None:
    nameless = updateinfo(UPDATE.replace("<update><id>ALAS2023-2023-126</id>", "<update>"))
    records, problems = read(FEED, updateinfo(UPDATE), nameless)
    assert [record.id for record in records if isinstance(record, Advisory)] == ["ALAS2023-2023-126"]
    assert [why for _, why in problems] == ["an announcement has no id"]
    records, problems = read(FEED, updateinfo(UPDATE), updateinfo(UPDATE.replace("</updates>", "<update>")))
    assert not records
    assert [why.split(":")[0] for _, why in problems] == ["it cannot be read to its end"]


def test_the_crawl_follows_mirror_list_and_index() -> None:
    def answer(url: str) -> Bytes | None:
        if url.endswith("extras-catalog.json"):
            return json_document(url, {"topics": [{"n": "kernel-5.15"}, {"n": "../../x"}]})
        if url.endswith("mirror.list"):
            return Bytes(url, b"https://cdn.example/abc/\n") if "x86_64" in url and "/extras/" in url else None
        return sample("amazon", "repomd_valid.xml")

    asked = [get.url for get in crawled(FEED, lambda get: answer(get.url))]
    assert [url for url in asked if "extras/" in url] == [
        "https://cdn.amazonlinux.com/2/extras/kernel-5.15/latest/x86_64/mirror.list"
    ]
    assert asked[-2] == "https://cdn.example/abc/repodata/repomd.xml"
    assert asked[-1].startswith("https://cdn.example/abc/repodata/")
    assert "updateinfo" in asked[-1]


def test_a_mirror_without_index_or_announcements_costs_only_itself() -> None:
    head = '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><location href="p.xml"/></data>'

    def answer(url: str) -> Bytes | None:
        if url.endswith("extras-catalog.json"):
            return json_document(url, {"topics": [{"n": "docker"}, {"n": "php8.2"}]})
        if url.endswith("mirror.list"):
            return Bytes(url, f"https://cdn.example/{url.split('/')[-4]}\n".encode()) if "/extras/" in url else None
        return None if "docker" in url else Bytes(url, f"{head}</repomd>".encode())

    asked = [get.url for get in crawled(FEED, lambda get: answer(get.url))]
    assert [url for url in asked if url.startswith("https://cdn.example/")] == [
        "https://cdn.example/docker/repodata/repomd.xml",
        "https://cdn.example/php8.2/repodata/repomd.xml",
    ]


def test_what_only_leads_to_announcements_holds_none() -> None:
    lists = (
        Bytes(f"https://cdn.example/{name}", b"?") for name in ("mirror.list", "extras-catalog.json", "repomd.xml")
    )
    assert read(FEED, *lists) == ([], [])


def test_an_announcement_of_no_release_is_reported_with_its_packages() -> None:
    records, [(place, why)] = read(FEED, updateinfo(UPDATE.replace("ALAS2023-2023-126", "XLAS-1")))
    assert [row for record in records if isinstance(record, Advisory) for row in record.affected] == []
    assert (place, why) == ("XLAS-1", "its id tells no release of Amazon Linux")
    assert isinstance(why, RecordFault)
    assert why.names == frozenset({"libdm", "tool"})


@settings(max_examples=50)
@given(damaged(UPDATE.encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes("https://cdn.example/updateinfo.xml", data))


def test_more_packages_than_are_read_fail_the_feed_and_make_no_shorter_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amazon, "_MAX_PACKAGES", 6)
    assert len(advisories(FEED, updateinfo(UPDATE))) == 1
    monkeypatch.setattr(amazon, "_MAX_PACKAGES", 5)
    with pytest.raises(DamagedDocument, match="ALAS2023-2023-126 names more than 5 packages"):
        list(FEED.parse((updateinfo(UPDATE),), lambda *each: None))


def test_an_updateinfo_that_ends_too_soon_fails_the_feed() -> None:
    with pytest.raises(DamagedDocument, match="cannot be read to its end"):
        list(FEED.parse((updateinfo(UPDATE.removesuffix("</updates>")),), lambda *each: None))
