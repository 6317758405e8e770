"""What a run of a service opened, as strace tells it, and the page of all services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.services.history import advisories_of
from bench.services.main import owners
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
        "matches": [{"advisory": f"CVE-{n}", "package": f"pkg:deb/debian/lib{n % 5}%2B@1?arch=x"} for n in range(10)],
        "vanish": [f"CVE-{n}" for n in range(9)],
        "syscalls": {"calls": [{}] * 144, "engines_allow": 304, "unsure": []},
    }
    plain = {
        "name": "shop",
        "document": document,
        "seconds": 1.0,
        "opened": 200,
        "opened_bytes": 20_000_000,
        "opened_packages": ["lib0+"],
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
        ({}, "| shop | 3 → 1 + 1 | - | 100 → 11 | 100 → 11 | -89 % of 80 % | 1 → 0 | 10 → 1 of 2 | 1.0 |"),
        ({"confined": ["GET /: 200 <> nothing"]}, "| shop | 144 | yes | 3 of 4 | - |"),
        ({}, "| CVEs gone of those whose packages no run opened, median | - | 112 % | - |"),
        ({}, "| bytes gone of those that no run opened, median | - | 111 % | - |"),
        ({}, "Seconds are by the clock, and other work went on on the machine."),
        ({}, "| CVEs gone, median (an aim) | 80 % | 90 % | yes |"),
    ],
)
def test_the_page_says_what_holds_and_names_what_does_not(changes: dict[str, Any], line: str) -> None:
    assert line in page([measured(**changes)]).splitlines()


def test_a_quiet_machine_needs_no_word_about_it() -> None:
    assert "other work" in page([measured(load=0.2), measured(load=3.5)])
    assert "other work" not in page([measured(load=0.2)])


def test_files_are_owned_as_dpkgs_lists_say_wherever_usr_was_merged(tmp_path: Path) -> None:
    lists = tmp_path / "var/lib/dpkg/info"
    lists.mkdir(parents=True)
    (lists / "libc6:amd64.list").write_text("/.\n/lib/x/libc.so.6\n/etc/a\n/library/b\n")
    (lists / "mount.list").write_text("/bin/mount\n/usr/bin/umount\n")
    assert [(path, name) for path, name in owners(tmp_path) if path != "/."] == [
        ("/usr/lib/x/libc.so.6", "libc6"), ("/etc/a", "libc6"), ("/library/b", "libc6"), ("/usr/bin/mount", "mount"),
        ("/usr/bin/umount", "mount"),
    ]  # fmt: skip


def test_each_cve_that_changelogs_name_is_one_advisory_that_no_version_mends() -> None:
    found = advisories_of({"b": {"CVE-1": {"version": "1"}, "CVE-2": {}}, "a": {"CVE-1": {}}})
    assert [each["id"] for each in found] == ["CVE-1", "CVE-2"]
    assert [each["package"]["name"] for each in found[0]["affected"]] == ["a", "b"]
    assert found[1]["affected"][0]["ranges"] == [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
