"""Every file that a package records, checked by the package's own tool: dpkg --verify and rpm -V."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.native.answer import inside, real, run
from bench.native.rpm import database

_UNREADABLE = re.compile(r"cannot compute MD5 digest for file '([^']+)'").search
_FAULT = re.compile(r"^(missing|[A-Z0-9.?]{9})\s+(?:[acdglmr]\s+)?(/.*)$", re.MULTILINE)
_RPM_FILES = "[%{FILESTATES:fstate}\\t%{FILEFLAGS:fflags}\\t%{FILENAMES}\\n]"
_FINE = ("ok", "unverified")
_CHANGED = ("changed", "config-changed")


@dataclass(frozen=True, slots=True)
class FileTruth:
    """How many recorded paths were checked, how many are not as recorded, and where Hullmark says otherwise."""

    tool: str
    checked: int
    faults: int
    wrong: tuple[str, ...]


def ask_dpkg(root: Path, document: Mapping[str, Any]) -> FileTruth:
    """dpkg --verify, over every path of the packages' lists."""
    lists = (root / "var/lib/dpkg/info").glob("*.list")
    recorded = {line for each in lists for line in each.read_text("utf-8", "replace").splitlines() if line != "/."}
    return _truth("dpkg --verify", root, recorded, _dpkg_faults(root), document)


def _dpkg_faults(root: Path) -> dict[str, str]:
    """Path → missing or changed. dpkg gives up where a folder stands in a file's place: that is noted and taken away."""
    replaced: dict[str, str] = {}
    while True:
        command = ["dpkg", f"--root={root}", "--verify"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        unreadable = _UNREADABLE(done.stderr)
        if unreadable is None:
            return _faults(done.stdout) | replaced
        shutil.rmtree(unreadable[1])
        Path(unreadable[1]).touch()
        replaced[inside(root, unreadable[1])] = "changed"


def ask_rpm(root: Path, document: Mapping[str, Any]) -> FileTruth:
    """rpm -V on all packages; owners, groups and times are not what Hullmark compares."""
    home = database(root)
    if home is None:
        raise SystemExit(f"{root} has no rpm database")
    query = ["rpm", "--root", str(root), "--dbpath", inside(root, home)]
    rows = [line.split("\t") for line in run([*query, "-qa", "--qf", _RPM_FILES]).splitlines()]
    # What rpm itself left out (documentation), and ghosts, need not be there.
    recorded = {path for state, flags, path in rows if state == "normal" and "g" not in flags}
    options = ("--nodeps", "--noscripts", "--nouser", "--nogroup", "--nomtime", "--nomode")
    return _truth("rpm -V", root, recorded, _faults(run([*query, "-Va", *options], statuses=(0, 1))), document)


def _faults(output: str) -> dict[str, str]:
    return {path: "missing" if flags == "missing" else "changed" for flags, path in _FAULT.findall(output)}


def _truth(
    tool: str, root: Path, recorded: Iterable[str], faults: Mapping[str, str], document: Mapping[str, Any]
) -> FileTruth:
    ours = {file["path"]: file["state"] for file in document["files"] if file["state"] != "ghost"}
    told = {place(root, path): faults.get(path, "ok") for path in recorded}
    told |= {place(root, path): fault for path, fault in faults.items()}
    wrong = [
        f"`{path}`: {tool} says {state}, hullmark {ours.get(path, 'nothing')}"
        for path, state in sorted(told.items())
        if not _agrees(state, ours.get(path, ""), root, path)
    ]
    wrong += [
        f"`{path}`: {tool} says nothing, hullmark {state}"
        for path, state in sorted(ours.items())
        if state in ("missing", *_CHANGED) and path not in told
    ]
    return FileTruth(tool, len(told), sum(state != "ok" for state in told.values()), tuple(wrong))


def _agrees(state: str, ours: str, root: Path, path: str) -> bool:
    if state == "missing":
        return ours == "missing"
    if state == "changed":
        return ours in _CHANGED
    # A folder that no layer lists is only there because something stands in it: Hullmark has no record of it.
    return ours in _FINE or (not ours and (root / path[1:]).is_dir())


def place(root: Path, path: str) -> str:
    """Where a path really is: links in its folder part followed."""
    folder, _, name = path.rpartition("/")
    return f"{real(root, folder).rstrip('/')}/{name}"


FILE_ORACLES: dict[str, tuple[Callable[[Path, Mapping[str, Any]], FileTruth], ...]] = {
    "nginx": (ask_dpkg,),
    "rpm-image": (ask_rpm,),
    "rpm-ndb": (ask_rpm,),
}
"""The images whose files are checked."""
