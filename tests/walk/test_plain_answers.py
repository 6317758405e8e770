"""Honesty floods nobody: with whole and fresh feeds a usual image gets a plain answer, and one whose release no feed covers does not."""

from __future__ import annotations

from functools import cache

import pytest

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.app.check import CheckOptions, judge, judge_by
from hullmark.model.verdict import Outcome, Verdict
from hullmark.scanning.request import ScanResources
from hullmark.source.options import source_options
from tests.support.matching import advisory, affected, snapshot_of
from tests.support.places import corpus
from tests.walk.world import NOW, Files, one_rule, seen

WHOLE = {
    "cargo": "cargo", "debian:13": "deb", "gem": "gem", "golang": "golang", "maven": "maven", "npm": "npm", "pypi": "pep440",
    "rhel:9": "rpm", "ubuntu:24.04": "deb",
}  # fmt: skip

# The shapes of two images that cannot be had here: what os-release and the package database of each look like.
UBUNTU: Files = {
    "etc/os-release": b'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n',
    "usr/bin/dash": b"\x7fELF" + bytes(100),
    "var/lib/dpkg/status": b"Package: dash\nStatus: install ok installed\nVersion: 0.5.12-6ubuntu5\nArchitecture: amd64\n\n",
}
UBI: Files = {
    "etc/os-release": b'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\nPRETTY_NAME="Red Hat Enterprise Linux 9.6 (Plow)"\n',
    "usr/bin/bash": b"\x7fELF" + bytes(100),
    "var/lib/rpmmanifest/container-manifest-2": (
        b"bash\t5.1.8-9.el9\t1699474126\t1698948203\tRed Hat, Inc.\t(none)\t7596\tx86_64\t0\tbash-5.1.8-9.el9.src.rpm\n"
    ),
}


@cache
def known_advisories() -> Snapshot:
    """A snapshot of feeds that are whole and fresh, in which nothing is said of what the images hold."""
    return snapshot_of(
        *(
            advisory(
                f"CVE-2026-{number:04}", affected(space, "elsewhere", scheme), source=scheme, modified="2026-06-29"
            )
            for number, (space, scheme) in enumerate(WHOLE.items())
        )
    )


def answer(files: Files) -> Verdict:
    asked = CheckOptions(advisories=known_advisories())
    return judge_by(
        lambda scan_request: seen(files, scan_request), one_rule("vulnerabilities"), NOW, ScanResources(), asked
    ).verdict


@pytest.mark.parametrize("files", [UBUNTU, UBI], ids=["the shape of Ubuntu", "the shape of UBI"])
def test_a_shape_with_its_database_and_whole_feeds_may_go(files: Files) -> None:
    assert answer(files).verdict is Outcome.GO


@pytest.mark.parametrize(
    ("files", "database"), [(UBUNTU, "var/lib/dpkg/status"), (UBI, "var/lib/rpmmanifest/container-manifest-2")]
)
def test_without_the_database_the_same_shape_is_unknown(files: Files, database: str) -> None:
    assert answer({path: body for path, body in files.items() if path != database}).verdict is Outcome.UNKNOWN


def test_a_release_that_no_feed_covers_is_unknown() -> None:
    newer = UBUNTU["etc/os-release"].replace(b"24.04", b"26.10").replace(b"noble", b"newest")
    verdict = answer({**UBUNTU, "etc/os-release": newer})
    assert verdict.verdict is Outcome.UNKNOWN
    assert "26.10" in verdict.reason


@pytest.mark.parametrize("name", ["debian-slim", "nginx", "distroless"])
def test_a_real_image_gets_a_plain_answer(name: str) -> None:
    image = corpus(f"oci/{name}")
    asked = CheckOptions(advisories=known_advisories())
    policy = one_rule("vulnerabilities")
    assert (
        judge(f"oci-dir:{image}", policy, NOW, ScanResources(), source_options({}), asked).verdict.verdict is Outcome.GO
    )
