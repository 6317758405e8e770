"""What an image needs against what it is granted, both ways; what nobody tells is said of neither."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.contract import effective_uid, joint_findings
from hullmark.model.isolation import ImageNeeds, Isolation, WorkloadFormat

OWN_USER: dict[str, Any] = {"user": "1000", "uid": 1000, "setuid": (), "capable": {}}


def found(needs: ImageNeeds, isolation: Isolation, form: WorkloadFormat = "kubernetes") -> list[tuple[str, str, bool]]:
    return [(finding.kind, finding.setting, finding.is_certain) for finding in joint_findings(needs, isolation, form)]


def test_nothing_told_on_either_side_is_nothing_said() -> None:
    assert found(ImageNeeds(), Isolation()) == []


def test_an_image_of_root_does_not_start_where_root_is_forbidden() -> None:
    isolation = Isolation(run_as_non_root=True)
    assert found(ImageNeeds(uid=0), isolation) == [("needed", "run_as_non_root", True)]
    assert found(ImageNeeds(user="1000", uid=1000), isolation) == []
    assert found(ImageNeeds(uid=0), Isolation(run_as_non_root=True, user="1000")) == [("needed", "user", False)]


def test_kubernetes_does_not_look_names_up() -> None:
    isolation = Isolation(run_as_non_root=True)
    assert found(ImageNeeds(user="web", uid=101), isolation) == [("needed", "run_as_non_root", True)]
    assert found(ImageNeeds(user="web", uid=101), isolation, "docker") == []


def test_root_is_granted_where_the_image_has_a_user_of_its_own() -> None:
    assert ("granted", "user", True) in found(ImageNeeds(**OWN_USER), Isolation(user="0"))


@pytest.mark.parametrize(
    ("form", "isolation", "expected"),
    [
        ("kubernetes", Isolation(), [("needed", "capabilities_dropped", False)]),
        ("docker", Isolation(), []),
        ("docker", Isolation(host_network=True), [("needed", "capabilities_dropped", True)]),
        ("kubernetes", Isolation(user="0"), [("granted", "user", True)]),
    ],
)
def test_low_ports_need_a_right_where_not_everybody_has_it(
    form: WorkloadFormat, isolation: Isolation, expected: list[tuple[str, str, bool]]
) -> None:
    assert found(ImageNeeds(user="1000", uid=1000, ports=("80/tcp", "8080/tcp")), isolation, form) == expected


def test_root_without_capabilities_may_not_open_low_ports_either() -> None:
    needs = ImageNeeds(uid=0, ports=("80/tcp",))
    assert found(needs, Isolation(capabilities_dropped=("ALL",))) == [("needed", "capabilities_dropped", False)]
    assert found(needs, Isolation(capabilities_dropped=("ALL",), capabilities_added=("NET_BIND_SERVICE",))) == []


def test_ports_and_their_capability_are_granted_where_the_image_exposes_others() -> None:
    needs = ImageNeeds(uid=0, ports=("8080/tcp",))
    isolation = Isolation(capabilities_added=("NET_BIND_SERVICE",), ports=("9000/tcp", "8080/tcp"))
    assert found(needs, isolation) == [("granted", "capabilities_added", True), ("granted", "ports", True)]


def test_a_way_to_more_rights_is_not_needed_where_the_start_reaches_none() -> None:
    assert found(ImageNeeds(**OWN_USER), Isolation(no_new_privileges=False)) == [
        ("granted", "capabilities_dropped", True), ("granted", "no_new_privileges", True),
    ]  # fmt: skip
    assert found(ImageNeeds(**OWN_USER), Isolation(no_new_privileges=True, capabilities_dropped=("ALL",))) == []
    unknown = ImageNeeds(user="1000", uid=1000)
    assert found(unknown, Isolation(no_new_privileges=False)) == []


def test_setuid_files_that_are_reached_need_to_gain_privileges() -> None:
    needs = ImageNeeds(user="1000", uid=1000, setuid=("/usr/bin/sudo",), capable={"/usr/bin/ping": ("NET_RAW",)})
    isolation = Isolation(no_new_privileges=True, capabilities_dropped=("ALL",))
    assert found(needs, isolation) == [
        ("needed", "capabilities_dropped", False),
        ("needed", "no_new_privileges", False),
    ]


def test_a_volume_of_the_image_needs_a_place_to_write_where_the_root_is_read_only() -> None:
    needs = ImageNeeds(uid=0, volumes=("/data/", "/var/cache"))
    isolation = Isolation(read_only_root=True, writable_paths=("/var",))
    assert found(needs, isolation) == [("needed", "read_only_root", False)]
    assert found(needs, isolation, "docker") == []
    assert found(needs, Isolation(read_only_root=False)) == []


@pytest.mark.parametrize(("user", "expected"), [("", 7), ("root", 0), ("5", 5), ("web", None), ("\u0665", None)])
def test_the_workloads_user_counts_before_the_images(user: str, expected: int | None) -> None:
    assert effective_uid(ImageNeeds(uid=7), Isolation(user=user)) == expected


@given(
    uid=st.none() | st.integers(0, 3),
    user=st.sampled_from(("", "0", "5", "web")),
    flags=st.tuples(*[st.none() | st.booleans()] * 4),
    ports=st.lists(st.sampled_from(("80/tcp", "8080/tcp", "x")), max_size=2).map(tuple),
)
def test_findings_are_sorted_and_none_stands_twice(
    uid: int | None, user: str, flags: tuple[bool | None, ...], ports: tuple[str, ...]
) -> None:
    isolation = Isolation(
        user=user, run_as_non_root=flags[0], no_new_privileges=flags[1], privileged=flags[2], read_only_root=flags[3]
    )
    each = joint_findings(
        ImageNeeds(uid=uid, ports=ports, volumes=("/v",), setuid=(), capable={}), isolation, "kubernetes"
    )
    assert list(each) == sorted(set(each))
