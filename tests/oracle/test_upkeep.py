"""Which packages have updates: apt itself is the judge, in worlds made by chance."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hullmark.app.upkeep import UpkeepRequest, upkeep_of
from hullmark.scanning.options import source_options
from hullmark.scanning.request import ScanResources
from tests.support.repositories import AUTOMATIC, BACKPORTS, EXPERIMENTAL, Entry, served, status_of, write_suite

NAMES = [f"tool{letter}" for letter in "abcdefghijkl"]
VERSIONS = ["1", "1-1", "1:0.5", "1~rc1", "1.0+b1", "2", "2-1~deb12u1", "2-1", "10"]
SUITES = {
    "stable": AUTOMATIC,
    "stable-security": ("Label: Debian-Security",),
    "backports": BACKPORTS,
    "experimental": EXPERIMENTAL,
}
_LINE = re.compile(r"(\S+?)/\S+ (\S+) (\S+) \[upgradable from: (\S+)\]")


def by_apt(root: Path) -> set[tuple[str, ...]]:
    """(name, candidate, architecture, installed) of `apt list --upgradable` in a root of its own."""
    for folder in (
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "etc/apt/preferences.d",
        "etc/apt/apt.conf.d",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    settings = [f"Dir={root}", f"Dir::State::status={root}/var/lib/dpkg/status", "APT::Architecture=amd64"]
    settings += ["APT::Architectures=amd64", "APT::Sandbox::User=root", "Acquire::Languages=none"]
    settings += ["Acquire::http::Proxy=false"]
    options = [word for setting in settings for word in ("-o", setting)]
    subprocess.run(["apt-get", *options, "update"], check=True, capture_output=True, timeout=60)
    ran = subprocess.run(
        ["apt", *options, "list", "--upgradable"], check=True, capture_output=True, text=True, timeout=60
    )
    return {tuple(found.groups()) for line in ran.stdout.splitlines() if (found := _LINE.match(line))}


@pytest.mark.skipif(shutil.which("apt") is None, reason="apt is not installed")
@pytest.mark.parametrize("seed", range(4))
def test_updates_are_those_that_apt_lists(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same worlds in every run

    def entry(name: str) -> Entry:
        version = chance.choice(VERSIONS)
        # One version is one package: apt installs another of the same version again.
        return Entry(name, version, "all" if len(name + version) % 3 == 0 else "amd64")

    root = tmp_path / "root"
    with served(tmp_path / "mirror") as url:
        for suite, fields in SUITES.items():
            entries = [entry(name) for name in NAMES if chance.random() < 0.6]
            write_suite(tmp_path / "mirror", suite, entries, fields, chance.choice((".xz", ".gz", "")))
        (root / "etc/apt/sources.list.d").mkdir(parents=True)
        (root / "var/lib/dpkg").mkdir(parents=True)
        lines = [f"deb [trusted=yes] {url} {suite} main\n" for suite in SUITES]
        (root / "etc/apt/sources.list").write_text("".join(lines))
        (root / "var/lib/dpkg/status").write_text(status_of([entry(name) for name in NAMES]))
        expected = by_apt(root)
        request = UpkeepRequest(at="2026-10-04", mirrors=((url, url),))
        found = upkeep_of(f"dir:{root}", request, None, ScanResources(), source_options({}))
    assert not found.problems
    assert {
        (each.installed.name, each.candidate.version, each.candidate.arch, each.installed.version)
        for each in found.updates
    } == expected
    assert expected
