"""Which namespaces speak for a distribution."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.distros import plan_for
from hullmark.model.inventory import Distro

KNOWN = {
    "debian:12", "debian:11", "debian:unstable", "ubuntu:22.04", "ubuntu:22.04+esm", "alpine:3.18", "alpine:edge", "wolfi:rolling",
    "rhel:8", "rhel:9", "rhel:9.4", "rhel:9.4+eus", "almalinux:8", "rocky:9", "oracle:8", "amazon:2", "amazon:2023", "sles:15", "sles:15.5",
    "opensuse:15.5", "opensuse:tumbleweed", "fedora:40", "photon:5.0", "mariner:2.0", "azurelinux:3.0", "azurelinux:4.0",
    "arch:rolling", "openeuler:22.03",
}  # fmt: skip

TIERS = [
    (Distro(id="debian", version_id="12"), ("debian:12",)),
    (Distro(id="debian", version_id="12.5"), ("debian:12",)),
    (Distro(id="debian", codename="sid", pretty_name="Debian GNU/Linux trixie/sid"), ("debian:unstable",)),
    (Distro(id="debian", pretty_name="Debian GNU/Linux forky/sid"), ("debian:unstable",)),
    (Distro(id="raspbian", version_id="11"), ("debian:11",)),
    (Distro(id="kali", version_id="2024.1", id_like=("debian",)), ("debian:unstable",)),
    (Distro(id="ubuntu", version_id="22.04"), ("ubuntu:22.04",)),
    (Distro(id="linuxmint", version_id="21", id_like=("ubuntu", "debian"), base="ubuntu:jammy"), ("ubuntu:22.04",)),
    (Distro(id="pop", version_id="22.04", codename="jammy", id_like=("ubuntu",)), ("ubuntu:22.04",)),
    (Distro(id="alpine", version_id="3.18.4"), ("alpine:3.18",)),
    (Distro(id="alpine", version_id="3.20.0_alpha20240329"), ("alpine:edge",)),
    (Distro(id="postmarketos", version_id="v23.06"), ("alpine:3.18",)),
    (Distro(id="wolfi", version_id="20230201"), ("wolfi:rolling",)),
    (Distro(id="rhel", version_id="9.4"), ("rhel:9.4", "rhel:9")),
    (Distro(id="rhel", version_id="9.2"), ("rhel:9",)),
    (Distro(id="centos", version_id="8"), ("rhel:8",)),
    (Distro(id="almalinux", version_id="8.5"), ("rhel:8",)),
    (Distro(id="ol", version_id="8.6"), ("oracle:8",)),
    (Distro(id="amzn", version_id="2023"), ("amazon:2023",)),
    (Distro(id="sles", version_id="15"), ("sles:15",)),
    (Distro(id="sles", version_id="15.5"), ("sles:15.5",)),
    (Distro(id="sled", version_id="15.5"), ("sles:15.5",)),
    (Distro(id="opensuse-leap", version_id="15.5"), ("opensuse:15.5",)),
    (Distro(id="opensuse-tumbleweed", version_id="20240101"), ("opensuse:tumbleweed",)),
    (Distro(id="photon", version_id="5"), ("photon:5.0",)),
    (Distro(id="mariner", version_id="2.0"), ("mariner:2.0",)),
    (Distro(id="mariner", version_id="3.0"), ("azurelinux:3.0",)),
    (Distro(id="mariner", version_id="4.0.20270101"), ("azurelinux:4.0",)),
    (Distro(id="arch"), ("arch:rolling",)),
    (Distro(id="openEuler", version_id="22.03"), ("openeuler:22.03",)),
    (Distro(id="cloudthing", version_id="9.4", id_like=("rhel", "fedora")), ("rhel:9.4", "rhel:9")),
]


@pytest.mark.parametrize(("distro", "tiers"), TIERS)
def test_a_distribution_is_looked_up_where_its_release_is_spoken_of(distro: Distro, tiers: tuple[str, ...]) -> None:
    assert plan_for(distro, KNOWN).tiers == tiers


UNKNOWN = [
    (None, "the distribution is not known"),
    (Distro(id="nixos", version_id="24.05"), "no advisories are made for Nixos 24.05"),
    (Distro(id="sles", version_id="15.9"), "the snapshot has no advisories for SLES 15.9"),
    (Distro(id="alpine", version_id="3.99.1"), "the snapshot has no advisories for Alpine 3.99.1"),
    (Distro(id="gentoo", version_id="2.17"), "no advisories are made for Gentoo 2.17"),
    (Distro(id="gentoo", version_id="9.4", cpe_name="cpe:/o:gentoo:linux"), "no advisories are made for Gentoo 9.4"),
    (Distro(id="calculate", version_id="9", id_like=("gentoo",)), "no advisories are made for Calculate 9"),
    (Distro(id="ubuntu"), "the release of Ubuntu is not known"),
    (Distro(id="linuxmint", version_id="21", id_like=("ubuntu",)), "no advisories are made for Linuxmint 21"),
]


@pytest.mark.parametrize(("distro", "reason"), UNKNOWN)
def test_where_nothing_speaks_for_a_distribution_the_plan_says_why(distro: Distro | None, reason: str) -> None:
    plan = plan_for(distro, KNOWN)
    assert (plan.tiers, plan.resolutions, plan.reason) == ((), (), reason)


def test_rebuilds_and_channels_add_fixes() -> None:
    assert plan_for(Distro(id="almalinux", version_id="8.5"), KNOWN).resolutions == ("almalinux:8",)
    assert plan_for(Distro(id="rocky", version_id="9.4"), KNOWN).tiers == ("rhel:9.4", "rhel:9")
    assert plan_for(Distro(id="ubuntu", version_id="22.04"), KNOWN, ("esm",)).resolutions == ("ubuntu:22.04+esm",)
    assert plan_for(Distro(id="rhel", version_id="9.4"), KNOWN, ("eus",)).resolutions == ("rhel:9.4+eus",)
    assert plan_for(Distro(id="ubuntu", version_id="22.04"), KNOWN).resolutions == ()


def test_every_stream_of_a_release_adds_its_fixes_where_they_are_known() -> None:
    known = {*KNOWN, "rhel:9.4+e4s", "rhel:9+els"}
    plan = plan_for(Distro(id="rhel", version_id="9.4"), known, ("eus", "e4s", "els", "tus"))
    assert plan.resolutions == ("rhel:9.4+e4s", "rhel:9+els", "rhel:9.4+eus")
    assert plan_for(Distro(id="almalinux", version_id="8.5"), known, ("eus",)).resolutions == ("almalinux:8",)
