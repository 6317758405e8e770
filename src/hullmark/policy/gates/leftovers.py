"""Gate `leftovers`: tools that were needed to build the image and that help an intruder when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.policy.facts import Facts
from hullmark.policy.files import EXECUTABLE
from hullmark.policy.gate import Answer, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs

_FOLDERS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/busybox/")
_SHELLS = "sh ash bash busybox csh dash elvish fish ksh ksh93 mksh nu pwsh rbash tcsh toybox yash zsh"
_SYSTEM_MANAGERS = (
    "apk apt apt-get aptitude brew dnf dnf5 dpkg emerge flatpak microdnf nix-env opkg pacman rpm snap tdnf xbps-install "
    "yum zypper"
)
_LANGUAGE_MANAGERS = (
    "bundle bundler cargo composer conan conda corepack cpan easy_install gem go gradle mamba micromamba mvn npm npx pear pecl pip pip3 "
    "pipenv pnpm poetry uv yarn"
)
_CACHES = tuple(
    map(
        PathGlob,
        (
            "/var/cache/apt/*.bin", "/var/cache/apt/archives/*.deb", "/var/lib/apt/lists/*Packages*", "/var/cache/apk/*.gz",
            "/var/cache/dnf/**", "/var/cache/yum/**", "/var/cache/zypp/**", "/var/cache/pacman/pkg/**", "/root/.cache/pip/**",
            "/home/*/.cache/pip/**", "/root/.npm/_cacache/**", "/home/*/.npm/_cacache/**", "/root/.cache/go-build/**",
            "/root/.m2/repository/**", "/root/.gradle/caches/**", "/root/.cargo/registry/**", "/root/.cache/yarn/**",
        ),
    )
)  # fmt: skip

Paths = Annotated[tuple[PathGlob, ...], Meta(description="Additional files that count.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that may stay.")]


class Shell(Params, frozen=True, kw_only=True):
    """Fires for each shell that can be run."""

    paths: Paths = ()
    allow: Allow = ()


class PackageManager(Params, frozen=True, kw_only=True):
    """Fires for each package manager that can be run."""

    paths: Paths = ()
    allow: Allow = ()
    languages: Annotated[bool, Meta(description="Whether package managers of languages (pip, npm …) count, too.")] = (
        False
    )


class Caches(Params, frozen=True, kw_only=True):
    """Fires for each file that a package manager downloaded and kept."""

    paths: Paths = ()
    allow: Allow = ()


def shell(params: Shell, facts: Facts) -> Iterator[Answer]:
    """Look for shells."""
    for file in _programs(_SHELLS, params, facts):
        yield Violation(file.path, f"The shell {file.path} is in the image.", facts.at_file(file, file.owner or ""))


def package_manager(params: PackageManager, facts: Facts) -> Iterator[Answer]:
    """Look for package managers."""
    names = f"{_SYSTEM_MANAGERS} {_LANGUAGE_MANAGERS}" if params.languages else _SYSTEM_MANAGERS
    for file in _programs(names, params, facts):
        message = f"The package manager {file.path} is in the image."
        yield Violation(file.path, message, facts.at_file(file, file.owner or ""))


def caches(params: Caches, facts: Facts) -> Iterator[Answer]:
    """Look for downloads."""
    allow = PathGlobs(params.allow)
    for file in facts.files.matching(_CACHES + params.paths):
        if file.type == "file" and not allow.match(file.path):
            message = f"The file {file.path} ({file.size} bytes) is a download that a package manager kept."
            yield Violation(file.path, message, facts.at_file(file, f"{file.size} bytes"))


def _programs(names: str, params: Shell | PackageManager, facts: Facts) -> Iterator[FileRecord]:
    """Runnable files and links with these names, in the folders where programs are looked for."""
    allow = PathGlobs(params.allow)
    globs = tuple(PathGlob(folder + name) for folder in _FOLDERS for name in names.split())
    for file in facts.files.matching(globs + params.paths):
        is_program = file.type == "symlink" or (file.type == "file" and file.mode & EXECUTABLE)
        if is_program and not allow.match(file.path):
            yield file


def _remove(params: Params, subject: str) -> str:
    return f"remove {subject}, or copy what the image runs into a base image without it"


def _empty(params: Caches, subject: str) -> str:
    return f"delete {subject} in the instruction that brings it, or mount a cache there while building"


_FILES = frozenset((Need.FILES,))

TRIGGERS = (
    Trigger(gate="leftovers", name="shell", params=Shell, check=shell, needs=_FILES, advice=_remove),
    Trigger(
        gate="leftovers",
        name="package_manager",
        params=PackageManager,
        check=package_manager,
        needs=_FILES,
        advice=_remove,
    ),
    Trigger(gate="leftovers", name="caches", params=Caches, check=caches, needs=_FILES, advice=_empty),
)
