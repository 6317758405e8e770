"""Which namespaces speak for a distribution: releases, minor releases, paid channels, rebuilds and derivatives.

Ids are those of os-release(5). A plan is made from the tables below and from what a snapshot has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import msgspec

from hullmark.advisories.match.coverage_words import none_for
from hullmark.model.inventory import Distro


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where the operating system's packages are looked up.

    `tiers`: namespaces from the most to the least specific; of one advisory the most specific that knows the package counts.
    `resolutions`: namespaces whose fixes count besides (a rebuild's own, a paid channel's). `reason`: why there are none.
    `label` is the release for people, `product` and `release` how lifecycles name it. `is_comprehensive`: the distribution also
    records what it has not fixed, so that its silence means something. `vendors`: how the vendor field of its own packages begins.
    `undisclosed`: how names of packages end that the tiers do not speak of, so that resolutions alone are asked about them.
    `stays_at`: the minor release that a paid stream keeps the image at, "" where it follows the newest.
    `uses_cpe`: what NVD says by name is asked besides, for the distribution itself says no more. `needs`: the namespaces without all of
    which not all that is known is told, whether a snapshot has them or not; `discloses` is the one of them that alone names what a
    rebuild has not mended. `namespace` is that of the release itself, or what comes nearest to one.
    """

    label: str
    tiers: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    reason: str = ""
    product: str = ""
    release: str = ""
    is_comprehensive: bool = False
    vendors: tuple[str, ...] = ()
    undisclosed: tuple[str, ...] = ()
    uses_cpe: bool = False
    stays_at: str = ""
    needs: tuple[str, ...] = ()
    discloses: str = ""
    namespace: str = ""


_DEBIAN = {
    "wheezy": "7", "jessie": "8", "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13",
    "forky": "unstable", "duke": "unstable", "sid": "unstable",
}  # fmt: skip
_UBUNTU = {
    "precise": "12.04", "trusty": "14.04", "xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04",
    "mantic": "23.10", "noble": "24.04", "oracular": "24.10", "plucky": "25.04", "questing": "25.10",
}  # fmt: skip
_POSTMARKETOS = {
    "25.12": "3.23", "25.06": "3.22", "24.12": "3.21", "24.06": "3.20", "23.12": "3.19", "23.06": "3.18", "22.12": "3.17",
    "22.06": "3.16", "21.12": "3.15", "21.06": "3.14", "21.03": "3.13", "20.05": "3.12",
}  # fmt: skip

_Versions = Callable[[Distro], tuple[str, ...]]
_NUMBERS = re.compile(r"\d+(?:\.\d+)*").match


def _numbers(distro: Distro) -> list[str]:
    found = _NUMBERS(distro.version_id)
    return [part.lstrip("0") or "0" for part in found[0].split(".")] if found else []


def _major(distro: Distro) -> tuple[str, ...]:
    return tuple(_numbers(distro)[:1])


def _minor_then_major(distro: Distro) -> tuple[str, ...]:
    parts = _numbers(distro)
    return (".".join(parts[:2]), parts[0]) if len(parts) > 1 else tuple(parts)


def _exact(distro: Distro) -> tuple[str, ...]:
    """As it is written, to two places."""
    found = _NUMBERS(distro.version_id)
    return (".".join(found[0].split(".")[:2]),) if found else ()


def _two(distro: Distro) -> tuple[str, ...]:
    """Two places, the second 0 if it is not said."""
    return (".".join([*_numbers(distro), "0"][:2]),) if _numbers(distro) else ()


def _rolling(distro: Distro) -> tuple[str, ...]:
    return ("rolling",)


def _debian(distro: Distro) -> tuple[str, ...]:
    codename = distro.codename or distro.pretty_name.rpartition(" ")[2].partition("/")[0].strip("()")
    known = _DEBIAN.get(codename.lower())
    # Testing and unstable show the same codename, or none, and no number.
    return (known,) if known == "unstable" else _major(distro) or ((known,) if known else ("unstable",))


def _alpine(distro: Distro) -> tuple[str, ...]:
    is_edge = "_alpha" in distro.version_id or "edge" in (distro.version_id, distro.codename)
    return ("edge",) if is_edge else _exact(distro)


def _postmarketos(distro: Distro) -> tuple[str, ...]:
    version = distro.version_id.removeprefix("v")
    known = _POSTMARKETOS.get(version)
    return (known,) if known else ("edge",) if version in ("", "edge") else ()


def _amazon(distro: Distro) -> tuple[str, ...]:
    major = _numbers(distro)[:1]
    return ("1",) if major == ["2018"] else tuple(major)


def _tumbleweed(distro: Distro) -> tuple[str, ...]:
    return ("tumbleweed",)


class _Family(msgspec.Struct, frozen=True, kw_only=True):
    """How one distribution is named in advisories. `of`: the distribution that it rebuilds, whose disclosures hold for it.

    `undisclosed`: endings of names of packages for which they do not, as the rebuild's errata never mend them by name.
    """

    name: str
    versions: _Versions
    of: str = ""
    is_comprehensive: bool = False
    vendors: tuple[str, ...] = ()
    undisclosed: tuple[str, ...] = ()
    product: str = ""


_RED_HAT = ("red hat", "centos", "almalinux", "rocky", "scientific", "cloudlinux")
_DEBUG = ("-debuginfo", "-debugsource")
# Gentoo is in no family: it has advisories of its own (GLSA), which no feed brings, and Red Hat's say nothing of its packages.
_FAMILIES: dict[str, _Family] = {
    "debian": _Family(name="debian", versions=_debian, is_comprehensive=True),
    "raspbian": _Family(name="debian", versions=_debian, is_comprehensive=True, product="debian"),
    "ubuntu": _Family(name="ubuntu", versions=_exact, is_comprehensive=True),
    "alpine": _Family(name="alpine", versions=_alpine),
    "postmarketos": _Family(name="alpine", versions=_postmarketos, product="postmarketos"),
    "wolfi": _Family(name="wolfi", versions=_rolling),
    "chainguard": _Family(name="chainguard", versions=_rolling),
    "minimos": _Family(name="minimos", versions=_rolling),
    "secureos": _Family(name="secureos", versions=_rolling),
    "echo": _Family(name="echo", versions=_rolling),
    "hummingbird": _Family(name="hummingbird", versions=_rolling),
    "arch": _Family(name="arch", versions=_rolling, is_comprehensive=True),
    "archarm": _Family(name="arch", versions=_rolling, is_comprehensive=True),
    "rhel": _Family(name="rhel", versions=_minor_then_major, is_comprehensive=True, vendors=_RED_HAT),
    "centos": _Family(name="rhel", versions=_minor_then_major, is_comprehensive=True, vendors=_RED_HAT),
    "scientific": _Family(
        name="rhel", versions=_minor_then_major, is_comprehensive=True, vendors=_RED_HAT, product="rhel"
    ),
    "almalinux": _Family(
        name="almalinux", versions=_major, of="rhel", is_comprehensive=True, vendors=_RED_HAT, undisclosed=_DEBUG
    ),
    "rocky": _Family(name="rocky", versions=_major, of="rhel", is_comprehensive=True, vendors=_RED_HAT),
    "ol": _Family(name="oracle", versions=_major, vendors=("oracle",)),
    "amzn": _Family(name="amazon", versions=_amazon, vendors=("amazon",)),
    "fedora": _Family(name="fedora", versions=_major, vendors=("fedora project",)),
    "sles": _Family(name="sles", versions=_exact, vendors=("suse",)),
    "sled": _Family(name="sles", versions=_exact, vendors=("suse",), product="sles"),
    "sles_sap": _Family(name="sles", versions=_exact, vendors=("suse",), product="sles"),
    "opensuse-leap": _Family(name="opensuse", versions=_exact, vendors=("suse", "opensuse")),
    "opensuse-tumbleweed": _Family(name="opensuse", versions=_tumbleweed, vendors=("suse", "opensuse")),
    "photon": _Family(name="photon", versions=_two, vendors=("vmware", "broadcom")),
    "mariner": _Family(name="mariner", versions=_two, is_comprehensive=True, vendors=("microsoft",)),
    "azurelinux": _Family(name="azurelinux", versions=_two, is_comprehensive=True, vendors=("microsoft",)),
    "openeuler": _Family(name="openeuler", versions=_exact),
}
_ALIASES = {
    "redhat": "rhel", "alma": "almalinux", "rockylinux": "rocky", "oracle": "ol", "oraclelinux": "ol", "amazon": "amzn",
    "amazonlinux": "amzn", "sl": "scientific", "archlinux": "arch", "opensuse": "opensuse-leap", "kali": "debian",
    "openEuler": "openeuler", "suse": "sles",
}  # fmt: skip
_STAYING = frozenset(("aus", "e4s", "eus", "tus"))
"""Red Hat's streams for a minor release. Extended life-cycle support (`els`) is for the last one."""
_RENAMED = {"mariner": (3, "azurelinux")}
"""From which major release on a distribution has another name."""


def plan_for(distro: Distro | None, known: Collection[str], channels: Collection[str] = ()) -> Plan:
    """The plan for a distribution, given the namespaces that a snapshot knows.

    `channels`: `esm`, `eus` or another of Red Hat's streams (`streams.STREAMS`) where the image may use that paid channel.
    """
    if distro is None:
        return Plan(label="an unknown distribution", reason="the distribution is not known")
    label = _label(distro)
    base = _based_on(distro)
    family = _FAMILIES.get(base.id)
    if family is None:
        return Plan(label=label, reason=f"no advisories are made for {label}", namespace=_nearest(distro))
    versions = family.versions(base)
    if not versions:
        return Plan(label=label, reason=f"the release of {label} is not known", namespace=_nearest(distro))
    name = _name_of(family, versions[0])
    own = tuple(f"{name}:{version}" for version in versions)
    plan = Plan(
        label=label,
        product=family.product or base.id,
        release=base.version_id,
        is_comprehensive=family.is_comprehensive,
        vendors=family.vendors,
        undisclosed=family.undisclosed,
        stays_at=base.version_id if family.name == "rhel" and not _STAYING.isdisjoint(channels) else "",
    )
    paid = tuple(f"{release}+{channel}" for channel in sorted(channels) for release in own)
    if family.of:
        theirs = tuple(f"{family.of}:{version}" for version in _minor_then_major(base))
        tiers, resolutions = theirs, own
        plan = msgspec.structs.replace(plan, needs=(theirs[-1], own[-1]), discloses=theirs[-1], namespace=own[-1])
    else:
        tiers, resolutions = own, paid
        plan = msgspec.structs.replace(plan, needs=own[-1:], namespace=own[-1])
    tiers = tuple(tier for tier in tiers if tier in known)
    resolutions = tuple(resolution for resolution in resolutions if resolution in known)
    if not tiers and not resolutions:
        return msgspec.structs.replace(plan, reason=none_for(label))
    return msgspec.structs.replace(plan, tiers=tiers, resolutions=resolutions)


def _nearest(distro: Distro) -> str:
    """What comes nearest to the namespace of a release that nobody records."""
    return ":".join(filter(None, (distro.id, distro.version_id)))


def _name_of(family: _Family, version: str) -> str:
    """The name of a family's namespaces for a release."""
    since, name = _RENAMED.get(family.name, (0, ""))
    major = version.partition(".")[0]
    return name if name and major.isdecimal() and int(major) >= since else family.name


def _based_on(distro: Distro) -> Distro:
    """The distribution whose advisories hold: itself if it is known, else the one that it says it is built from."""
    identifier = _ALIASES.get(distro.id, distro.id)
    if distro.id == "kali":
        return msgspec.structs.replace(distro, id="debian", version_id="", codename="sid")
    if identifier in _FAMILIES:
        return msgspec.structs.replace(distro, id=identifier)
    name, _, codename = distro.base.partition(":")
    releases = {"ubuntu": _UBUNTU, "debian": _DEBIAN}.get(name, {})
    if codename in releases:
        return msgspec.structs.replace(distro, id=name, version_id=releases[codename], codename=codename)
    for like in distro.id_like:
        like = _ALIASES.get(like, like)
        codenames = {"ubuntu": _UBUNTU, "debian": _DEBIAN}.get(like, {})
        # A derivative counts its own releases: only a codename of the base says which one it is built from.
        if distro.codename in codenames:
            return msgspec.structs.replace(distro, id=like, version_id=codenames[distro.codename])
        if like == "rhel" and distro.version_id:
            return msgspec.structs.replace(distro, id=like)
    return distro


def _label(distro: Distro) -> str:
    names = {
        "ol": "Oracle Linux",
        "rhel": "RHEL",
        "amzn": "Amazon Linux",
        "sles": "SLES",
        "centos": "CentOS",
        "almalinux": "AlmaLinux",
    }
    name = names.get(distro.id, distro.id.replace("-", " ").title())
    return " ".join(part for part in (name, distro.version_id or distro.codename) if part)
