"""Grades: each row of the table has the grade, the best possible one, and the reasons that are written there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.isolation.grades import assess, is_below, lower_to_host
from hullmark.isolation.patches import patch_of
from hullmark.model.isolation import GRADES, Grade, Isolation, Workload, WorkloadContainer
from tests.support.workloads import GradedWorkload, table

TABLE = tuple(table())


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.format}: {row.name}" for row in TABLE])
def test_a_workload_has_the_grade_of_the_table(row: GradedWorkload) -> None:
    _, container = row.read()
    found = assess(container.isolation)
    assert (found.grade, found.at_most) == (row.grade, row.at_most), found
    expected = {each.setting for each in found.missing} if row.grade in ("host", "default") else set()
    assert expected == set(row.by), found


def test_the_table_has_every_grade_and_sixty_rows() -> None:
    assert {row.grade for row in TABLE} == set(GRADES)
    assert len(TABLE) >= 60
    assert len({(row.format, row.name) for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=[f"{row.format}: {row.name}" for row in TABLE])
def test_a_grade_has_a_reason_and_says_what_is_missing_unless_it_is_the_best(row: GradedWorkload) -> None:
    found = assess(row.read()[1].isolation)
    assert found.reasons
    assert bool(found.missing) == (found.grade != GRADES[-1])


def test_nobody_told_is_the_worst_grade() -> None:
    found = assess(Isolation())
    assert (found.grade, found.at_most) == ("host", "vm")


def test_the_images_user_decides_where_the_workload_names_none() -> None:
    isolation = Isolation(
        boundary="process",
        privileged=False,
        seccomp="runtime-default",
        apparmor="runtime-default",
        user_namespace=False,
        host_pid=False,
        host_ipc=False,
        host_network=False,
        unmasked_proc=False,
        capabilities_dropped=("ALL",),
        no_new_privileges=True,
    )
    assert [assess(isolation, uid).grade for uid in (None, 0, 1000)] == ["default", "default", "hardened"]
    assert [assess(isolation, uid).at_most for uid in (None, 0, 1000)] == ["hardened", "default", "hardened"]
    assert assess(replace(isolation, user="0"), 1000).grade == "default"


@pytest.mark.parametrize(
    ("user", "grade"),
    [("0", "default"), ("000", "default"), ("root", "default"), ("nginx", "default"), ("\u0660", "default"), ("1", "hardened")],
)  # fmt: skip
def test_only_a_number_other_than_zero_is_certainly_not_root(user: str, grade: Grade) -> None:
    isolation = _best_by_the_kernel(user)
    assert assess(isolation).grade == grade


def _best_by_the_kernel(user: str) -> Isolation:
    told = dict.fromkeys(
        ("privileged", "host_pid", "host_ipc", "host_network", "unmasked_proc", "user_namespace"), False
    )
    return Isolation(
        **told,  # type: ignore[arg-type]  # each is a flag
        boundary="process",
        seccomp="runtime-default",
        selinux="container_t",
        capabilities_dropped=("ALL",),
        no_new_privileges=True,
        user=user,
    )


def test_a_known_way_out_of_the_host_counts_for_all_that_share_its_kernel() -> None:
    by_grade = {row.grade: assess(row.read()[1].isolation) for row in TABLE}
    text = "runc 1.1.11 can be left (CVE-2024-21626)"
    lowered = {grade: lower_to_host(found, text).grade for grade, found in by_grade.items()}
    assert lowered == {"host": "host", "default": "host", "hardened": "host", "sandboxed": "sandboxed", "vm": "vm"}
    assert lower_to_host(by_grade["hardened"], text).reasons[0].text == text


def test_escapes_that_an_agent_found_count_and_what_leaves_the_shared_kernel_helps() -> None:
    isolation = replace(_best_by_the_kernel("1000"), escapes=("CVE-2024-21626 (runc 1.1.11)",))
    found = assess(isolation)
    assert (found.grade, found.reasons[0].text) == ("host", "the host has a known escape: CVE-2024-21626 (runc 1.1.11)")
    assert assess(replace(isolation, boundary="vm", runtime="kata")).grade == "vm"
    patch = patch_of(Workload(format="docker", name="c"), WorkloadContainer(name="c", image="i", isolation=isolation))
    assert patch is not None
    assert (patch.grade, patch.text) == ("sandboxed", "+ --runtime=runsc\n")
    assert assess(replace(isolation, escapes=())).grade == "hardened"


_FLAG = st.sampled_from((None, False, True))
_NAMES = st.lists(st.sampled_from(("ALL", "SYS_ADMIN", "NET_ADMIN", "NET_BIND_SERVICE", "CHOWN")), max_size=3).map(
    tuple
)
_ANY = st.builds(
    Isolation,
    boundary=st.sampled_from(("process", "sandbox", "vm", "unknown")),
    privileged=_FLAG,
    capabilities_added=_NAMES,
    capabilities_dropped=st.sampled_from(((), ("ALL",))),
    seccomp=st.sampled_from(("", "unconfined", "runtime-default", "custom (allows what it does not name)")),
    apparmor=st.sampled_from(("", "unconfined", "runtime-default")),
    selinux=st.sampled_from(("", "disabled", "spc_t", "container_t")),
    user_namespace=_FLAG,
    host_pid=_FLAG,
    host_ipc=_FLAG,
    host_network=_FLAG,
    unmasked_proc=_FLAG,
    no_new_privileges=_FLAG,
    run_as_non_root=_FLAG,
    user=st.sampled_from(("", "0", "1000", "web")),
)
_SETTINGS = {
    "privileged": (False, True),
    "user_namespace": (True, False),
    "host_pid": (False, True),
    "host_ipc": (False, True),
    "host_network": (False, True),
    "unmasked_proc": (False, True),
    "no_new_privileges": (True, False),
    "seccomp": ("runtime-default", "unconfined"),
    "apparmor": ("runtime-default", "unconfined"),
    "boundary": ("vm", "sandbox", "process"),
    "user": ("1000", "0"),
}


@given(isolation=_ANY)
def test_what_is_possible_is_never_worse_than_what_is_certain(isolation: Isolation) -> None:
    found = assess(isolation)
    assert not is_below(found.at_most, found.grade)


@given(isolation=_ANY, setting=st.sampled_from(sorted(_SETTINGS)), data=st.data())
def test_whatever_is_told_later_is_within_what_was_said_before(
    isolation: Isolation, setting: str, data: st.DataObject
) -> None:
    untold = replace(
        isolation,
        **{setting: {"boundary": "unknown"}.get(setting, "" if setting in ("seccomp", "apparmor", "user") else None)},
    )
    before = assess(untold)
    after = assess(replace(untold, **{setting: data.draw(st.sampled_from(_SETTINGS[setting]))}))
    assert not is_below(before.at_most, after.grade), (before, after)


@given(isolation=_ANY, setting=st.sampled_from(sorted(_SETTINGS)))
def test_a_better_setting_is_never_a_worse_grade(isolation: Isolation, setting: str) -> None:
    grades = [GRADES.index(assess(replace(isolation, **{setting: value})).grade) for value in _SETTINGS[setting]]
    assert grades == sorted(grades, reverse=True)
