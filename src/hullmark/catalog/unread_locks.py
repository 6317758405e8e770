"""Lock files in an image. They name what a project wants; what is installed has records of its own. Where an image has a lock file and no
package of its kind, "no packages" must not look as if nothing had been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import is_others
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.model.problem import Problem

_ROOM = "catalog"
_KINDS = {
    "bazel": ("MODULE.bazel.lock",),
    "cargo": ("Cargo.lock",),
    "cocoapods": ("Podfile.lock",),
    "composer": ("composer.lock",),
    "conan": ("conan.lock",),
    "conda": ("conda-lock.yaml", "conda-lock.yml", "environment.yaml", "environment.yml", "pixi.lock"),
    "cpan": ("cpanfile.snapshot",),
    "cran": ("renv.lock",),
    "crystal": ("shard.lock",),
    "deno": ("deno.lock",),
    "dub": ("dub.selections.json",),
    "gem": ("Gemfile.lock", "Gemfile.next.lock", "gems.locked"),
    "golang": ("go.sum",),
    "hackage": ("cabal.project.freeze", "stack.yaml.lock"),
    "hex": ("mix.lock", "rebar.lock"),
    "julia": ("JuliaManifest.toml",),
    "luarocks": ("luarocks.lock",),
    "maven": ("buildscript-gradle.lockfile", "gradle.lockfile"),
    "nimble": ("nimble.lock",),
    "nix": ("flake.lock",),
    "npm": ("bun.lock", "bun.lockb", "npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"),
    "nuget": ("packages.lock.json", "paket.lock", "project.assets.json"),
    "pub": ("pubspec.lock",),
    "purescript": ("spago.lock",),
    "pypi": ("Pipfile.lock", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"),
    "swift": ("Cartfile.resolved", "Package.resolved"),
    "terraform": (".terraform.lock.hcl",),
}
_TYPES = {name: kind for kind, names in _KINDS.items() for name in names}
"""The purl type of the packages that a lock file of this name lists."""

LOCK_FILES = replace(presence("lock-files", *(f"**/{name}" for name in _TYPES)), other_names=False)
"""That they are there. To be asked for while layers are read costs nothing; to look at all paths later does."""


def unread_locks(view: View, packages: Iterable[Package], catalogers: Iterable[Cataloger]) -> Iterator[Problem]:
    """One note for each package type that has lock files and no installed package. Lock files do not count that are empty, that
    belong to installed packages, or that a chosen cataloger reads.
    """
    found: dict[str, list[str]] = {}
    for file in view.facts(LOCK_FILES):
        found.setdefault(_TYPES[file.path.rpartition("/")[2]], []).append(file.path)
    if not found:
        return
    there = {package.type for package in packages}
    read = {glob.rpartition("/")[2] for cataloger in catalogers for read in cataloger.reads for glob in read.globs}
    for kind in sorted(found.keys() - there):
        paths = [path for path in found[kind] if path.rpartition("/")[2] not in read and not is_others(path)]
        if paths:
            name = paths[0].rpartition("/")[2]
            count = f" (the first of {len(paths):,} such files)" if len(paths) > 1 else ""
            reason = (
                f"{name} is there{count}, and no {kind} package is installed: what it names is listed with "
                "--catalogers +directory, if its format is read"
            )
            yield Problem(f"/{paths[0]}", -1, _ROOM, reason, "note", facts=("packages",), types=(kind,))
