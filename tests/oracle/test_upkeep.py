"""Which packages have updates: apt itself is the judge, in worlds made by chance."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hullmark.app.upkeep import UpkeepRequest, upkeep_of
from hullmark.model.upkeep import Upkeep
from hullmark.scanning.request import ScanResources
from hullmark.source.options import source_options
from tests.support.older_debian import OLDER, archives, older_root
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
    return read(ran.stdout)


def read(text: str) -> set[tuple[str, ...]]:
    """(name, candidate, architecture, installed) of the lines of `apt list --upgradable`."""
    return {tuple(found.groups()) for line in text.splitlines() if (found := _LINE.match(line))}


def told(upkeep: Upkeep) -> set[tuple[str, ...]]:
    """The same, of what was found here."""
    pairs = ((update.installed, update.candidate) for update in upkeep.updates)
    return {(before.name, after.version, after.arch, before.version) for before, after in pairs}


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
    assert told(found) == expected
    assert expected


@pytest.mark.slow
def test_an_image_without_security_updates_lacks_what_apt_says_inside_it(tmp_path: Path) -> None:
    packed, at = older_root(), archives()
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-xf", packed, "-C", root, "--numeric-owner"], check=True, timeout=120)
    more = f"Types: deb deb-src\nURIs: {at['security']}\nSuites: {OLDER}-security\nComponents: main\n"
    more += f"\nTypes: deb\nURIs: {at['main']}\nSuites: {OLDER}-updates {OLDER}-backports\nComponents: main\n"
    (root / "etc/apt/sources.list.d/more.sources").write_text(more)
    subprocess.run(["chroot", root, "apt-get", "-qq", "update"], check=True, capture_output=True, timeout=120)
    listed = subprocess.run(
        ["chroot", root, "apt", "list", "--upgradable"], check=True, capture_output=True, text=True, timeout=60
    )
    found = upkeep_of(f"dir:{root}", UpkeepRequest(at="2026-10-04"), None, ScanResources(), source_options(os.environ))
    assert not found.problems
    assert told(found) == read(listed.stdout)
    assert len(found.updates) >= 20
    assert sum(update.is_security for update in found.updates) >= 5
