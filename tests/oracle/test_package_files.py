"""What dpkg-deb and rpm say of package files, against what is read of them here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hullmark.catalog.systems.package_files import CATALOGER
from tests.support.views import FakeView

_SPEC = """\
Name: shop
Epoch: 2
Version: 1.4
Release: 3
Summary: A shop
License: MIT and Apache-2.0
Requires: bash >= 4, coreutils
%description
A shop.
%files
"""


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not on this machine")
@pytest.mark.parametrize("pack", ["none", "gzip", "xz", "zstd"])
def test_a_deb_says_what_dpkg_deb_says(tmp_path: Path, pack: str) -> None:
    control = tmp_path / "a" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: shop\nVersion: 2:1.4-3\nArchitecture: amd64\nMaintainer: M <m@e.org>\nSource: till (1.4-2)\n"
        "Pre-Depends: dpkg (>= 1.17)\nDepends: libc6 (>= 2.36),\n a | b\nDescription: A shop\n"
    )
    file = tmp_path / "shop.deb"
    _said("dpkg-deb", f"-Z{pack}", "--uniform-compression", "--root-owner-group", "-b", str(tmp_path / "a"), str(file))
    view = FakeView({"srv/shop.deb": file.read_bytes()}, CATALOGER)
    [package] = CATALOGER.assemble(view)
    shown = _said("dpkg-deb", "-f", str(file), "Package", "Version", "Architecture", "Pre-Depends", "Depends")
    fields = {
        key: " ".join(value.split())
        for key, _, value in (line.partition(":") for line in shown.replace("\n ", " ").splitlines())
    }
    assert (package.name, package.version, package.arch) == (
        fields["Package"],
        fields["Version"],
        fields["Architecture"],
    )
    assert package.notes["depends"] == f"{fields['Pre-Depends']}, {fields['Depends']}"
    assert (package.source.name, package.source.version) == ("till", "1.4-2") if package.source else False
    assert view.problems == []


@pytest.mark.skipif(shutil.which("rpmbuild") is None, reason="rpmbuild is not on this machine")
def test_an_rpm_says_what_rpm_says(tmp_path: Path) -> None:
    spec = tmp_path / "shop.spec"
    spec.write_text(_SPEC)
    _said("rpmbuild", "-bb", "--target", "noarch", "--define", f"_topdir {tmp_path}", str(spec))
    [file] = tmp_path.glob("RPMS/*/*.rpm")
    view = FakeView({"srv/shop.rpm": file.read_bytes()}, CATALOGER)
    [package] = CATALOGER.assemble(view)
    query = "%{NAME}\\t%{EPOCH}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{LICENSE}\\t%{SOURCERPM}"
    said = _said("rpm", "-qp", "--qf", query, str(file)).split("\t")
    assert [package.name, package.version, package.arch, *package.licenses, package.notes["sourcerpm"]] == said
    needs = [line.rstrip() for line in _said("rpm", "-qpR", str(file)).splitlines() if not line.startswith("rpmlib(")]
    assert package.notes["depends"].split(", ") == needs
    assert view.problems == []
