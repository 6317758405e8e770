"""Which vulnerabilities are known ways out of containers."""

from __future__ import annotations

import pytest

from hullmark.isolation.escapes import Part, is_escape
from hullmark.model.match import Fix, Kev, Match, MatchedAdvisory
from hullmark.model.package import Package


def match(
    id: str = "X-1", *, cve: str = "", aliases: tuple[str, ...] = (), summary: str = "", kev: bool = False
) -> Match:
    advisory = MatchedAdvisory(
        id=id,
        source="osv",
        namespace="debian:13",
        cve=cve,
        aliases=aliases,
        summary=summary,
        kev=Kev(added="2026-01-01") if kev else None,
    )
    package = Package(type="deb", name="p", version="1", purl="pkg:deb/debian/p@1", cataloger="dpkg")
    return Match(
        package=package, advisory=advisory, fix=Fix(state="fixed"), kind="direct", name="p", version="1", why=""
    )


@pytest.mark.parametrize(
    ("found", "part", "escapes"),
    [
        (match("CVE-2019-5736"), "runtime", True),
        (match("GHSA-x", cve="CVE-2024-21626"), "runtime", True),
        (match("DSA-1", aliases=("CVE-2020-15257",)), "engine", True),
        (match(summary="runc container breakout through process.cwd"), "runtime", True),
        (match(summary="An attacker may break out of the container"), "engine", True),
        (match(summary="allows escaping from a container"), "engine", True),
        (match(summary="Escape sequences in logs are not quoted"), "engine", False),
        (match(summary="denial of service"), "engine", False),
        (match(summary="denial of service", kev=True), "engine", False),
        (match(summary="use after free", kev=True), "kernel", True),
        (match(summary="a container escape by overlayfs"), "kernel", True),
        (match(summary="use after free"), "kernel", False),
    ],
)
def test_an_escape_is_in_the_table_or_says_so_or_is_exploited_in_the_kernel(
    found: Match, part: Part, escapes: bool
) -> None:
    assert is_escape(found, part) is escapes
