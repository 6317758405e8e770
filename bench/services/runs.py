"""Runs of an image under podman: the answers to the workload, and every file that was opened meanwhile.

Each run has a network and mounts of its own (`unshare`). strace follows podman into the container; what it tells counts from where the
image's command is executed. Paths are as the container sees them: strace reads them of open descriptors.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from bench.services.applications import APPLICATIONS
from bench.services.asking import wait_for
from bench.services.images import checked
from bench.services.servers import SERVERS

SERVICES = {service.name: service for service in (*SERVERS, *APPLICATIONS)}
_LINE = re.compile(r"^(?P<pid>\d+) +(?:<\.\.\. )?(?P<call>\w+)")
_EXECUTED = re.compile(r'^\d+ +execve\("(?P<path>[^"]+)"')
_OPENED = re.compile(r"= \d+<(?P<path>/[^>]*)>$")
_BORN = re.compile(r"= (?P<own>\d+)(?: /\* (?P<pid>\d+) in strace's PID NS \*/)?$")
_OPENING = ("open", "openat", "openat2")
_BEARING = ("clone", "clone3", "fork", "vfork")


class Run(msgspec.Struct):
    """The answers to the workload, and the paths of the files that were opened or executed, sorted."""

    answers: list[str]
    opened: list[str]


def run(layout: Path, service: str, root: Path, work: Path, profile: str = "") -> Run:
    """Run the image of a layout with the workload of a service, under a profile of seccomp if one is named. `root` holds the files of the
    image as it was made."""
    work.mkdir(parents=True, exist_ok=True)
    result = work / "run.json"
    result.unlink(missing_ok=True)
    words = (sys.executable, "-m", "bench.services.runs", str(layout), service, str(root), str(work), profile)
    checked(("unshare", "--mount", "--net", "--kill-child", "--fork", *words))
    return msgspec.json.decode(result.read_bytes(), type=Run)


def opened(log: Path, command: str) -> Iterator[str]:
    """The paths that were opened or executed by the process that executes the command, from then on, and by its descendants."""
    lines = [(found["pid"], found["call"], line) for line in _lines(log) if (found := _LINE.match(line)) is not None]
    # A child may be heard of before the call that bears it returns.
    parents = {
        born["pid"] or born["own"]: pid
        for pid, call, line in lines
        if call in _BEARING and (born := _BORN.search(line)) is not None
    }
    first = ""
    begun: dict[str, str] = {}
    for pid, call, line in lines:
        if call == "execve":
            executed = _EXECUTED.match(line)
            path = executed["path"] if executed is not None else begun.pop(pid, "")
            if line.endswith("<unfinished ...>"):
                begun[pid] = path
            elif line.endswith(" = 0"):
                if path.rpartition("/")[2] == command.rpartition("/")[2]:
                    first = first or pid
                if _descends(pid, first, parents):
                    yield path
        elif call in _OPENING and _descends(pid, first, parents) and (file := _OPENED.search(line)) is not None:
            yield file["path"]


def _lines(log: Path) -> list[str]:
    return log.read_text("utf-8", "replace").splitlines()


def _descends(pid: str, first: str, parents: Mapping[str, str]) -> bool:
    while first and pid != first and pid in parents:
        pid = parents[pid]
    return pid == first


def _inside(layout: Path, name: str, root: Path, work: Path, profile: str) -> None:
    """The run itself, in the new namespaces."""
    service = SERVICES[name]
    # crun gives up where both generations of control groups are mounted; none is needed here.
    checked(("mount", "-t", "tmpfs", "none", "/sys/fs/cgroup"))
    checked(("ip", "link", "set", "lo", "up"))
    store = ("--root", str(work / "store"), "--runroot", str(work / "run"), "--cgroup-manager", "cgroupfs")
    podman = ("podman", *store, "--events-backend", "none")
    image = checked((*podman, "pull", "-q", f"oci:{layout}")).strip()
    log = work / "log"
    traced = ",".join((*_OPENING, *_BEARING, "execve"))
    strace = ("strace", "-f", "-y", "--pidns-translation", "-qq", "-o", str(log), "-e", f"trace={traced}")
    confined = ("--security-opt", f"seccomp={profile}") if profile else ()
    started = (*podman, "run", "--name", name, "--network", "host", "--cgroups", "disabled", *confined, image)
    # What strace looks at is its own matter under a profile: nobody looks then.
    process = subprocess.Popen(
        started if profile else (*strace, *started), stdout=subprocess.DEVNULL, stderr=(work / "stderr").open("wb")
    )
    try:
        wait_for(service.port)
        answers = service.ask(service.port, root)
        time.sleep(1)
    except SystemExit as error:
        raise SystemExit(f"{error}: {(work / 'stderr').read_text('utf-8', 'replace')[-1500:]}") from error
    finally:
        with suppress(SystemExit):
            checked((*podman, "kill", name))
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.send_signal(signal.SIGKILL)
        with suppress(SystemExit):
            checked((*podman, "rm", "-f", name))
            checked((*podman, "rmi", "-f", image))
    found = Run(answers, [] if profile else sorted(set(opened(log, service.command[0]))))
    (work / "run.json").write_bytes(msgspec.json.encode(found))


def main(words: Sequence[str]) -> None:
    """`layout service root work profile`, in namespaces of its own."""
    layout, service, root, work, profile = words
    _inside(Path(layout), service, Path(root), Path(work), profile)


if __name__ == "__main__":
    main(sys.argv[1:])
