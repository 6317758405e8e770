"""Isolation facts are kept once, whoever tells them in which order, and graded by all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.isolation import GRADES, HostPath, Isolation
from hullmark.server.stories.places.grading import kept_facts

_CAPABILITIES = st.lists(st.sampled_from(["SYS_ADMIN", "NET_RAW", "CHOWN", "KILL"]), unique=True)


@given(_CAPABILITIES, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_told_makes_no_difference(names: list[str], chance: object) -> None:
    other = sorted(names, reverse=True)
    one = kept_facts(Isolation(capabilities_added=tuple(names), privileged=False))
    two = kept_facts(Isolation(capabilities_added=tuple(other), privileged=False))
    assert one == two


def test_what_nobody_told_is_not_kept_and_is_graded_worst() -> None:
    kept = kept_facts(Isolation())
    assert (kept.graded.facts, GRADES[kept.graded.grade]) == ({}, "host")


def test_long_lists_are_cut_but_count_whole() -> None:
    harmless = tuple(HostPath(path=f"/a/{number}", target=f"/a/{number}", read_only=True) for number in range(300))
    plain = Isolation(privileged=False, host_network=False, host_pid=False, host_ipc=False, unmasked_proc=False,
                      seccomp="runtime-default", host_paths=harmless)  # fmt: skip
    socket = HostPath(path="/var/run/docker.sock", target="/var/run/docker.sock")
    worse = Isolation(
        **{**{name: getattr(plain, name) for name in plain.__struct_fields__}, "host_paths": (*harmless, socket)}
    )
    one, two = kept_facts(plain), kept_facts(worse)
    assert len(two.graded.facts["host_paths"]) == 200
    assert one.digest != two.digest
    assert GRADES[two.graded.grade] == "host"
    assert GRADES[one.graded.grade] != "host"


def test_a_known_escape_of_the_host_lowers_the_grade() -> None:
    plain = Isolation(privileged=False, host_network=False, host_pid=False, host_ipc=False, unmasked_proc=False,
                      seccomp="runtime-default", escapes=("CVE-2024-21626",))  # fmt: skip
    kept = kept_facts(plain)
    assert GRADES[kept.graded.grade] == "host"
    assert "CVE-2024-21626" in kept.graded.reason
