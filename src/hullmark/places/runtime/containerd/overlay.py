"""The own layer of a container of this machine: the upper folder of the overlay that is its root, where the kernel tells of one.

The Container Runtime Interface does not say what changed in a container. Its process's mounts do: proc_pid_mountinfo(5), and the kernel's
documentation of overlayfs for whiteouts and options. Nothing is followed out of a layer: every part of a path is opened by itself.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.places.runtime.engines.drift import FoundChanges
from hullmark.places.runtime.engines.files import (
    LARGEST_FILE,
    ContainerFile,
    FileKind,
    FileStat,
    UnreadableFile,
    describe_file,
)

_LARGEST_TABLE = Limit(
    4 << 20, "bytes of the table of mounts, or of control groups, of a container's process", "unseen"
)
_MOST_ENTRIES = Limit(30_000, "files and folders of a container's own layer that are walked", "unseen")
_MOST_DEPTH = Limit(128, "folders one in another, of a container's own layer", "unseen")
_OWN_LAYER = re.compile(r"/io\.containerd\.snapshotter\.v1\.[a-z0-9-]+/snapshots/\d+/fs$")
"""Where containerd keeps the own layers of containers: nothing else is looked at, whatever a process has mounted."""
_ESCAPED = re.compile(r"\\([0-7]{3})")
_CHANGED, _ADDED, _GONE = 0, 1, 2
_SHOWN = 3
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LayerFolders(NamedTuple):
    """The folders of an overlay: its own layer, and those below it, the uppermost first."""

    upper: str
    lower: tuple[str, ...]


def overlay_of(mountinfo: str) -> LayerFolders | None:
    """The layers of the root of a process by its table of mounts; None where it is not an engine's overlay."""
    found: LayerFolders | None = None
    for line in mountinfo.splitlines():
        fields, _, more = line.partition(" - ")
        kind, _, rest = more.partition(" ")
        if fields.split(" ")[4:5] == ["/"]:  # the last one is what the process sees
            found = _layers(_unescape(rest.partition(" ")[2])) if kind == "overlay" else None
    return found


def _layers(options: str) -> LayerFolders | None:
    upper, lower = "", list[str]()
    for option in options.split(","):
        name, _, value = option.partition("=")
        if name == "upperdir":
            upper = value
        elif name in ("lowerdir", "lowerdir+"):
            lower += value.split(":")
    if not _OWN_LAYER.search(upper) or "/../" in upper:
        return None
    # Long lists are told from the folder in which all layers are.
    base = PurePosixPath(upper).parent.parent
    return LayerFolders(upper, tuple(str(base / each) for each in lower if each))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files of containers of this machine. `host` is where its file system is, `processes` the first process of each container."""

    host: Path
    processes: Mapping[str, int]

    def changes(self, container: str) -> FoundChanges:
        """As ContainerFiles (runtime.engines.drift)."""
        layers = self._layers_of(container)
        with ExitStack() as opened:
            below = [self._open_folder(opened, folder) for folder in layers.lower]
            root = self._open_folder(opened, layers.upper)
            unread: list[str] = []
            found = list(islice(_walk_layer(root, unread), _MOST_ENTRIES + 1))
            told = [
                {"Path": f"/{path}", "Kind": _GONE if is_gone else _CHANGED if _is_there(below, path) else _ADDED}
                for path, is_gone in found[:_MOST_ENTRIES]
            ]
        if len(found) > _MOST_ENTRIES:
            unread.append("too much has changed to be looked at whole")
        return FoundChanges(told, "; ".join(unread[:_SHOWN]))

    def read(self, container: str, path: str, known: FileStat | None = None) -> ContainerFile | None:
        """As ContainerFiles (runtime.engines.drift)."""
        layers = self._layers_of(container)
        with ExitStack() as opened:
            for folder in (layers.upper, *layers.lower):
                root = self._open_folder(opened, folder)
                try:
                    found = _status(root, path.lstrip("/"))
                except OSError as error:
                    raise _unreadable(path, error) from error
                if found is not None:
                    return None if _is_whiteout(found) else _read(root, path.lstrip("/"), found, known)
        return None

    def _layers_of(self, container: str) -> LayerFolders:
        process = self.processes.get(container, 0)
        folder = self.host / "proc" / str(process)
        try:
            # A number may be another process's by now: control groups carry the container's id.
            is_its = container in _table(folder / "cgroup")
            found = overlay_of(_table(folder / "mountinfo")) if process > 0 and is_its else None
        except OSError as error:
            raise UnreadableFile(f"its process cannot be looked at: {error.strerror}") from error
        if found is None:
            raise UnreadableFile("its root is not an overlay that can be seen from here")
        return found

    def _open_folder(self, opened: ExitStack, folder: str) -> int:
        path = self.host / folder.lstrip("/")
        try:
            number = os.open(path, _FOLDER)
        except OSError as error:
            raise _unreadable(str(path), error) from error
        opened.callback(os.close, number)
        return number


def _table(file: Path) -> str:
    with file.open("rb") as stream:
        found = stream.read(_LARGEST_TABLE + 1)
    if len(found) > _LARGEST_TABLE:
        raise UnreadableFile("its process has too many mounts")
    return found.decode("utf-8", "surrogateescape")


def _walk_layer(root: int, unread: list[str]) -> Iterator[tuple[str, bool]]:
    """The paths in a layer, each behind the folder it is in, and whether it stands for something that is gone. What cannot be read is
    added to `unread`, as clauses."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        if folder.count("/") > _MOST_DEPTH:
            unread.append(f"folders are deeper than {_MOST_DEPTH} in one another")
            continue
        try:
            names = sorted(_names(root, folder))
        except OSError as error:
            unread.append(str(_unreadable(f"/{folder}", error)))
            continue
        for name in names:
            path = f"{folder}/{name}" if folder else name
            try:
                found = _status(root, path)
            except OSError as error:
                unread.append(str(_unreadable(f"/{path}", error)))
                continue
            if found is not None:  # else it has gone meanwhile
                yield path, _is_whiteout(found)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append(path)


def _names(root: int, folder: str) -> list[str]:
    with _inside(root, folder) as number:
        return [entry.name for entry in os.scandir(number)] if number >= 0 else []


@contextmanager
def _inside(root: int, folder: str) -> Iterator[int]:
    """A folder below another, opened part by part, so that no link leads away; -1 where there is none. Raises OSError."""
    with ExitStack() as opened:
        number = root
        for part in filter(None, folder.split("/")):
            try:
                number = os.open(part, _FOLDER, dir_fd=number)
            except (FileNotFoundError, NotADirectoryError):
                number = -1
                break
            opened.callback(os.close, number)
        yield number


def _status(root: int, path: str) -> os.stat_result | None:
    """What a file is; None where the layer has nothing there. Raises OSError."""
    folder, _, name = path.rpartition("/")
    with _inside(root, folder) as number:
        if number < 0 or name in ("", ".", ".."):
            return None
        try:
            return os.stat(name, dir_fd=number, follow_symlinks=False)
        except FileNotFoundError:
            return None


def _is_there(layers: Sequence[int], path: str) -> bool:
    """Whether the image has it: in the uppermost layer that says anything of it."""
    for layer in layers:
        try:
            found = _status(layer, path)
        except OSError as error:
            raise _unreadable(f"/{path}", error) from error
        if found is not None:
            return not _is_whiteout(found)
    return False


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _read(root: int, path: str, found: os.stat_result, known: FileStat | None) -> ContainerFile | None:
    kind: FileKind = "file" if stat.S_ISREG(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "other"
    # What is made later may have been given an older time of change, but never an older time of its inode's.
    told = FileStat(kind, stat.S_IMODE(found.st_mode), found.st_size, found.st_ctime)
    if not told.is_executable or told == known or told.size > LARGEST_FILE:
        return ContainerFile(told)
    folder, _, name = path.rpartition("/")
    with _inside(root, folder) as number:
        if number < 0:
            return None
        try:
            with os.fdopen(os.open(name, _FILE, dir_fd=number), "rb") as body:
                if not stat.S_ISREG(os.fstat(body.fileno()).st_mode):
                    raise UnreadableFile(f"/{path[:200]} was another a moment ago")
                return describe_file(told, body)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(f"/{path}", error) from error


def _unreadable(path: str, error: OSError) -> UnreadableFile:
    return UnreadableFile(
        f"{path[:200]} cannot be read: {error.strerror}", advice="the agent is to run as the host's root"
    )
