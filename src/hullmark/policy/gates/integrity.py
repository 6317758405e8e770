"""Gate `integrity`: files against the packages they came with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.policy.facts import Facts
from hullmark.policy.files import EXECUTABLE
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob

_LIBRARIES = PathGlobs((PathGlob("*.so"), PathGlob("*.so.*")))
_MAINTAINER_SCRIPTS = PathGlobs(
    PathGlob(f"/var/lib/dpkg/info/*.{kind}") for kind in ("config", "postinst", "postrm", "preinst", "prerm")
)

Paths = Annotated[tuple[PathGlob, ...], Meta(description="Only these files; none: all files.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
Packages = Annotated[tuple[NameGlob, ...], Meta(description="Only files of these packages; none: of all packages.")]


class Changed(Params, frozen=True, kw_only=True):
    """Fires for each file that is not as its package installed it."""

    paths: Paths = ()
    allow: Allow = ()
    packages: Packages = ()
    settings: Annotated[bool, Meta(description="Whether changed configuration files count too.")] = False


class Missing(Params, frozen=True, kw_only=True):
    """Fires for each file that a package installed and that is not there any more."""

    paths: Paths = ()
    allow: Allow = ()
    packages: Packages = ()


class UnownedExecutables(Params, frozen=True, kw_only=True):
    """Fires for each file that can be executed and came with no package. Packages' own installation scripts are left out."""

    paths: Paths = ()
    allow: Allow = ()
    libraries: Annotated[bool, Meta(description="Whether shared libraries without the right to execute count too.")] = (
        False
    )


class Ghosts(Params, frozen=True, kw_only=True):
    """Fires for each file that a later layer deleted or replaced: no container sees it, whoever has the image does."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="The files it is about.")]
    allow: Allow = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


def changed(params: Changed, facts: Facts) -> Iterator[Answer]:
    """Look at what packages' own digests say."""
    if facts.files.has_state("unverified") and not facts.files.has_state("ok", "changed", "config-changed"):
        yield CannotTell("the files were not compared with their packages' digests")
    for state in ("changed", "config-changed") if params.settings else ("changed",):
        for file in _of_packages(params, facts, state):
            message = f"The file {file.path} is not as {facts.owner_of(file)} installed it."
            yield Violation(file.path, message, facts.at_file(file, file.owner or ""))


def missing(params: Missing, facts: Facts) -> Iterator[Answer]:
    """Look at what packages say should be there."""
    for file in _of_packages(params, facts, "missing"):
        message = f"The file {file.path}, which {facts.owner_of(file)} installed, is not there."
        yield Violation(file.path, message, facts.at_file(file, file.owner or ""))


def unowned_executables(params: UnownedExecutables, facts: Facts) -> Iterator[Answer]:
    """Look at what came with no package."""
    for file in _selected(params.paths, params.allow, facts, "unowned"):
        is_counted = file.mode & EXECUTABLE or (params.libraries and _LIBRARIES.match(file.path))
        if file.type == "file" and is_counted and not _MAINTAINER_SCRIPTS.match(file.path):
            message = f"The executable {file.path} ({file.size} bytes) came with no package."
            yield Violation(file.path, message, facts.at_file(file, file.sha256))


def ghosts(params: Ghosts, facts: Facts) -> Iterator[Answer]:
    """Look at what was deleted on the way."""
    for file in _selected(params.paths, params.allow, facts, "ghost"):
        message = f"The file {file.path} was deleted or replaced by a later layer, and is still in layer {file.layer} of the image."
        yield Violation(file.path, message, facts.at_file(file))


def _of_packages(params: Changed | Missing, facts: Facts, state: str) -> Iterator[FileRecord]:
    for file in _selected(params.paths, params.allow, facts, state):
        package = facts.packages_by_purl.get(file.owner or "")
        if not params.packages or (package and any(glob.matches(package.name) for glob in params.packages)):
            yield file


def _selected(
    paths: tuple[PathGlob, ...], allow: tuple[PathGlob, ...], facts: Facts, state: str
) -> Iterator[FileRecord]:
    wanted, left_out = PathGlobs(paths), PathGlobs(allow)
    for file in facts.files.in_state(state):
        if (not paths or wanted.match(file.path)) and not left_out.match(file.path):
            yield file


_FILES = frozenset((Need.FILES,))
_ALL_LAYERS = frozenset((Need.FILES, Need.GHOSTS))
_COMPARED = frozenset((Need.FILES, Need.DIGESTS))

TRIGGERS = (
    Trigger(gate="integrity", name="changed", params=Changed, check=changed, needs=_COMPARED),
    Trigger(gate="integrity", name="missing", params=Missing, check=missing, needs=_FILES),
    Trigger(
        gate="integrity", name="unowned_executables", params=UnownedExecutables, check=unowned_executables, needs=_FILES
    ),
    Trigger(gate="integrity", name="ghosts", params=Ghosts, check=ghosts, needs=_ALL_LAYERS),
)
