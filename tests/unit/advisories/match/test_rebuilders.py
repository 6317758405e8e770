"""Rebuilt packages: they have the original's vulnerabilities, and what the rebuilder mended."""

from __future__ import annotations

import pytest

from hullmark.model.advisory import Advisory, Range
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of


def mended(namespace: str, name: str, scheme: str, version: str) -> Advisory:
    part = affected(namespace, name, scheme, kind="unaffected", ranges=(Range(low=version, fixed=version),))
    return advisory("ROOT-OS-CVE-1-1", part, source="rootio", aliases=("CVE-1-1",))


REBUILDS = [
    (("deb", "rootio-jq", "1.6-2.1"), "debian:12", "jq", "deb", "1.6-2.1.root.io.2", "source"),
    (("apk", "rootio-jq", "1.6-r1"), "alpine:3.18", "jq", "apk", "1.6-r20071", "direct"),
    (("pypi", "rootio_jq", "1.6"), "pypi", "jq", "pep440", "1.6+root.io.2", "direct"),
    (("npm", "@rootio/jq", "1.6.0"), "npm", "jq", "npm", "1.6.1-root.io.1", "direct"),
    (("maven", "io.root.org.x/jq", "1.6"), "maven", "org.x:jq", "maven", "1.6-root.io.2", "direct"),
    (("maven", "io.root.org.x/jq", "1.6"), "maven", "org.x:jq", "maven", "1.6.1", "direct"),
]


@pytest.mark.parametrize(("found", "namespace", "original", "scheme", "fix", "kind"), REBUILDS)
def test_a_rebuild_is_affected_under_the_originals_name_until_the_rebuilder_mends_it(
    found: tuple[str, str, str], namespace: str, original: str, scheme: str, fix: str, kind: str
) -> None:
    type, name, version = found
    ours = name.lower().replace("_", "-")
    ours = ours.replace("/", ":") if type == "maven" else ours
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected(namespace, original, scheme, "9")),
        mended(namespace, ours, scheme, fix),
    )
    distro = namespace if ":" in namespace else ""

    def build(version: str) -> Package:
        space, _, bare = name.rpartition("/")
        return package(type, bare, version, space=space)

    below = matched(snapshot, [build(version)], distro)
    assert [(match.advisory.id, match.kind) for match in below.matches] == [("CVE-1-1", kind)]
    assert counted(matched(snapshot, [build(fix)], distro)) == {}


@pytest.mark.parametrize(("version", "ids"), [("1.6-3", {"CVE-1-1"}), ("1.6-3.root.io.1", set())])
def test_a_rebuilders_word_clears_no_build_but_its_own(version: str, ids: set[str]) -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("debian:12", "jq", "deb", "9")),
        mended("debian:12", "jq", "deb", "1.6-2.1.root.io.2"),
    )
    assert {id for _, id in counted(matched(snapshot, [package("deb", "jq", version)], "debian:12"))} == ids


def test_a_rebuild_below_the_rebuilders_fix_is_guessed_at_by_the_originals_name() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("cpe", "a:gnu:wget", "generic", "1.25"), source="nvd"),
        advisory("CVE-9-9", affected("alpine:3.18", "other", "apk", "1")),
        mended("alpine:3.18", "rootio-wget", "apk", "1.21.4-r71"),
    )
    below, at = (package("apk", "rootio-wget", version) for version in ("1.21.0-r0", "1.21.4-r71"))
    assert [match.kind for match in matched(snapshot, [below], "alpine:3.18.4").matches] == ["cpe"]
    assert matched(snapshot, [at], "alpine:3.18.4").matches == ()
