"""The host below an engine: which of its parts have a known escape, by its packages, else by the versions that the engine tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.app.host import HostLook, parts_of, set_up
from hullmark.places.runtime.host import UNTOLD, HostState, RememberedLook

AT = datetime(2026, 11, 1, tzinfo=UTC)
VERSION = {
    "Components": [
        {"Name": "Engine", "Version": "26.1.5+dfsg1"},
        {"Name": "containerd", "Version": "1.7.24~ds1"},
        {"Name": "runc", "Version": "1.1.11"},
    ]
}
INFO: dict[str, Any] = {
    "KernelVersion": "6.12.9-amd64",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"],
    "CgroupVersion": "2",
    "LiveRestoreEnabled": True,
}
STATUS = """\
Package: {name}
Status: install ok installed
Version: {version}
Architecture: amd64
Maintainer: x
Description: x
"""


def advisory(id: str, ecosystem: str, name: str, fixed: str, *, alias: str = "", summary: str = "") -> dict[str, Any]:
    """One of OSV's."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    return {
        "id": id,
        "aliases": [alias] if alias else [],
        "summary": summary,
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges}],
    }


ADVISORIES = (
    advisory("GHSA-xr7r-f8xq-vfvv", "Go", "github.com/opencontainers/runc", "1.1.12", alias="CVE-2024-21626"),
    advisory("DEBIAN-1", "Debian:13", "docker.io", "99", alias="CVE-2030-1", summary="a container escape by a race"),
    advisory("DEBIAN-2", "Debian:13", "docker.io", "99", alias="CVE-2030-2", summary="a crash"),
    advisory("DEBIAN-3", "Debian:13", "containerd", "1.7.24~ds1-6", alias="CVE-2020-15257"),
    advisory("DEBIAN-4", "Debian:13", "linux", "6.12.10-1", alias="CVE-2022-0185"),
    advisory("DEBIAN-5", "Debian:13", "podman", "99", alias="CVE-2024-1753"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Debian host: its docker.io is old, its containerd mended, two kernels are installed, and runc is built by somebody."""
    packages = (
        ("docker.io", "26.1.5+dfsg1-9"),
        ("containerd", "1.7.24~ds1-6"),
        ("podman", "5.4.2+ds1-2"),
        ("linux-image-6.12.9-amd64", "6.12.9-1"),
        ("linux-image-6.12.11-amd64", "6.12.11-1"),
    )
    status = "\n".join(STATUS.format(name=name, version=version) for name, version in packages)
    status = status.replace("Package: linux-image-6.12.9-amd64\n", "Package: linux-image-6.12.9-amd64\nSource: linux\n")
    (tmp_path / "root/var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").write_text(status)
    (tmp_path / "root/etc").mkdir()
    (tmp_path / "root/etc/os-release").write_text('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n')
    return tmp_path / "root"


@contextmanager
def looking(folder: Path, root: Path | None, advisories: tuple[dict[str, Any], ...] = ADVISORIES) -> Iterator[HostLook]:
    """A look with these advisories."""
    place = folder / "advisories"
    place.mkdir(exist_ok=True)
    for record in advisories:
        (place / f"{record['id']}.json").write_text(json.dumps(record))
    with open_snapshot(Shelf(folder / "shelf", 3), folder=place) as snapshot:
        yield HostLook(root, snapshot, AT)


def summaries(state: HostState, subject: str) -> list[str]:
    return [event.summary for event in state.events if event.subject == subject]


def test_known_escapes_are_found_in_the_packages_that_are_in_use(root: Path, tmp_path: Path) -> None:
    with looking(tmp_path, root) as look:
        state = look(VERSION, INFO)
    assert state.escapes == ("CVE-2022-0185", "CVE-2024-21626", "CVE-2030-1")
    assert summaries(state, "kernel")[0] == (
        "linux-image-6.12.9-amd64 6.12.9-1 has a known way out of containers: CVE-2022-0185; fixed in 6.12.10-1"
    )
    assert summaries(state, "runc")[0] == (
        "github.com/opencontainers/runc v1.1.11 has a known way out of containers: CVE-2024-21626; fixed in 1.1.12"
    )
    assert summaries(state, "docker")[-1] == (
        "docker.io 26.1.5+dfsg1-9 has known vulnerabilities: 2, the worst of them unknown"
    )
    assert summaries(state, "containerd") == []  # the distribution mended it
    assert summaries(state, "podman") == []  # nothing runs in it
    assert state.gaps == ()


def test_a_host_without_escapes_is_told_from_one_of_which_nothing_is_known(root: Path, tmp_path: Path) -> None:
    info = {**INFO, "KernelVersion": "6.12.11-amd64"}
    version = {"Components": [{"Name": "containerd", "Version": "1.7.24~ds1"}, {"Name": "runc", "Version": "1.1.12"}]}
    with looking(tmp_path, root) as look:
        assert look(version, info).escapes == ()
        unknown = look(version, {**info, "KernelVersion": "6.1.0-custom"})
    assert unknown.escapes is None
    assert unknown.gaps == ("whether kernel has a known escape cannot be told: no package of it was found",)
    assert HostLook(root, None, AT)(version, info).escapes is None
    with looking(tmp_path, None) as look:  # an engine on another machine: by versions alone
        state = look(version, info)
    assert (state.escapes, len(state.gaps)) == (None, 1)
    assert "containerd" in state.gaps[0]  # a distribution's build, of which the version alone says little
    assert "runc" not in state.gaps[0]


def test_a_part_that_runs_in_another_version_than_its_package_is_not_the_package(root: Path, tmp_path: Path) -> None:
    version = {"Components": [{"Name": "Engine", "Version": "27.0.1"}]}
    with looking(tmp_path, root) as look:
        state = look(version, INFO)
    assert summaries(state, "docker") == []
    assert state.escapes == ("CVE-2022-0185",)


def test_how_an_engine_is_set_up_is_said_in_words() -> None:
    assert set_up(INFO) == (
        "user namespaces: on, seccomp: builtin, AppArmor: off, SELinux: off, rootless: off, cgroup version: 2, live restore: on"
    )
    assert set_up({"SecurityOptions": 3}) == "the engine does not say how it is set up"
    podman = {
        "Components": [
            {"Name": "Podman Engine", "Version": "5.4.2"},
            {"Name": "OCI Runtime (/usr/bin/crun)", "Version": "crun version 1.21\ncommit: x"},
        ]
    }
    assert parts_of(podman, {"KernelVersion": "6.12"}) == {
        "kernel": "6.12",
        "podman": "5.4.2",
        "crun": "1.21",
    }


def test_a_host_is_looked_at_again_where_its_engine_changed_or_hours_have_passed() -> None:
    looks: list[object] = []
    now = [AT]

    def look(version: object, info: object) -> HostState:
        looks.append(version)
        return HostState()

    remembered = RememberedLook(look, lambda: now[0])
    remembered(VERSION, INFO)
    remembered(VERSION, {**INFO, "ContainersRunning": 9})
    assert len(looks) == 1
    remembered({"Components": []}, INFO)
    assert len(looks) == 2
    now[0] = AT.replace(hour=7)
    remembered({"Components": []}, INFO)
    assert len(looks) == 3


def test_a_host_whose_files_cannot_be_looked_at_is_told_by_its_versions(tmp_path: Path) -> None:
    with looking(tmp_path, Path(f"/{'x' * 300}")) as look:  # longer than any name may be
        state = look(VERSION, INFO)
    assert state.escapes == ("CVE-2024-21626",)
    assert summaries(state, UNTOLD) == [
        "whether containerd, docker, kernel has a known escape cannot be told: no package of it was found"
    ]


def test_an_engine_that_tells_its_parts_in_another_way_is_believed_as_far_as_it_is_understood() -> None:
    assert parts_of({"Components": "runc"}, INFO) == {"kernel": "6.12.9-amd64"}
    assert parts_of({}, {"KernelVersion": ["6"]}) == {"kernel": ""}
