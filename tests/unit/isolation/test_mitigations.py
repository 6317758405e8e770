"""What a place limits of a weakness: only what is told, and only where the weakness is of the kind."""

from __future__ import annotations

import pytest

from hullmark.isolation.mitigations import mitigations
from hullmark.model.isolation import Isolation, ResourceLimits

CAREFUL = Isolation(
    read_only_root=True,
    writable_paths=("/tmp",),  # noqa: S108 - a path of a container
    no_new_privileges=True,
    user_namespace=True,
    limits=ResourceLimits(memory=1 << 20, cpu=1500, pids=10),
)

MITIGATED = frozenset((
    "CWE-22", "CWE-23", "CWE-36", "CWE-59", "CWE-61", "CWE-73", "CWE-434", "CWE-552", "CWE-250", "CWE-266", "CWE-268", "CWE-269", "CWE-271",
    "CWE-272", "CWE-274", "CWE-400", "CWE-401", "CWE-770", "CWE-789", "CWE-1325", "CWE-407", "CWE-834", "CWE-835", "CWE-1333",
))  # fmt: skip
"""The weaknesses of which some setting limits the effect."""


@pytest.mark.parametrize(
    ("cwe", "expected"),
    [
        ("CWE-22", ["readOnlyRootFilesystem: files can be written only below /tmp"]),
        ("CWE-269", [
            "no-new-privileges: no setuid file gives more rights than the process has",
            "user namespace: root in the container is nobody on the host",
        ]),
        ("CWE-789", ["memory limit: at most 1048576 bytes of the host's memory are used up"]),
        ("CWE-835", ["CPU limit: at most 1.5 of the host's processors are used up"]),
        ("CWE-770", ["memory limit: at most 1048576 bytes of the host's memory are used up", "limit of processes: there are at most 10"]),
        ("CWE-787", []),
        ("CWE-79", []),
        ("", []),
    ],
)  # fmt: skip
def test_a_setting_limits_the_weaknesses_that_it_bears_on(cwe: str, expected: list[str]) -> None:
    assert list(mitigations(CAREFUL, [cwe])) == expected


def test_what_nobody_told_limits_nothing() -> None:
    assert mitigations(Isolation(), MITIGATED) == ()


def test_a_privileged_container_may_mount_its_root_anew() -> None:
    assert mitigations(Isolation(read_only_root=True, privileged=True), ["CWE-22"]) == ()
    assert mitigations(Isolation(read_only_root=True, privileged=False), ["CWE-22"]) == (
        "readOnlyRootFilesystem: files can be written nowhere",
    )
