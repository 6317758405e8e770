"""Gate `files`: which files exist, with what permissions, and who owns them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from operator import attrgetter
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.capabilities import capability_names
from hullmark.model.inventory import FileRecord
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.files import SETGID, SETUID
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import Mode, NameGlob, Pattern, Size

FileType = Literal["file", "dir", "symlink", "char", "block", "fifo"]

Paths = Annotated[tuple[PathGlob, ...], Meta(description="The files that the rule is about.")]
OnlyPaths = Annotated[tuple[PathGlob, ...], Meta(description="Only these files; none: all files.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
FileTypes = Annotated[tuple[FileType, ...], Meta(description="Only files of these types; none: all types.")]
Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]

_EVERYWHERE = (PathGlob("/**"),)
_TYPE, _UID = attrgetter("type"), attrgetter("uid")


class _About(Params, frozen=True, kw_only=True):
    """Selects some files, except those left out."""

    paths: Paths
    allow: Allow = ()
    types: FileTypes = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class ForbiddenFiles(_About, frozen=True, kw_only=True):
    """Fires for each file that matches one of the paths and meets all other conditions given."""

    pattern: Annotated[Pattern | None, Meta(description="Only files whose path has a match of this.")] = None
    sha256: Annotated[tuple[str, ...], Meta(description="Only files with one of these digests; none: any.")] = ()
    except_sha256: Annotated[tuple[str, ...], Meta(description="Not files with one of these digests.")] = ()
    modes: Annotated[
        tuple[Mode, ...], Meta(description="Only files with exactly one of these permission bits; none: any.")
    ] = ()
    except_modes: Annotated[tuple[Mode, ...], Meta(description="Not files with one of these permission bits.")] = ()


class RequiredFiles(Params, frozen=True, kw_only=True):
    """Fires for each path that no file matches."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Each must match at least one file.")]
    types: FileTypes = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class ModeBits(_About, frozen=True, kw_only=True):
    """Fires for each file whose permission bits are not as required. Symbolic links are left out, because their bits have no effect."""

    forbidden: Annotated[Mode | None, Meta(description="None of these bits may be set.")] = None
    required: Annotated[Mode | None, Meta(description="All of these bits must be set.")] = None
    exactly: Annotated[Mode | None, Meta(description="These bits must be set and no others.")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forbidden is None and self.required is None and self.exactly is None:
            raise ValueError("expected forbidden, required or exactly: without one of them it never fires")


class Owner(_About, frozen=True, kw_only=True):
    """Fires for each file whose owner is not one of the users, or whose group is not one of the groups."""

    uids: Annotated[tuple[Id, ...], Meta(description="Users it may belong to; none: any.")] = ()
    gids: Annotated[tuple[Id, ...], Meta(description="Groups it may belong to; none: any.")] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.uids and not self.gids:
            raise ValueError("expected uids or gids: without one of them it never fires")


class OwningPackage(_About, frozen=True, kw_only=True):
    """Fires for each file that no package installed, or none of the named packages."""

    packages: Annotated[tuple[NameGlob, ...], Meta(description="Packages that may own it; none: any package.")] = ()


class PrivilegedFiles(Params, frozen=True, kw_only=True):
    """Fires for each regular file that runs with the rights of its owner or group, whoever starts it (setuid or setgid)."""

    allow: Allow = ()
    setuid: Annotated[bool, Meta(description="Whether the setuid bit counts.")] = True
    setgid: Annotated[bool, Meta(description="Whether the setgid bit counts.")] = True

    def __post_init__(self) -> None:
        if not self.setuid and not self.setgid:
            raise ValueError("expected setuid or setgid to count: without one of them it never fires")


class WorldWritable(Params, frozen=True, kw_only=True):
    """Fires for each file and folder that every user may write to. Folders with the sticky bit, such as /tmp, are left out."""

    allow: Allow = ()


class Capabilities(Params, frozen=True, kw_only=True):
    """Fires for each file that gives whoever runs it some of root's rights (file capabilities)."""

    allow: Allow = ()
    names: Annotated[
        tuple[NameGlob, ...], Meta(description="Only these capabilities, such as cap_net_raw; none: any.")
    ] = ()


class TooLarge(Params, frozen=True, kw_only=True):
    """Fires for each file that is larger than `max`."""

    max: Annotated[Size, Meta(description="The largest size of a file.")]
    paths: OnlyPaths = ()
    allow: Allow = ()


class TooMany(Params, frozen=True, kw_only=True):
    """Fires if there are more than `max` files."""

    max: Annotated[int, Meta(ge=0, le=10**9, description="The largest number of files.")]
    paths: OnlyPaths = ()
    allow: Allow = ()
    types: FileTypes = ("file",)


def forbidden(params: ForbiddenFiles, facts: Facts) -> Iterator[Answer]:
    """Look for forbidden files."""
    modes = frozenset(mode.bits for mode in params.modes)
    left_out = frozenset(mode.bits for mode in params.except_modes)
    for file in _about(params, facts):
        if (modes and file.mode not in modes) or file.mode in left_out:
            continue
        if params.pattern is not None and not params.pattern.is_in(file.path):
            continue
        if (params.sha256 or params.except_sha256) and file.type == "file" and not file.sha256:
            yield CannotTell(f"the digest of {file.path} is not known", facts.at_file(file))
        elif (not params.sha256 or file.sha256 in params.sha256) and file.sha256 not in params.except_sha256:
            yield Violation(file.path, f"The {_noun(file)} {file.path} must not be there.", facts.at_file(file))


def check_required_files(params: RequiredFiles, facts: Facts) -> Iterator[Answer]:
    """Look for required files."""
    for glob in params.paths:
        if not any(not params.types or file.type in params.types for file in facts.files.matching((glob,))):
            wanted = " or ".join(params.types) or "file"
            yield Violation(glob.text, f"There must be a {wanted} {glob}, and there is none.")


def mode_bits(params: ModeBits, facts: Facts) -> Iterator[Answer]:
    """Check permission bits."""
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
    """Check users and groups."""
    files = _about(params, facts)
    if not params.gids and params.uids:
        # Nearly all files have the right owner, so one call picks out the others.
        right = frozenset(params.uids)
        files = [file for file, uid in zip(files, map(_UID, files), strict=True) if uid not in right]
    for file in files:
        is_user_right = not params.uids or file.uid in params.uids
        is_group_right = not params.gids or file.gid in params.gids
        if not (is_user_right and is_group_right):
            detail = f"{file.uid}:{file.gid}"
            wanted = f"{_alternatives(params.uids)}:{_alternatives(params.gids)}"
            message = f"The {_noun(file)} {file.path} belongs to {detail}, and must belong to {wanted}."
            yield Violation(file.path, message, facts.at_file(file, detail))


def owning_package(params: OwningPackage, facts: Facts) -> Iterator[Answer]:
    """Check the packages that files came with."""
    for file in _about(params, facts):
        package = facts.packages_by_purl.get(file.owner) if file.owner else None
        if file.owner is None:
            message = f"The {_noun(file)} {file.path} came with no package."
            yield Violation(file.path, message, facts.at_file(file))
        elif params.packages and not any(glob.matches(package.name if package else "") for glob in params.packages):
            message = f"The {_noun(file)} {file.path} came with {facts.owner_of(file)}, which is not one of the packages that may own it."
            yield Violation(file.path, message, facts.at_file(file, file.owner))


def check_privileged_files(params: PrivilegedFiles, facts: Facts) -> Iterator[Answer]:
    """Check the setuid and setgid bits."""
    allow = PathGlobs(params.allow)
    counted = SETUID * params.setuid | SETGID * params.setgid
    for file in facts.files.privileged:
        if file.mode & counted and not allow.match(file.path):
            bits = " and ".join(n for bit, n in ((SETUID, "setuid"), (SETGID, "setgid")) if file.mode & bit)
            message = f"The file {file.path} is {bits} (mode {file.mode:04o}, owner {file.uid}:{file.gid})."
            yield Violation(file.path, message, facts.at_file(file, f"{file.mode:04o}"))


def world_writable(params: WorldWritable, facts: Facts) -> Iterator[Answer]:
    """Report what everybody may write to."""
    allow = PathGlobs(params.allow)
    for file in facts.files.world_writable:
        if not allow.match(file.path):
            message = f"The {_noun(file)} {file.path} can be written by every user (mode {file.mode:04o})."
            yield Violation(file.path, message, facts.at_file(file, f"{file.mode:04o}"))


def capabilities(params: Capabilities, facts: Facts) -> Iterator[Answer]:
    """Check file capabilities."""
    allow = PathGlobs(params.allow)
    for file in facts.files.with_capabilities:
        names = capability_names(file.capability) or (file.capability,)
        is_meant = not params.names or any(glob.matches(name) for glob in params.names for name in names)
        if is_meant and not allow.match(file.path):
            shown = ", ".join(names)
            yield Violation(
                file.path, f"The file {file.path} has the capabilities {shown}.", facts.at_file(file, shown)
            )


def size(params: TooLarge, facts: Facts) -> Iterator[Answer]:
    """Check sizes."""
    allow = PathGlobs(params.allow)
    for file in facts.files.matching(params.paths or _EVERYWHERE):
        if file.type == "file" and file.size > params.max.bytes and not allow.match(file.path):
            message = (
                f"The file {file.path} has {file.size} bytes ({file.size / 10**6:.1f} MB), and may have {params.max}."
            )
            yield Violation(file.path, message, facts.at_file(file, f"{file.size} bytes"))


def count(params: TooMany, facts: Facts) -> Iterator[Answer]:
    """Count files."""
    allow = PathGlobs(params.allow)
    found = [
        file
        for file in facts.files.matching(params.paths or _EVERYWHERE)
        if (not params.types or file.type in params.types) and not allow.match(file.path)
    ]
    if len(found) > params.max:
        place = ", ".join(glob.text for glob in params.paths or _EVERYWHERE)
        message = f"There are {len(found)} files at {place}, and there may be {params.max}."
        yield Violation(f"count:{place}", message, (Evidence(detail=f"{len(found)} files"),))


def _about(params: _About, facts: Facts) -> list[FileRecord]:
    files = facts.files.matching(params.paths)
    if params.types:
        files = list(compress(files, map(frozenset(params.types).__contains__, map(_TYPE, files))))
    allow = PathGlobs(params.allow)
    return [file for file in files if not allow.match(file.path)] if params.allow else files


def _digests(params: ForbiddenFiles) -> frozenset[Need]:
    return frozenset((Need.DIGESTS,)) if params.sha256 or params.except_sha256 else frozenset()


def _noun(file: FileRecord) -> str:
    return {"dir": "folder", "symlink": "link", "char": "device", "block": "device", "fifo": "pipe"}.get(
        file.type, "file"
    )


def _alternatives(ids: tuple[int, ...]) -> str:
    return "|".join(map(str, ids)) if ids else "any"


def _delete(params: Params, subject: str) -> str:
    return f"remove {subject}"


def _add(params: RequiredFiles, subject: str) -> str:
    return f"add {subject}"


def _set_mode(params: ModeBits, subject: str) -> str:
    if params.exactly is not None:
        return f"chmod {params.exactly} {subject}"
    added = f"+{params.required.bits:04o}" if params.required is not None else ""
    taken = f"-{params.forbidden.bits:04o}" if params.forbidden is not None else ""
    return f"chmod {','.join(filter(None, (added, taken)))} {subject}"


def _change_owner(params: Owner, subject: str) -> str:
    group = f":{params.gids[0]}" if params.gids else ""
    return f"chown {params.uids[0] if params.uids else ''}{group} {subject}"


def _drop_bits(params: PrivilegedFiles, subject: str) -> str:
    bits = ",".join(bit for bit, is_counted in (("u-s", params.setuid), ("g-s", params.setgid)) if is_counted)
    return f"chmod {bits} {subject}"


def _close(params: WorldWritable, subject: str) -> str:
    return f"chmod o-w {subject}"


def _uncap(params: Capabilities, subject: str) -> str:
    return f"setcap -r {subject}"


_FILES = frozenset((Need.FILES,))

TRIGGERS = (
    Trigger(
        gate="files",
        name="forbidden",
        params=ForbiddenFiles,
        check=forbidden,
        needs=_FILES,
        also_needs=_digests,
        advice=_delete,
    ),
    Trigger(gate="files", name="required", params=RequiredFiles, check=check_required_files, needs=_FILES, advice=_add),
    Trigger(gate="files", name="mode", params=ModeBits, check=mode_bits, needs=_FILES, advice=_set_mode),
    Trigger(gate="files", name="owner", params=Owner, check=owner, needs=_FILES, advice=_change_owner),
    Trigger(
        gate="files",
        name="owning_package",
        params=OwningPackage,
        check=owning_package,
        looks_at=frozenset(("files", "owners")),
        needs=_FILES,
    ),
    Trigger(
        gate="files",
        name="setuid",
        params=PrivilegedFiles,
        check=check_privileged_files,
        needs=_FILES,
        advice=_drop_bits,
    ),
    Trigger(
        gate="files", name="world_writable", params=WorldWritable, check=world_writable, needs=_FILES, advice=_close
    ),
    Trigger(gate="files", name="capabilities", params=Capabilities, check=capabilities, needs=_FILES, advice=_uncap),
    Trigger(gate="files", name="size", params=TooLarge, check=size, needs=_FILES, advice=_delete),
    Trigger(gate="files", name="count", params=TooMany, check=count, needs=_FILES),
)
