"""Evidence from outside: what was opened, beside what is reached."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.reach.observed import ObservedPaths, observed_paths
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_walk import BASE, program

STRACE = rb"""execve("/usr/sbin/nginx", ["nginx"], 0x7ffe /* 8 vars */) = 0
openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
[pid    12] openat(AT_FDCWD, "/no/such", O_RDONLY) = -1 ENOENT (No such file or directory)
12 open("/a\"b\303\244\x41\n", O_RDONLY) = 4
13 09:10:11.123456 openat(AT_FDCWD</srv>, "page.html", O_RDONLY <unfinished ...>
12    openat(7</etc/nginx>, "nginx.conf", O_RDONLY) = 5</etc/nginx/nginx.conf>
13 <... openat resumed>) = 9
14 openat(AT_FDCWD, "/gone", O_RDONLY <unfinished ...>
14 <... openat resumed>) = -1 ENOENT
openat(AT_FDCWD, "relative", O_RDONLY) = 3
stat("/not/opened", {...}) = 0
+++ exited with 0 +++
"""
PROFILE = {
    "kind": "ApplicationProfile",
    "spec": {
        "containers": [
            {
                "imageID": "r.example/shop@sha256:1",
                "opens": [{"path": "/etc/hosts", "flags": ["O_RDONLY"]}, {"path": "/proc/\u22ef/stat"}],
                "execs": [{"path": "/srv/shop", "args": ["/srv/shop"]}],
            },
            {"imageID": "r.example/other@sha256:2", "imageTag": "r.example/other:1", "opens": [{"path": "/other"}]},
        ]
    },
}


def test_a_trace_names_what_could_be_opened() -> None:
    names = ["/usr/sbin/nginx", "/etc/ld.so.cache", '/a"b\u00e4A\n', "/srv/page.html", "/etc/nginx/nginx.conf"]
    assert observed_paths(STRACE) == ObservedPaths(tuple(sorted(names)), 1)


def test_a_profile_counts_for_the_containers_of_the_image() -> None:
    data = json.dumps(PROFILE).encode()
    assert observed_paths(data, ["r.example/other:1"]) == ObservedPaths(("/other",))
    assert observed_paths(data, ["sha256:1"]) == ObservedPaths(("/etc/hosts", "/srv/shop"), 1)
    everything = ("/etc/hosts", "/other", "/srv/shop")
    assert observed_paths(data, ["r.example/third:1"]).paths == everything
    assert observed_paths(json.dumps({"kind": "List", "items": [PROFILE]}).encode()).paths == everything
    assert observed_paths(b'["/a", "b"]') == ObservedPaths(("/a",), 1)


@pytest.mark.parametrize(
    "data", [b"", b"nothing\n", b"{}", b"[1]", b'{"spec": {"containers": [7]}}', b"{", b"[" * 100_000]
)
def test_a_record_that_names_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(HullmarkError):
        observed_paths(data)


@given(st.one_of(st.binary(), st.binary().map(lambda data: b'/a\n1 openat(AT_FDCWD, "' + data)))
def test_any_record_is_read_or_refused(data: bytes) -> None:
    try:
        assert all(path.startswith("/") for path in observed_paths(data).paths)
    except HullmarkError:
        assert b"/a" not in data.split(b"\n")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_what_strace_writes_here_is_read(tmp_path: Path) -> None:
    file, log = tmp_path / "a \u00fc.txt", tmp_path / "log"
    file.write_text("x")
    command = ["strace", "-f", "-y", "-o", str(log), "-e", "trace=open,openat,execve", "sh", "-c", "cat *.txt; cat /no"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    if ran.stdout != b"x":
        pytest.skip("programs may not be traced here")
    paths = observed_paths(log.read_bytes()).paths
    assert str(file) in paths
    assert "/no" not in paths
    assert any(path.endswith("/cat") for path in paths)


def test_what_was_opened_is_reached_and_a_miss_is_named() -> None:
    files = {
        **BASE,
        "/srv/web": program("libm.so.6"),
        "/lib/libm.so.6": program(),
        "/opt/a.dat": b"",
        "/opt/plugin": program("libm.so.6"),
    }
    owners = {"/srv/web": "web", "/lib/libm.so.6": "libm", "/opt/plugin": "plugin", "/usr/bin/tool": "tool"}
    paths = ("/opt/plugin", "/proc/self/stat", "/srv/web")
    found = walked(files, ("/srv/web",), owners=owners, observed=ObservedPaths(paths, 2))
    use = found.observed
    assert use is not None
    assert (use.opened, use.missed, use.elsewhere, use.unclear) == (2, ("/opt/plugin",), 1, 2)
    assert use.idle == ("pkg:deb/debian/libm@1",)
    assert reach_of(found)["/opt/plugin"] == "reachable"
    assert reach_of(found)["/usr/bin/tool"] == "unreachable"
    [plugin] = [package for package in found.packages if package.name == "plugin"]
    assert [step.why for step in plugin.witness] == ["was opened when it was observed"]
