"""What a run of a service opened, as strace tells it, and the page of all services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.services.history import advisories_of
from bench.services.page import Measured, page
from bench.services.runs import opened

LOG = """\
10 execve("/usr/bin/podman", ["podman"], 0x1 /* 2 vars */) = 0
10 openat(AT_FDCWD</work>, "/etc/host", O_RDONLY) = 3</etc/host>
10 clone(child_stack=NULL, flags=CLONE_VM) = 11
10 clone(child_stack=NULL, flags=CLONE_VM) = 12
11 execve("/usr/sbin/shop", ["shop"], 0x1 /* 2 vars */) = -1 ENOENT (No such file or directory)
11 execve("/usr/bin/shop", ["shop"], 0x1 /* 2 vars */ <unfinished ...>
12 openat(AT_FDCWD</>, "/etc/monitor", O_RDONLY) = 3</etc/monitor>
11 <... execve resumed>) = 0
11 openat(AT_FDCWD</>, "lib/../libc.so", O_RDONLY|O_CLOEXEC) = 3</usr/lib/libc.so>
11 openat(AT_FDCWD</>, "/none", O_RDONLY) = -1 ENOENT (No such file or directory)
11 openat(AT_FDCWD</>, "/late", O_RDONLY <unfinished ...>
14 openat(AT_FDCWD</>, "/of/a/child", O_RDONLY) = 3</of/a/child>
11 <... openat resumed>) = 4</late>
11 clone3({flags=CLONE_VM}, 88) = 2 /* 14 in strace's PID NS */
12 openat(AT_FDCWD</>, "/etc/monitor", O_RDONLY) = 3</etc/monitor>
14 execve("/bin/sh", ["sh"], 0x1 /* 2 vars */) = 0
12 clone(child_stack=NULL) = 15
15 execve("/usr/bin/crun", ["crun"], 0x1 /* 2 vars */) = 0
"""


def test_what_the_command_and_its_children_open_counts_and_nothing_of_the_runtime(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    expected = ["/usr/bin/shop", "/usr/lib/libc.so", "/of/a/child", "/late", "/bin/sh"]
    assert list(opened(tmp_path / "log", "shop")) == expected
    assert list(opened(tmp_path / "log", "other")) == []


def measured(**changes: Any) -> Measured:
    def total(count: int) -> dict[str, int]:
        return {"files": count, "bytes": count * 1_000_000, "packages": 1}

    document = {
        "totals": {"reachable": total(10), "unknown": total(1), "unreachable": total(89)},
        "packages": [{"reach": reach, "reason": ""} for reach in ("reachable", "unknown", "unreachable")],
        "programs": [{"reach": "unreachable", "kinds": ["setuid"], "reason": ""}],
        "matches": [{"advisory": f"CVE-{n}"} for n in range(10)],
        "vanish": [f"CVE-{n}" for n in range(9)],
        "syscalls": {"calls": [{}] * 144, "engines_allow": 304, "unsure": []},
    }
    plain = {
        "name": "shop",
        "document": document,
        "seconds": 1.0,
        "opened": 200,
        "missed": [],
        "asked": 4,
        "differing": [],
    }
    return Measured(**{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "| opened files that were foreseen | 99.5 % | 100.00 % | yes |"),
        ({"missed": ["/a", "/b"]}, "| opened files that were foreseen | 99.5 % | 99.00 % | **no** |"),
        ({"missed": ["/a", "/b"]}, "- shop opened `/b`"),
        ({"differing": ["GET /: 200 <> nothing"]}, "| services whose residue answers alike | all | 0 of 1 | **no** |"),
        ({}, "| shop | 3 → 1 + 1 | - | 100 → 11 | 100 → 11 | -89 % | 1 → 0 | 10 → 1 | 1.0 |"),
        ({"confined": ["GET /: 200 <> nothing"]}, "| shop | 144 | yes | 3 of 4 | - |"),
        ({}, "| CVEs gone, median (an aim) | 80 % | 90 % | yes |"),
    ],
)
def test_the_page_says_what_holds_and_names_what_does_not(changes: dict[str, Any], line: str) -> None:
    assert line in page([measured(**changes)]).splitlines()


def test_each_cve_that_changelogs_name_is_one_advisory_that_no_version_mends() -> None:
    found = advisories_of({"b": {"CVE-1": {"version": "1"}, "CVE-2": {}}, "a": {"CVE-1": {}}})
    assert [each["id"] for each in found] == ["CVE-1", "CVE-2"]
    assert [each["package"]["name"] for each in found[0]["affected"]] == ["a", "b"]
    assert found[1]["affected"][0]["ranges"] == [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
