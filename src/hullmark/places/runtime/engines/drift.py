"""Drift: what a running container has that its image has not. Each change that matters is an event, told once.

What is compared is a container's own layer with its image: volumes, temporary file systems and bind mounts are not in it. Engines tell of
it over their API (`EngineFiles`); elsewhere it is read on the machine itself (runtime.containerd.overlay).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hullmark.model.limit import Limit
from hullmark.model.place import PlaceEvent
from hullmark.net.errors import AnswerTooLarge
from hullmark.places.runtime.engines.api import EngineApi, EngineRefused, StrangeAnswer
from hullmark.places.runtime.engines.files import ContainerFile, FileStat, UnreadableFile, read_file

_MOST_CHANGES = Limit(20_000, "changed files of a container that are looked at", "unseen")
_MOST_BYTES = Limit(1 << 30, "bytes of a container's changed files that are read in one look", "unseen")
_MOST_EVENTS = Limit(500, "events of one look at a container's files", "shortened")
_MOST_TOLD = Limit(5_000, "events of drift of one container that an agent tells while it runs", "unseen")
_LONGEST_KEY = 100
_CHANGED, _ADDED = 0, 1
_SHELLS = frozenset(
    (
        *("ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "ksh93", "lksh", "mksh", "nu", "oksh", "pdksh"),
        *("posh", "pwsh", "rbash", "sh", "tcsh", "toybox", "xonsh", "yash", "zsh"),
    )
)
_OWN_SHELLS = ("/bin/sh", "/bin/bash", "/bin/dash", "/bin/busybox", "/bin/zsh", "/usr/bin/ksh")
"""Shells of images, which somebody may copy under another name."""
_DATABASES = {
    "/var/lib/dpkg/status": "dpkg",
    "/usr/lib/apk/db/installed": "apk",
    "/lib/apk/db/installed": "apk",
    "/var/lib/rpm/rpmdb.sqlite": "rpm",
    "/var/lib/rpm/Packages": "rpm",
    "/var/lib/rpm/Packages.db": "rpm",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite": "rpm",
    "/usr/lib/sysimage/rpm/Packages.db": "rpm",
    "/var/lib/pacman/local/ALPM_DB_VERSION": "pacman",
}
_DATABASE_FOLDERS = {"/var/lib/dpkg/info": "dpkg", "/var/lib/pacman/local": "pacman", "/var/lib/dpkg/status.d": "dpkg"}


@dataclass
class DriftMemory:
    """What was seen of one container's files, so that only what changed since is read again. It is bounded whatever a container does to
    its files: it is kept for each container of a host."""

    stats: dict[str, FileStat] = field(default_factory=dict)
    shells: frozenset[str] | None = None
    told: set[tuple[str, str]] = field(default_factory=set)
    looked_at: datetime | None = None


class FoundChanges(NamedTuple):
    """What a container has that its image has not, as engines tell it (ContainerChanges): `Path`, and `Kind` 0 for what the image has too,
    1 for what is new, 2 for what is gone. `unseen` says what could not be seen, as a clause; "": nothing more has changed."""

    changes: Sequence[Mapping[str, Any]]
    unseen: str = ""


class ContainerFiles(Protocol):
    """The files of containers."""

    def changes(self, container: str) -> FoundChanges:
        """What a container has that its image has not. Raises NetError."""

    def read(self, container: str, path: str, known: FileStat | None = None) -> ContainerFile | None:
        """A file of a container; None where it is gone. Its body is read if the file can be run, and is not `known` as it is.

        Raises UnreadableFile, EngineRefused, and other NetError.
        """


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """The files of an engine's containers, as it hands them out."""

    api: EngineApi

    def changes(self, container: str) -> FoundChanges:
        """As ContainerFiles."""
        return FoundChanges(self.api.changes(container))

    def read(self, container: str, path: str, known: FileStat | None = None) -> ContainerFile | None:
        """As ContainerFiles."""
        return read_file(self.api, container, path, known)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a container's files."""

    files: ContainerFiles
    container: str
    memory: DriftMemory
    at: datetime


def drift_of(files: ContainerFiles, container: str, memory: DriftMemory, at: datetime) -> tuple[PlaceEvent, ...]:
    """What is new in a container's files since the last look with this memory. Where they cannot be looked at whole, an event says so.

    Raises Unreachable, TimedOut, Cut where the engine does not answer.
    """
    look = _Look(files, container, memory, at)
    found: list[PlaceEvent] = []
    try:
        for event in _events(look):
            if len(found) >= _MOST_EVENTS:
                found.append(
                    _make_unseen_event(look, f"more than {_MOST_EVENTS} changes matter, the others are reported later")
                )
                break
            found.append(event)
    except EngineRefused as error:
        if error.status != 404:  # else it has ended meanwhile
            found.append(_make_unseen_event(look, f"the engine does not tell what changed: {error}"))
    except (AnswerTooLarge, StrangeAnswer, UnreadableFile) as error:
        found.append(_make_unseen_event(look, str(error)))
    had = len(memory.told)
    told = tuple(event for event in found if _is_new(memory, event))
    if had <= _MOST_TOLD < len(memory.told):
        told += (_make_unseen_event(look, f"more than {_MOST_TOLD} changes matter, and no more of them are reported"),)
    return told


def _is_new(memory: DriftMemory, event: PlaceEvent) -> bool:
    key = (event.subject, event.summary)
    if key in memory.told or len(memory.told) > _MOST_TOLD:
        return False
    memory.told.add(key)
    return True


def _events(look: _Look) -> Iterator[PlaceEvent]:
    told = look.files.changes(look.container)
    changed = _changed_paths(told.changes)
    yield from _package_managers(look, changed)
    keys = {path: _key(path) for path in changed}
    still = set(keys.values())
    look.memory.stats = {key: stat for key, stat in look.memory.stats.items() if key in still}
    left = int(_MOST_BYTES)
    for number, (path, kind) in enumerate(changed.items()):
        if number >= _MOST_CHANGES or left <= 0:
            yield _make_unseen_event(look, "too much has changed to be looked at whole")
            return
        known = look.memory.stats.get(keys[path])
        try:
            file = look.files.read(look.container, path, known)
        except (EngineRefused, UnreadableFile) as error:
            yield _make_unseen_event(look, f"{path[:200]}: {error}")
            continue
        if file is None or file.stat == known:
            continue
        left -= file.stat.size if file.sha256 else 0
        yield from _of_file(look, path, kind, file)
        look.memory.stats[keys[path]] = file.stat  # once all of it was told: what is cut off here comes again later
    if told.unseen:
        yield _make_unseen_event(look, told.unseen)


def _key(path: str) -> str:
    """What stands for a path in memory."""
    return path if len(path) <= _LONGEST_KEY else hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def _changed_paths(changes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The files that are new or changed, with the kind of change, without the folders that others lie in."""
    found: dict[str, int] = {}
    folders: set[str] = set()
    for change in changes:
        path, kind = change.get("Path"), change.get("Kind")
        if not isinstance(path, str) or not path.startswith("/"):
            continue
        folders.add(path.rpartition("/")[0])
        if kind in (_CHANGED, _ADDED):
            found[path] = int(kind)
    return {path: kind for path, kind in sorted(found.items()) if path not in folders}


def _package_managers(look: _Look, changed: dict[str, int]) -> Iterator[PlaceEvent]:
    ran = {_DATABASES[path] for path in changed if path in _DATABASES}
    ran |= {
        manager
        for folder, manager in _DATABASE_FOLDERS.items()
        if any(path.startswith(f"{folder}/") for path in changed)
    }
    for manager in sorted(ran):
        yield _event(look, manager, f"{manager} changed which packages are installed")


def _of_file(look: _Look, path: str, kind: int, file: ContainerFile) -> Iterator[PlaceEvent]:
    """What a file that is new or changed means."""
    if file.stat.kind != "file":
        return
    digest = f" (sha256:{file.sha256})" if file.sha256 else ""
    if file.stat.is_setuid:
        bits = "setuid" if file.stat.mode & 0o4000 else "setgid"
        was = "new" if kind == _ADDED else "changed"
        yield _event(look, path, f"a {was} file is {bits}: mode {file.stat.mode:04o}{digest}")
    if not file.stat.is_executable:
        return
    if not file.sha256:
        yield _event(
            look, path, f"an executable of {file.stat.size} bytes is not the image's; it is too large to be read"
        )
        return
    if kind == _ADDED:
        shell = _is_shell(look, path, file)
        what = "a shell was put there that is not the image's" if shell else "an executable is not the image's"
        yield _event(look, path, f"{what}{digest}")
    else:
        what = "a program" if file.runs else "an executable file"
        yield _event(look, path, f"{what} of the image was changed{digest}")


def _is_shell(look: _Look, path: str, file: ContainerFile) -> bool:
    if path.rpartition("/")[2] in _SHELLS or file.is_shell:
        return True
    if look.memory.shells is None:
        look.memory.shells = frozenset(_shells_of(look))
    return file.sha256 in look.memory.shells


def _shells_of(look: _Look) -> Iterator[str]:
    """The digests of the shells that the image itself has."""
    for path in _OWN_SHELLS:
        try:
            file = look.files.read(look.container, path)
            if file is not None and file.stat.kind == "other":
                file = _follow_shell_link(look, path)
        except (EngineRefused, UnreadableFile):
            continue
        if file is not None and file.sha256:
            yield file.sha256


def _follow_shell_link(look: _Look, path: str) -> ContainerFile | None:
    """What a link of a shell usually leads to."""
    for target in ("/usr/bin/dash", "/usr/bin/bash", "/bin/busybox") if path == "/bin/sh" else ():
        file = look.files.read(look.container, target)
        if file is not None and file.sha256:
            return file
    return None


def _event(look: _Look, subject: str, summary: str) -> PlaceEvent:
    return PlaceEvent(kind="drift", container=look.container, subject=subject[:1000], summary=summary, at=look.at)


def _make_unseen_event(look: _Look, reason: str) -> PlaceEvent:
    summary = f"the container's files were not looked at whole: {reason}"
    return PlaceEvent(kind="problem", container=look.container, subject="drift", summary=summary, at=look.at)
