"""Evidence from outside: which files a container really opened, in one of three forms.

* plain lines: an absolute path each
* what `strace -f -e trace=open,openat,execve` writes (strace(1)); with `-y` also paths relative to a folder
* an ApplicationProfile of Kubescape as JSON (`kubectl get applicationprofile -o json`; spec.containers[].opens and .execs), or a JSON
  list of paths
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reach import ObservedUse
from hullmark.reach.scene import Scene
from hullmark.reach.verdicts import Verdicts

MAX_BYTES = Limit(256 << 20, "bytes of a record of opened files", "refused")
_MAX_PATHS = Limit(500_000, "different paths in a record of opened files", "refused")
_LONGEST = Limit(16_384, "bytes of a line in a record of opened files (a longer one counts as unclear)", "shortened")
_CALL = re.compile(
    rb"(?:\[pid {1,9})?(\d{0,10})\]? {0,9}[\d.:]{0,40} {0,9}(?:open|openat|openat2|execve|execveat)\("
    rb"(?:(?:AT_FDCWD|\d{1,9})(?:<([^>]*)>)?, )?"
    rb'"((?:[^"\\]|\\.)*)"(.*)'
).match
_RESUMED = re.compile(rb"(?:\[pid {1,9})?(\d{0,10})\]? {0,9}[\d.:]{0,40} {0,9}<\.\.\. \w+ resumed>(.*)").match
_RESULT = re.compile(rb"\) += (-?\d+)").search
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
_DYNAMIC = ("⋯", "<dynamic>", "*")
"""What Kubescape writes for a part of a path that is another one each time."""

_KINDS = ("containers", "initContainers", "ephemeralContainers")
_WHY = "was opened when it was observed"


class ObservedPaths(msgspec.Struct, frozen=True):
    """The absolute paths that were opened, sorted, and how many places name no file for certain (relative, or with wildcards)."""

    paths: tuple[str, ...]
    unclear: int = 0


def observed_paths(data: bytes, names: Collection[str] = ()) -> ObservedPaths:
    """The paths of a record. Of a profile with several containers only those count that run one of the images `names` (references,
    digests), if any does. Raises HullmarkError for one that names no opened file, or too many."""
    begin = data.lstrip()[:1]
    found = _in_json(data, names) if begin in (b"{", b"[") and not data.startswith(b"[pid") else _in_lines(data)
    paths: set[str] = set()
    unclear = 0
    for path in found:
        if not path.startswith("/") or any(word in path for word in _DYNAMIC):
            unclear += 1
            continue
        paths.add(path)
        if len(paths) > _MAX_PATHS:
            raise HullmarkError(f"the record names more than {_MAX_PATHS:,} files", advice="record less")
    if not paths:
        raise HullmarkError(
            "the record names no opened file",
            advice="expected are absolute paths, what strace writes, or an ApplicationProfile as JSON",
        )
    return ObservedPaths(tuple(sorted(paths)), unclear)


def _in_lines(data: bytes) -> Iterator[str]:
    pending: dict[bytes, bytes] = {}
    for line in map(bytes.rstrip, io.BytesIO(data)):
        if len(line) > _LONGEST:
            yield ""
        elif line.startswith(b"/"):
            yield _text(line)
        else:
            yield from _in_call(line, pending)


def _in_call(line: bytes, pending: dict[bytes, bytes]) -> Iterator[str]:
    """The path that a line of strace opens; `pending` are those of calls that another thread interrupted."""
    resumed = _RESUMED(line)
    if resumed is not None:
        path, rest = pending.pop(resumed[1], b""), resumed[2]
    else:
        call = _CALL(line)
        if call is None:
            return
        folder, name = call[2] or b"", _ESCAPE.sub(_character, call[3])
        path = name if name.startswith(b"/") or not folder else folder.rstrip(b"/") + b"/" + name
        rest = call[4]
        if rest.rstrip().endswith(b"<unfinished ...>"):
            pending[call[1]] = path
            return
    result = _RESULT(rest)
    if path and result is not None and not result[1].startswith(b"-"):
        yield _text(path)


def _character(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes.fromhex(found[1].decode())
    if found[2]:
        return bytes([int(found[2], 8) & 0xFF])
    return _PLAIN.get(found[3], found[3])


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _in_json(data: bytes, names: Collection[str]) -> Iterator[str]:
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise HullmarkError(f"the record is not valid JSON: {error}", advice="see hullmark minimize --help") from error
    if isinstance(document, list) and all(isinstance(item, str) for item in document):
        yield from document
        return
    containers = list(_containers(document))
    ours = [container for container in containers if _is_of(container, names)]
    for container in ours or containers:
        for key in ("opens", "execs"):
            for entry in _list(container.get(key)):
                path = entry.get("path") if isinstance(entry, dict) else None
                if isinstance(path, str):
                    yield path


def _containers(document: object) -> Iterator[dict[str, Any]]:
    profiles = _list(document.get("items")) if isinstance(document, dict) else []
    for profile in profiles or [document]:
        spec: Any = profile.get("spec") if isinstance(profile, dict) else None
        for kind in _KINDS if isinstance(spec, dict) else ():
            yield from (container for container in _list(spec.get(kind)) if isinstance(container, dict))


def _is_of(container: dict[str, Any], names: Collection[str]) -> bool:
    told = [text for text in (container.get("imageID"), container.get("imageTag")) if isinstance(text, str) and text]
    return any(name and (name == text or text.endswith(f"@{name}")) for text in told for name in names)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def compare_observations(scene: Scene, verdicts: Verdicts, observed: ObservedPaths) -> ObservedUse:
    """What the walk made of the files that were opened: to be asked before `reach_observations` is called."""
    opened: set[str] = set()
    elsewhere = 0
    for path in observed.paths:
        record = scene.tree.file(path)
        if record is not None:
            opened.add(record.path)
        elif not scene.tree.find(path).real:
            elsewhere += 1
    reached = {
        path for path, found in scene.walk.found.items() if found.is_certain and scene.tree.files[path].type == "file"
    }
    idle = [
        package.purl
        for package in verdicts.packages()
        if package.reach == "reachable" and opened.isdisjoint(verdicts.owners.get(package.purl, ()))
    ]
    return ObservedUse(
        opened=len(opened),
        missed=tuple(sorted(path for path in opened if verdicts.of(path) == "unreachable")),
        unknown=tuple(sorted(path for path in opened if verdicts.of(path) == "unknown")),
        unopened=len(reached - opened),
        idle=tuple(idle),
        elsewhere=elsewhere,
        unclear=observed.unclear,
    )


def reach_observations(scene: Scene, paths: Iterable[str]) -> None:
    """What was opened is reached, whatever led there."""
    for path in paths:
        scene.walk.reach(path, _WHY)
