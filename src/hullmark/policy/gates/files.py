"""Gate `files`: which files are there, with what rights, whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.policy.facts import Facts
from hullmark.policy.files import SETGID, SETUID
from hullmark.policy.gate import Answer, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import Mode, NameGlob

FileType = Literal["file", "dir", "symlink", "char", "block", "fifo"]

Paths = Annotated[tuple[PathGlob, ...], Meta(description="The files it is about.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
FileTypes = Annotated[tuple[FileType, ...], Meta(description="Only files of these types; none: all types.")]
Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _About(Params, frozen=True, kw_only=True):
    """Some files, and some of them left out."""

    paths: Paths
    allow: Allow = ()
    types: FileTypes = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class Forbidden(_About, frozen=True, kw_only=True):
    """Fires for each file that one of the paths fits."""


class Required(Params, frozen=True, kw_only=True):
    """Fires for each path that no file fits."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Each must fit at least one file.")]
    types: FileTypes = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class ModeBits(_About, frozen=True, kw_only=True):
    """Fires for each file whose permission bits are not as wanted. Symbolic links have none that count, and are left out."""

    forbidden: Annotated[Mode | None, Meta(description="None of these bits may be set.")] = None
    required: Annotated[Mode | None, Meta(description="All of these bits must be set.")] = None
    exactly: Annotated[Mode | None, Meta(description="These bits must be set and no others.")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forbidden is None and self.required is None and self.exactly is None:
            raise ValueError("expected forbidden, required or exactly: without one of them it never fires")


class Owner(_About, frozen=True, kw_only=True):
    """Fires for each file that does not belong to one of the users, or not to one of the groups."""

    uids: Annotated[tuple[Id, ...], Meta(description="Users it may belong to; none: any.")] = ()
    gids: Annotated[tuple[Id, ...], Meta(description="Groups it may belong to; none: any.")] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.uids and not self.gids:
            raise ValueError("expected uids or gids: without one of them it never fires")


class OwningPackage(_About, frozen=True, kw_only=True):
    """Fires for each file that was not installed by a package, or by none of the named ones."""

    packages: Annotated[tuple[NameGlob, ...], Meta(description="Packages that may own it; none: any package.")] = ()


class Privileged(Params, frozen=True, kw_only=True):
    """Fires for each regular file that runs with the rights of its owner or group, whoever starts it."""

    allow: Allow = ()
    setuid: Annotated[bool, Meta(description="Whether the setuid bit counts.")] = True
    setgid: Annotated[bool, Meta(description="Whether the setgid bit counts.")] = True

    def __post_init__(self) -> None:
        if not self.setuid and not self.setgid:
            raise ValueError("expected setuid or setgid to count: without one of them it never fires")


class WorldWritable(Params, frozen=True, kw_only=True):
    """Fires for each file and folder that every user may write. Folders with the sticky bit, as /tmp, are left out."""

    allow: Allow = ()


class Capabilities(Params, frozen=True, kw_only=True):
    """Fires for each file that gives whoever runs it a part of root's rights (file capabilities)."""

    allow: Allow = ()


def forbidden(params: Forbidden, facts: Facts) -> Iterator[Answer]:
    """Look for files that must not be."""
    for file in _about(params, facts):
        yield Violation(file.path, f"The {_noun(file)} {file.path} must not be there.", facts.at_file(file))


def required(params: Required, facts: Facts) -> Iterator[Answer]:
    """Look for files that must be."""
    for glob in params.paths:
        if not any(not params.types or file.type in params.types for file in facts.files.matching((glob,))):
            wanted = " or ".join(params.types) or "file"
            yield Violation(glob.text, f"There must be a {wanted} {glob}, and there is none.")


def mode_bits(params: ModeBits, facts: Facts) -> Iterator[Answer]:
    """Look at permission bits."""
    for file in _about(params, facts):
        reason = "" if file.type == "symlink" else _wrong_mode(params, file.mode)
        if reason:
            message = f"The {_noun(file)} {file.path} has the mode {file.mode:04o}, {reason}."
            yield Violation(file.path, message, facts.at_file(file, f"{file.mode:04o}"))


def _wrong_mode(params: ModeBits, mode: int) -> str:
    if params.forbidden is not None and mode & params.forbidden.bits:
        return f"and none of {params.forbidden} may be set"
    if params.required is not None and params.required.bits & ~mode:
        return f"and all of {params.required} must be set"
    if params.exactly is not None and mode != params.exactly.bits:
        return f"and must have {params.exactly}"
    return ""


def owner(params: Owner, facts: Facts) -> Iterator[Answer]:
    """Look at users and groups."""
    for file in _about(params, facts):
        is_user_right = not params.uids or file.uid in params.uids
        is_group_right = not params.gids or file.gid in params.gids
        if not (is_user_right and is_group_right):
            detail = f"{file.uid}:{file.gid}"
            wanted = f"{_alternatives(params.uids)}:{_alternatives(params.gids)}"
            message = f"The {_noun(file)} {file.path} belongs to {detail}, and must belong to {wanted}."
            yield Violation(file.path, message, facts.at_file(file, detail))


def owning_package(params: OwningPackage, facts: Facts) -> Iterator[Answer]:
    """Look at the packages that files came with."""
    for file in _about(params, facts):
        package = facts.packages_by_purl.get(file.owner) if file.owner else None
        if file.owner is None:
            message = f"The {_noun(file)} {file.path} came with no package."
            yield Violation(file.path, message, facts.at_file(file))
        elif params.packages and not any(glob.matches(package.name if package else "") for glob in params.packages):
            message = f"The {_noun(file)} {file.path} came with {facts.owner_of(file)}, which is none of the packages that may own it."
            yield Violation(file.path, message, facts.at_file(file, file.owner))


def privileged(params: Privileged, facts: Facts) -> Iterator[Answer]:
    """Look at the setuid and setgid bits."""
    allow = PathGlobs(params.allow)
    counted = SETUID * params.setuid | SETGID * params.setgid
    for file in facts.files.privileged:
        if file.mode & counted and not allow.match(file.path):
            bits = " and ".join(n for bit, n in ((SETUID, "setuid"), (SETGID, "setgid")) if file.mode & bit)
            message = f"The file {file.path} is {bits} (mode {file.mode:04o}, owner {file.uid}:{file.gid})."
            yield Violation(file.path, message, facts.at_file(file, f"{file.mode:04o}"))


def world_writable(params: WorldWritable, facts: Facts) -> Iterator[Answer]:
    """Look at what everybody may write."""
    allow = PathGlobs(params.allow)
    for file in facts.files.world_writable:
        if not allow.match(file.path):
            message = f"The {_noun(file)} {file.path} can be written by every user (mode {file.mode:04o})."
            yield Violation(file.path, message, facts.at_file(file, f"{file.mode:04o}"))


def capabilities(params: Capabilities, facts: Facts) -> Iterator[Answer]:
    """Look at file capabilities."""
    allow = PathGlobs(params.allow)
    for file in facts.files.with_capabilities:
        if not allow.match(file.path):
            message = f"The file {file.path} has the capabilities {file.capability}."
            yield Violation(file.path, message, facts.at_file(file, file.capability))


def _about(params: _About, facts: Facts) -> Iterator[FileRecord]:
    allow = PathGlobs(params.allow)
    for file in facts.files.matching(params.paths):
        if params.types and file.type not in params.types:
            continue
        if not params.allow or not allow.match(file.path):
            yield file


def _noun(file: FileRecord) -> str:
    return {"dir": "folder", "symlink": "link", "char": "device", "block": "device", "fifo": "pipe"}.get(
        file.type, "file"
    )


def _alternatives(ids: tuple[int, ...]) -> str:
    return "|".join(map(str, ids)) if ids else "any"


_FILES = frozenset((Need.FILES,))

TRIGGERS = (
    Trigger(gate="files", name="forbidden", params=Forbidden, check=forbidden, needs=_FILES),
    Trigger(gate="files", name="required", params=Required, check=required, needs=_FILES),
    Trigger(gate="files", name="mode", params=ModeBits, check=mode_bits, needs=_FILES),
    Trigger(gate="files", name="owner", params=Owner, check=owner, needs=_FILES),
    Trigger(gate="files", name="owning_package", params=OwningPackage, check=owning_package, needs=_FILES),
    Trigger(gate="files", name="setuid", params=Privileged, check=privileged, needs=_FILES),
    Trigger(gate="files", name="world_writable", params=WorldWritable, check=world_writable, needs=_FILES),
    Trigger(gate="files", name="capabilities", params=Capabilities, check=capabilities, needs=_FILES),
)
