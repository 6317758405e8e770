"""The oracle feed: errata of Oracle Linux."""

from __future__ import annotations

from hypothesis import given, settings

from hullmark.advisories.feeds.oracle import FEED
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, damaged, read


def test_fixes_have_an_architecture_only_where_they_differ() -> None:
    found = advisories(FEED, sample("oracle", "mock_per_arch_data"))
    rsyslog = [(row.arch, row.ranges[0].fixed) for row in found["ELSA-2022-4803"].affected if row.name == "rsyslog"]
    assert rsyslog == [("aarch64", "0:8.24.0-57.0.4.el7_9.3"), ("x86_64", "0:8.24.0-57.0.1.el7_9.3")]
    assert {row.arch for name in ("ELSA-2025-10073", "ELSA-2024-2961") for row in found[name].affected} == {""}
    assert {row.namespace for row in found["ELSA-2025-10073"].affected} == {"oracle:10"}


def test_an_erratum_has_its_cves_dates_and_severity() -> None:
    erratum = advisories(FEED, sample("oracle", "mock_per_arch_data"))["ELSA-2022-4803"]
    assert (erratum.aliases, erratum.severity, erratum.published) == (("CVE-2022-24903",), "high", "2022-05-31")
    assert [rating.score for rating in erratum.cvss] == [8.1]


def test_ksplice_builds_are_left_out() -> None:
    document = sample("oracle", "mock_ksplice_data")
    assert b"ELSA-2021-9151" in document.data
    assert advisories(FEED, document) == {}


def test_a_module_that_must_be_enabled_is_the_packages() -> None:
    found = advisories(FEED, sample("oracle", "com.oracle.elsa-all.xml.bz2"))
    assert [(row.namespace, row.name, row.module) for row in found["ELSA-2023-12342"].affected] == [
        ("oracle:8", "hivex", "virt:kvm_utils")
    ]
    assert {row.module for row in found["ELSA-2007-0057"].affected} == {""}
    assert len(found["ELSA-2007-0057"].affected) == 8


def test_a_definition_without_an_erratum_is_reported() -> None:
    text = (
        b"<a><definitions><definition id='d:1'><metadata><title>tar</title></metadata></definition></definitions></a>"
    )
    records, problems = read(FEED, Bytes("https://oracle.example/elsa.xml", text))
    assert (records, problems) == ([], [("d:1", "it names no erratum")])


@settings(max_examples=50)
@given(
    damaged(
        b'<a><definitions><definition id="1"><metadata><title>ELSA-2024-1</title></metadata></definition></definitions></a>'
    )
)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes("https://oracle.example/elsa.xml", data))
