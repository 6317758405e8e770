"""The profile of system calls of a real image: what strace sees is in it, the image runs under it, and what is not in it is refused."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.unpack import unpacked
from hullmark.app.minimize import minimality_of, write_seccomp
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.reach import Minimality
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.reach.syscalls import SYSCALLS_READ
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from tests.oracle.test_reach import ASK, in_namespace, pytestmark
from tests.support.places import corpus

__all__ = ["pytestmark"]

_CALLED = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)", re.MULTILINE).findall
START = ("/usr/sbin/nginx", "-g", "daemon off;")


@pytest.fixture(scope="module")
def nginx() -> Iterator[Path]:
    with unpacked(corpus("oci", "nginx")) as root:
        yield root


@pytest.fixture(scope="module")
def found() -> Minimality:
    source, request = f"oci-dir:{corpus('oci', 'nginx')}", ReachRequest(syscalls=True)
    return minimality_of(source, request, None, "2026-11-30", ScanResources(), SourceOptions()).found


def test_every_system_call_that_nginx_makes_is_in_its_profile(nginx: Path, found: Minimality, tmp_path: Path) -> None:
    assert found.syscalls is not None
    assert found.syscalls.unsure == ()
    log = tmp_path / "log"
    in_namespace(
        nginx,
        f"""
        strace -f -o {log} chroot $ROOT {START[0]} -g '{START[2]}' &
        python3 -c '{ASK}'
        chroot $ROOT {START[0]} -s reload; sleep 1
        python3 -c '{ASK}'
        chroot $ROOT {START[0]} -s quit; sleep 1
        """,
    )
    text = log.read_text(errors="replace")
    made = set(_CALLED(text[text.index('execve("/usr/sbin/nginx"') - 20 :]))
    assert {"accept4", "epoll_wait", "execve", "setuid", "exit_group"} <= made
    assert made - {call.name for call in found.syscalls.calls} == set()
    # The profile is worth having only if it is much narrower than what engines allow anyway.
    assert len(found.syscalls.calls) < len(found.syscalls.default) / 2


PROGRAMS = (
    "/usr/bin/sort /etc/passwd",
    "/usr/bin/tar -cf /srv/etc.tar /etc",
    "/usr/bin/openssl speed -seconds 1 -multi 2 md5",
    "/usr/bin/bash -c 'for i in a b; do echo $i; done | /usr/bin/sort'",
    "/usr/bin/date",
    "/usr/bin/getent hosts localhost",
    "/usr/bin/find /etc -name hosts -exec /usr/bin/stat {} ;",
    "/usr/bin/gzip -kf /etc/passwd",
    "/usr/bin/dpkg -l",
    "/usr/bin/cp -a /etc/passwd /srv/copy",
    "/usr/bin/mktemp",
    "/usr/bin/timeout 1 /usr/bin/sleep 2",
    "/usr/bin/perl -e 'print join \",\", sort keys %ENV; sleep 0; fork'",
)


@functools.cache
def scanned() -> ScanResult:
    """The image, read once for all programs in it."""
    request = ScanRequest(files=True, relations=True, reads=(*REACH_READS, SYSCALLS_READ), facets=(CONFIGURATION,))
    return take(f"oci-dir:{corpus('oci', 'nginx')}", request, ScanResources(), SourceOptions())


@pytest.mark.parametrize("command", PROGRAMS)
def test_every_system_call_that_a_program_makes_is_told(nginx: Path, command: str, tmp_path: Path) -> None:
    image = scanned()
    facts = reach_facts(image.found, image.facets[CONFIGURATION.name].settings, None)
    told = minimality(image.inventory, facts, ReachRequest(roots=(command,), syscalls=True)).syscalls
    assert told is not None
    log, words = tmp_path / "log", shlex.split(command)
    subprocess.run(["strace", "-f", "-o", log, "chroot", nginx, *words], capture_output=True, check=False, timeout=60)
    text = log.read_text(errors="replace")
    made = set(_CALLED(text[text.index(f'execve("{words[0]}"') - 20 :]))
    assert len(made) > 20
    assert made - {call.name for call in (*told.calls, *told.refused)} == set()


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """podman, with a store of its own that is gone afterwards."""
    if not (runtime := shutil.which("runc")) or not shutil.which("podman") or not shutil.which("nsenter"):
        pytest.skip("podman, runc and nsenter are needed")
    store = ("podman", "--root", f"{tmp_path}/root", "--runroot", f"{tmp_path}/run", "--storage-driver", "vfs")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*store, "--cgroup-manager", "cgroupfs", "--runtime", runtime, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    yield call
    call("rm", "--all", "--force")


def test_nginx_serves_a_page_under_its_profile_and_what_is_not_in_it_is_refused(
    nginx: Path, found: Minimality, podman: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    assert "that engines allow by default" in write_seccomp(found, str(file), "refuse")
    bounds = ("--network=none", f"--security-opt=seccomp={file}", "--rootfs", str(nginx))
    name = f"hullmark-{uuid.uuid4().hex[:12]}"
    ran = podman("run", "--detach", f"--name={name}", *bounds, *START)
    if ran.returncode and "seccomp" not in ran.stderr:
        pytest.skip(f"podman runs no container here: {ran.stderr[-300:]}")
    assert ran.returncode == 0, ran.stderr
    process = podman("inspect", "--format={{.State.Pid}}", name).stdout.strip()
    ask = ["nsenter", "--target", process, "--net", "python3", "-c", ASK]
    assert subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "200"
    # symlinkat(): every engine allows it, and nginx has no use for it.
    assert "symlinkat" not in file.read_text()
    link = ("/usr/bin/ln", "-s", "there", "/srv/here")
    refused = podman("run", "--rm", *bounds, *link)
    assert refused.returncode == 1
    assert "Operation not permitted" in refused.stderr
    usual = json.loads(file.read_text())
    usual["syscalls"][0]["names"].append("symlinkat")
    file.write_text(json.dumps(usual))
    assert podman("run", "--rm", *bounds, *link).returncode == 0
