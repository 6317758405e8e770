"""Packages from EPEL on RHEL and what is made from it, and Fedora's modules: who speaks of them."""

from __future__ import annotations

import pytest

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match import epel
from hullmark.advisories.match.distros import plan_for
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

FEDORA = {"vendor": "Fedora Project"}
KNOWN = ("rhel:9", "rhel:8", "epel:9", "epel:10.1", "epel:10", "fedora:38", "amazon:2", "epel:7")


def extra(version: str, **notes: str) -> Package:
    return package("rpm", "htop", version, source=("htop", version), notes={**FEDORA, **notes})


def stored(*more: str) -> Snapshot:
    """What Red Hat says of htop, what EPEL says of it, and what else is said of `more`."""
    return snapshot_of(
        advisory("CVE-1-1", affected("rhel:9", "htop", "rpm", "3.2-9.el9"), source="redhat"),
        advisory(
            "FEDORA-EPEL-1", affected("epel:9", "htop", "rpm", "3.2-2.el9", arch="src", module=""), source="fedora"
        ),
        *(
            advisory(f"CVE-2-{n}", affected(each, "htop", "rpm", "3.2-3.el9"), source="other")
            for n, each in enumerate(more)
        ),
    )


@pytest.mark.parametrize(
    ("distro", "version", "vendor", "expected"),
    [
        ("rhel:9.4", "3.2-1.el9", "Fedora Project", ("epel:9",)),
        ("rocky:9.4", "3.2-1.el9", "Fedora Project", ("epel:9",)),
        ("ol:9.4", "3.2-1.el9.2", "fedora project", ("epel:9",)),
        ("rhel:10.1", "3.2-1.el10_1", "Fedora Project", ("epel:10.1", "epel:10")),
        ("rhel:10.2", "3.2-1.el10_2", "Fedora Project", ("epel:10",)),
        ("amzn:2", "3.2-1.el7", "Fedora Project", ("epel:7",)),
        ("rhel:8", "3.2-1.el8", "Fedora Project", ()),
        ("rhel:9.4", "3.2-1.el9", "Red Hat, Inc.", ()),
        ("rhel:9.4", "3.2-1.el9", "Remi's RPM repository", ()),
        ("rhel:9.4", "3.2-1.el9", "Fedora Copr - user someone", ()),
        ("rhel:9.4", "3.2-1.el9", "", ()),
        ("rhel:9.4", "3.2-1.fc38", "Fedora Project", ()),
        ("rhel:9.4", "3.2-1.el999", "Fedora Project", ()),
        ("fedora:38", "3.2-1.el9", "Fedora Project", ()),
    ],
)
def test_where_a_package_is_from_its_vendor_says_and_for_what_its_release(
    distro: str, version: str, vendor: str, expected: tuple[str, ...]
) -> None:
    id, _, number = distro.partition(":")
    plan = plan_for(Distro(id=id, version_id=number), KNOWN)
    assert epel.spaces(package("rpm", "htop", version, notes={"vendor": vendor}), plan, KNOWN) == expected


@pytest.mark.parametrize("distro", ["rhel:9.4", "almalinux:9.4", "rocky:9.4", "centos:9"])
def test_of_a_package_from_epel_its_updates_speak_and_nobody_else(distro: str) -> None:
    with stored("almalinux:9", "rocky:9") as snapshot:
        result = matched(snapshot, [extra("3.2-1.el9")], distro)
        assert counted(result) == {("htop", "FEDORA-EPEL-1"): "3.2-2.el9"}
        assert [match.advisory.namespace for match in result.matches] == ["epel:9"]
        assert [match.why for match in result.matches] == ["htop 3.2-1.el9 < 3.2-2.el9, EPEL 9"]
        assert result.unknown == ()
        mended = matched(snapshot, [extra("3.2-2.el9")], distro)
        assert (mended.matches, mended.unknown) == ((), ())


@pytest.mark.parametrize(("namespace", "label"), [("epel:10.1", "EPEL 10.1"), ("rhel:9", ""), ("pypi", "")])
def test_epel_s_namespaces_have_names_for_people(namespace: str, label: str) -> None:
    assert epel.label(namespace) == label


def test_the_distribution_s_own_package_of_the_name_is_not_epel_s() -> None:
    own = package("rpm", "htop", "3.2-1.el9", source=("htop", "3.2-1.el9"), notes={"vendor": "Red Hat, Inc."})
    with stored() as snapshot:
        assert list(counted(matched(snapshot, [own], "rhel:9.4"))) == [("htop", "CVE-1-1")]


def test_without_epel_s_advisories_nothing_can_be_said_of_its_packages() -> None:
    with snapshot_of(advisory("CVE-1-1", affected("rhel:9", "htop", "rpm", "3.2-9.el9"))) as snapshot:
        result = matched(snapshot, [extra("3.2-1.el9")], "rhel:9.4")
    assert result.matches == ()
    assert [each.reason for each in result.unknown] == [
        "it was built by Fedora Project, of which RHEL 9.4's advisories do not speak"
    ]


def test_that_epel_s_advisories_are_old_is_said_where_they_were_asked() -> None:
    old = advisory("FEDORA-EPEL-1", affected("epel:9", "htop", "rpm", "3.2-2.el9"), source="a", modified="2026-01-01")
    new = advisory("CVE-1-1", affected("rhel:9", "bash", "rpm", "9"), source="b", modified="2026-06-29")
    with snapshot_of(old, new, kept_fresh=True) as snapshot:
        asked = matched(snapshot, [extra("3.2-2.el9")], "rhel:9.4")
        other = matched(snapshot, [package("rpm", "bash", "10")], "rhel:9.4")
    assert any("epel:9" in problem.reason for problem in asked.problems)
    assert not any("epel:9" in problem.reason for problem in other.problems)


LABEL = "mysql:8.0:3820230815103352:75741a8b"


def modular(label: str, version: str = "8.0.33-1.module_f38+1+a", **notes: str) -> Package:
    source = ("community-mysql", version)
    return package("rpm", "community-mysql-server", version, source=source, notes={"modularity": label, **notes})


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (LABEL, ("mysql:8.0", "3820230815103352")),
        ("go-toolset:rhel-8:1:a:x86_64", ("go-toolset:rhel_8", "1")),
        ("mysql:8.0", ("", "")),
        ("mysql::1:a", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_module_is_named_by_its_stream(label: str, expected: tuple[str, str]) -> None:
    assert epel.module_of(modular(label)) == expected


def test_an_update_of_a_module_is_for_the_packages_of_its_older_builds() -> None:
    stream = affected("fedora:38", "mysql:8.0", "rpm", "3820230907003352")
    plain = affected("fedora:38", "community-mysql", "rpm", "8.0.34-1.fc38", arch="src", module="")
    with snapshot_of(advisory("FEDORA-MODULAR-1", stream), advisory("FEDORA-1", plain)) as snapshot:
        ids = {
            name: [match.advisory.id for match in matched(snapshot, [each], "fedora:38").matches]
            for name, each in {
                "older": modular(LABEL),
                "same": modular(LABEL.replace("3820230815103352", "3820230907003352")),
                "other stream": modular(LABEL.replace("8.0", "5.7")),
                "no module": modular("", "8.0.33-1.fc38"),
            }.items()
        }
        why = matched(snapshot, [modular(LABEL)], "fedora:38").matches[0].why
    assert ids == {"older": ["FEDORA-MODULAR-1"], "same": [], "other stream": [], "no module": ["FEDORA-1"]}
    assert why == "mysql:8.0 3820230815103352 < 3820230907003352 (source of community-mysql-server), Fedora 38"


def test_modules_of_others_are_not_asked_as_fedora_s() -> None:
    stream = affected("rhel:8", "mysql:8.0", "rpm", "9920230907003352")
    with snapshot_of(advisory("X-1", stream)) as snapshot:
        assert matched(snapshot, [modular(LABEL, vendor="Red Hat, Inc.")], "rhel:8").matches == ()
