"""How bad it is, and by whose word."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.model.advisory import Advisory, Cvss
from hullmark.model.match import MatchedAdvisory, SeverityBy
from tests.support.matching import advisory, affected, matched, package, snapshot_of

PYPI = affected("pypi", "x", "pep440", "2")
OTHER = affected("ubuntu:22.04", "y", "deb", "2", severity="medium")


def rating(score: float, version: str = "3.1", source: str = "nvd") -> Cvss:
    return Cvss(version, "", score, source)


def found(*records: Advisory, type: str = "pypi", distro: str = "") -> MatchedAdvisory:
    (match,) = matched(snapshot_of(*records), [package(type, "x", "1")], distro).matches
    return match.advisory


def pysec(**more: Any) -> Advisory:
    return advisory("PYSEC-1", PYPI, source="pypa", aliases=("CVE-1-1",), **more)


def cve(source: str, *parts: Any, **more: Any) -> Advisory:
    return advisory("CVE-1-1", *parts, source=source, **more)


CASES: list[tuple[tuple[Advisory, ...], str, str]] = [
    ((pysec(severity="low"), cve("nvd", severity="high", cvss=(rating(9.8),))), "low", "pypa"),
    ((pysec(cvss=(rating(9.1, source=""),)),), "critical", "pypa, CVSS 3.1: 9.1"),
    ((pysec(cvss=(rating(9.8, source=""), rating(5.0, "4.0", ""))),), "medium", "pypa, CVSS 4.0: 5.0"),
    ((pysec(cvss=(rating(9.8, "2.0", ""),)),), "high", "pypa, CVSS 2.0: 9.8"),
    ((pysec(), advisory("GHSA-1", PYPI, source="ghsa", aliases=("CVE-1-1",), severity="high")), "high", "ghsa"),
    (
        (pysec(), cve("sap", PYPI, severity="low"), cve("nvd", cvss=(rating(9.8),))),
        "critical",
        "nvd, CVSS 3.1: 9.8",
    ),
    ((pysec(), cve("sap", PYPI, severity="low")), "low", "sap"),
    ((pysec(), cve("ubuntu-tracker", OTHER, severity="medium", cvss=(rating(9.8),))), "critical", "nvd, CVSS 3.1: 9.8"),
    ((pysec(), cve("ubuntu-tracker", OTHER, severity="medium")), "unknown", ""),
    ((pysec(), cve("redhat", OTHER, severity="high", cvss=(rating(8.0, source="redhat"),))), "unknown", ""),
    ((pysec(), cve("nvd", cvss=(rating(9.8, "2.0"), rating(5.0, "3.0"), rating(7.5)))), "high", "nvd, CVSS 3.1: 7.5"),
    ((pysec(), cve("nvd", severity="low", cvss=(rating(3.0, source="cna@x.example"),))), "low", "nvd"),
    ((pysec(), cve("vulnrichment", severity="high"), cve("retirejs", severity="low")), "high", "vulnrichment"),
    ((pysec(cvss=(rating(0.0, source=""),)),), "unknown", ""),
]


@pytest.mark.parametrize(("records", "severity", "by"), CASES)
def test_the_severity_is_the_best_ranked_sources(records: tuple[Advisory, ...], severity: str, by: str) -> None:
    named = found(*records)
    assert (named.severity, named.severity_text) == (severity, by)


def test_a_distributions_own_word_counts_for_its_own_packages() -> None:
    part = affected("ubuntu:22.04", "x", "deb", "2", severity="medium")
    own, nvd = cve("ubuntu", part), cve("nvd", severity="critical", cvss=(rating(9.8),))
    named = found(own, nvd, type="deb", distro="ubuntu:22.04")
    assert named.severity == "medium"
    assert named.severities == (SeverityBy("ubuntu", "medium"), SeverityBy("nvd", "critical", "CVSS 3.1: 9.8"))
    assert [each.score for each in named.cvss] == [9.8]
