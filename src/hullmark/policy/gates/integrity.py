"""Gate `integrity`: compares files with the packages they came with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.model.package_files import PackageFiles
from hullmark.model.problem import Fact
from hullmark.policy.facts import Facts
from hullmark.policy.files import EXECUTABLE
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.package_files import IS_MAINTAINER_SCRIPT
from hullmark.policy.values import NameGlob, Share

_LIBRARIES = PathGlobs((PathGlob("*.so"), PathGlob("*.so.*")))
_SHOWN = 5

Paths = Annotated[tuple[PathGlob, ...], Meta(description="Only these files; none: all files.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
Packages = Annotated[tuple[NameGlob, ...], Meta(description="Only files of these packages; none: of all packages.")]
Types = Annotated[
    tuple[str, ...], Meta(description="Only files of packages of these purl types (deb, rpm …); none: of all types.")
]


class ChangedFiles(Params, frozen=True, kw_only=True):
    """Fires for each file that differs from what its package installed."""

    paths: Paths = ()
    allow: Allow = ()
    packages: Packages = ()
    types: Types = ()
    settings: Annotated[bool, Meta(description="Whether changed configuration files count too.")] = False


class MissingFiles(Params, frozen=True, kw_only=True):
    """Fires for each file that a package installed and that no longer exists."""

    paths: Paths = ()
    allow: Allow = ()
    packages: Packages = ()
    types: Types = ()


class UnownedExecutables(Params, frozen=True, kw_only=True):
    """Fires for each executable file that no package installed. Packages' own installation scripts are left out."""

    paths: Paths = ()
    allow: Allow = ()
    libraries: Annotated[bool, Meta(description="Whether shared libraries without the right to execute count too.")] = (
        False
    )


class Ghosts(Params, frozen=True, kw_only=True):
    """Fires for each file that a later layer deleted or replaced: containers do not see it, but anyone who has the image can read it."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="The files that the rule is about.")]
    allow: Allow = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class UnexplainedBytes(Params, frozen=True, kw_only=True):
    """Fires if the unexplained share of the bytes in the image's files is larger than `max`.

    Explained are files that a package installed, files that hold the record of a package, and the databases of the package managers.
    """

    max: Annotated[Share, Meta(description="The largest share of all bytes in files.")]
    allow: Allow = ()


def check_changed_files(params: ChangedFiles, facts: Facts) -> Iterator[Answer]:
    """Compare files with the digests of their packages."""
    if facts.files.has_state("unverified") and not facts.files.has_state("ok", "changed", "config-changed"):
        yield CannotTell("the files were not compared with their packages' digests")
    for state in ("changed", "config-changed") if params.settings else ("changed",):
        for file in _of_packages(params, facts, state):
            message = f"The file {file.path} is not as {facts.owner_of(file)} installed it."
            yield Violation(file.path, message, facts.at_file(file, file.owner or ""))


def missing(params: MissingFiles, facts: Facts) -> Iterator[Answer]:
    """Report files that packages list but that do not exist."""
    for file in _of_packages(params, facts, "missing"):
        if file.type == "dir" and (file.owner or "").startswith("pkg:apk/"):
            continue  # apk lists every folder above a file, including those that it did not create.
        message = f"The file {file.path}, which {facts.owner_of(file)} installed, is not there."
        yield Violation(file.path, message, facts.at_file(file, file.owner or ""))


def unowned_executables(params: UnownedExecutables, facts: Facts) -> Iterator[Answer]:
    """Report executables that came with no package."""
    for file in _select_files(params.paths, params.allow, facts, "unowned"):
        is_counted = file.mode & EXECUTABLE or (params.libraries and _LIBRARIES.match(file.path))
        if file.type == "file" and is_counted and not IS_MAINTAINER_SCRIPT(file.path):
            message = f"The executable {file.path} ({file.size} bytes) came with no package."
            yield Violation(file.path, message, facts.at_file(file, file.sha256))


def ghosts(params: Ghosts, facts: Facts) -> Iterator[Answer]:
    """Report files that later layers deleted or replaced."""
    for file in _select_files(params.paths, params.allow, facts, "ghost"):
        message = f"The file {file.path} was deleted or replaced by a later layer, and is still in layer {file.layer} of the image."
        yield Violation(file.path, message, facts.at_file(file))


def unexplained_bytes(params: UnexplainedBytes, facts: Facts) -> Iterator[Answer]:
    """Add up the sizes of unexplained files."""
    files = [file for file in facts.files.visible if file.type == "file"]
    known, left_out = PackageFiles(facts.inventory.packages), PathGlobs(params.allow)
    unexplained = [
        file for file in files if file.owner is None and not known.holds(file.path) and not left_out.match(file.path)
    ]
    total, odd = sum(file.size for file in files), sum(file.size for file in unexplained)
    if total and odd / total > params.max.number:
        largest = sorted(unexplained, key=lambda file: (-file.size, file.path))[:_SHOWN]
        message = (
            f"{odd / total:.1%} of the bytes in files ({odd / 10**6:.1f} of {total / 10**6:.1f} MB) came with nothing known, and "
            f"{params.max} may. The largest is {largest[0].path}."
        )
        evidence = tuple(place for file in largest for place in facts.at_file(file, f"{file.size} bytes"))
        yield Violation("bytes", message, evidence)


def _of_packages(params: ChangedFiles | MissingFiles, facts: Facts, state: str) -> Iterator[FileRecord]:
    for file in _select_files(params.paths, params.allow, facts, state):
        package = facts.packages_by_purl.get(file.owner or "")
        is_named = not params.packages or (package and any(glob.matches(package.name) for glob in params.packages))
        if is_named and (not params.types or (package and package.type in params.types)):
            yield file


def _select_files(
    paths: tuple[PathGlob, ...], allow: tuple[PathGlob, ...], facts: Facts, state: str
) -> Iterator[FileRecord]:
    wanted, left_out = PathGlobs(paths), PathGlobs(allow)
    for file in facts.files.in_state(state):
        if (not paths or wanted.match(file.path)) and not left_out.match(file.path):
            yield file


def _reinstall(params: ChangedFiles | MissingFiles, subject: str) -> str:
    return f"reinstall the package that {subject} belongs to"


def _package(params: UnownedExecutables, subject: str) -> str:
    return f"remove {subject}, or install it from a package"


def _rebuild(params: Ghosts, subject: str) -> str:
    return f"build so that no layer holds {subject}: delete it in the instruction that makes it"


_FILES = frozenset((Need.FILES,))
_ALL_LAYERS = frozenset((Need.FILES, Need.GHOSTS))
_OWNERS: frozenset[Fact] = frozenset(("files", "owners"))
_COMPARED = frozenset((Need.FILES, Need.DIGESTS))

TRIGGERS = (
    Trigger(
        gate="integrity",
        name="changed",
        params=ChangedFiles,
        check=check_changed_files,
        needs=_COMPARED,
        advice=_reinstall,
    ),
    Trigger(
        gate="integrity",
        name="missing",
        params=MissingFiles,
        check=missing,
        looks_at=_OWNERS,
        needs=_FILES,
        advice=_reinstall,
    ),
    Trigger(
        gate="integrity",
        name="unowned_executables",
        params=UnownedExecutables,
        check=unowned_executables,
        looks_at=_OWNERS,
        needs=_FILES,
        advice=_package,
    ),
    Trigger(gate="integrity", name="ghosts", params=Ghosts, check=ghosts, needs=_ALL_LAYERS, advice=_rebuild),
    Trigger(
        gate="integrity",
        name="unexplained_bytes",
        params=UnexplainedBytes,
        check=unexplained_bytes,
        looks_at=_OWNERS,
        needs=_FILES,
    ),
)
