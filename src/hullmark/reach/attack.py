"""Attack paths: an exposed port, the service behind it, the user it runs as, and what gives whoever takes it over more than that.

Whoever takes over a service may start any program that the image holds, whether or not the image's own start ever does. So a setuid
file (chmod(2), execve(2)), or one with capabilities (capabilities(7)), is a step where the user may run it; where it is unreachable it can
be left out, and the path ends there. A file that the start runs, and that the user may write or replace, runs again with what was put
into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hullmark.model.capabilities import capability_names
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit
from hullmark.model.reach import AttackKind, AttackPath, AttackStep
from hullmark.reach.scene import Scene
from hullmark.reach.verdicts import Verdicts

_MAX_STEPS = Limit(50, "files listed of one attack path; the others are counted", "shortened")
_WRITE, _RUN = 2, 1
_SETUID, _STICKY = 0o4000, 0o1000
_ROOT = "all rights of root in the container"
_FIELDS_OF_USER, _FIELDS_OF_GROUP = 4, 4


class ServiceUser(NamedTuple):
    """Who a service runs as: as it is written, its number (None: not known), and those of its groups."""

    name: str
    uid: int | None
    gids: frozenset[int]


def attack_paths(config: ImageConfig | None, verdicts: Verdicts) -> tuple[AttackPath, ...]:
    """The paths, by what they gain. None where nothing is started."""
    scene = verdicts.scene
    service = _service(config, scene) if config is not None else ""
    if config is None or not service:
        return ()
    user = user_of(config.user, scene)

    def path(kind: AttackKind, found: Iterable[str], gain: str) -> Iterator[AttackPath]:
        paths = sorted(found)
        if paths or kind == "root":
            yield AttackPath(
                kind=kind,
                ports=tuple(config.exposed_ports),
                service=service,
                user=user.name,
                uid=user.uid,
                through=tuple(AttackStep(path, verdicts.of(path)) for path in paths[:_MAX_STEPS]),
                count=len(paths),
                gain=gain,
            )

    if user.uid == 0:
        return tuple(path("root", (), _ROOT))
    found = [*path("setuid", _setuid(scene, user), _ROOT)]
    for gain, files in sorted(_capable(scene, user).items()):
        found += path("capability", files, gain)
    start = [started_file for started_file in _started_files(scene) if _may_change(scene, user, started_file)]
    return (*found, *path("start-up", start, f"it runs again, as {user.name}, at each start"))


def _service(config: ImageConfig, scene: Scene) -> str:
    """The program that is started. A script that is given a command, as start wrappers are, starts that."""
    words = (*config.entrypoint, *config.cmd)
    first = scene.tree.find(scene.program(words[0])).real if words and scene.program(words[0]) else ""
    behind = scene.program(config.cmd[0]) if config.entrypoint and config.cmd else ""
    if behind and first not in scene.facts.elves:
        real = scene.tree.find(behind).real
        found = scene.walk.found.get(real)
        return real if found is not None and found.is_certain else first
    return first


def user_of(text: str, scene: Scene) -> ServiceUser:
    """The user that the settings name (`USER[:GROUP]`, by name or number), with the groups that passwd(5) and group(5) give him."""
    name, _, group = text.partition(":")
    name = name or "0"
    uid, gids = _number(name), set[int]()
    for fields in _lines(scene, "/etc/passwd", _FIELDS_OF_USER):
        if name in (fields[0], fields[2]) and _number(fields[2]) is not None:
            uid = _number(fields[2])
            name = f"{fields[0]} ({fields[2]})"
            gids.update(number for number in (_number(fields[3]),) if number is not None)
            break
    login = name.partition(" ")[0]
    for fields in _lines(scene, "/etc/group", _FIELDS_OF_GROUP):
        number = _number(fields[2])
        if number is not None and (group in (fields[0], fields[2]) if group else login in fields[3].split(",")):
            gids = {*gids, number} if not group else {number}
    if _number(group) is not None:
        gids = {int(group)}
    shown = "root" if uid == 0 else name
    return ServiceUser(shown[:100], uid, frozenset(gids))


def _lines(scene: Scene, path: str, fields: int) -> Iterator[list[str]]:
    for line in (scene.text(path) or "").splitlines():
        parts = line.split(":")
        if len(parts) >= fields:
            yield parts


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("4294967295") else None


def may(user: ServiceUser, record: FileRecord, right: int) -> bool:
    """Whether a user has a right to a file by its permission bits. Of one whose number is not known those of all others count."""
    if user.uid == 0:
        return True
    if record.uid == user.uid:
        return bool(record.mode >> 6 & right)
    return bool(record.mode >> (3 if record.gid in user.gids else 0) & right)


def _may_enter(scene: Scene, user: ServiceUser, path: str) -> bool:
    """Whether the user may go through all folders above a file. Those that no layer lists are made for everybody."""
    while path := path.rpartition("/")[0]:
        record = scene.tree.files.get(path)
        if record is not None and not may(user, record, _RUN):
            return False
    return True


def _setuid(scene: Scene, user: ServiceUser) -> Iterator[str]:
    """Programs that run as root, whoever starts them. The kernel heeds the bit of no script."""
    for path, record in scene.tree.files.items():
        is_roots = record.type == "file" and record.uid == 0 and record.mode & _SETUID and path in scene.facts.elves
        if is_roots and may(user, record, _RUN) and _may_enter(scene, user, path):
            yield path


def _capable(scene: Scene, user: ServiceUser) -> dict[str, list[str]]:
    """Programs that give whoever starts them capabilities, by these."""
    found: dict[str, list[str]] = {}
    for path, record in scene.tree.files.items():
        if record.capability and may(user, record, _RUN) and _may_enter(scene, user, path):
            names = ", ".join(capability_names(record.capability)) or "capabilities that cannot be read"
            found.setdefault(names, []).append(path)
    return found


def _started_files(scene: Scene) -> Iterator[str]:
    """Programs, libraries and code that the start comes to for certain."""
    for path, found in scene.walk.found.items():
        record = scene.tree.files.get(path)
        is_code = path in scene.facts.elves or path in scene.facts.code
        if found.is_certain and is_code and record is not None and record.type == "file":
            yield path


def _may_change(scene: Scene, user: ServiceUser, path: str) -> bool:
    """Whether the user may write a file, or put another one in its place."""
    if not _may_enter(scene, user, path):
        return False
    record, folder = scene.tree.files[path], scene.tree.files.get(path.rpartition("/")[0])
    if may(user, record, _WRITE):
        return True
    if folder is None or not may(user, folder, _WRITE):
        return False
    return not folder.mode & _STICKY or user.uid in (record.uid, folder.uid)
