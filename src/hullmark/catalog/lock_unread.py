"""Lock files that are recognised but not read: no cataloger knows their ecosystem yet. Useful in a project's folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import is_others
from hullmark.catalog.unread import tell, unread
from hullmark.catalog.view import View
from hullmark.model.package import Package

_lock = partial(unread, name="unread-lock")

KINDS = (
    _lock("cocoapods", "Podfile.lock", "CocoaPods", "**/Podfile.lock"),
    _lock("composer", "composer.lock", "PHP", "**/composer.lock"),
    _lock("conan", "conan.lock", "Conan", "**/conan.lock"),
    _lock("cran", "renv.lock", "R", "**/renv.lock"),
    _lock("golang", "go.sum without go.mod", "Go", "**/go.sum"),
    _lock("hackage", "a lock file of Haskell", "Haskell", "**/cabal.project.freeze", "**/stack.yaml.lock"),
    _lock("hex", "a lock file of Erlang or Elixir", "Erlang and Elixir", "**/mix.lock", "**/rebar.lock"),
    _lock("npm", "a lock file of bun", "bun's", "**/bun.lock", "**/bun.lockb"),
    _lock("nuget", "a lock file of NuGet", ".NET", "**/packages.lock.json", "**/project.assets.json"),
    _lock("pub", "pubspec.lock", "Dart", "**/pubspec.lock"),
    _lock("swift", "Package.resolved", "Swift", "**/Package.resolved", "**/.package.resolved"),
)


def assemble(view: View) -> Iterator[Package]:
    """No packages, only problems."""
    for kind in KINDS:
        paths = [found.path for found in view.facts(kind.read) if not is_others(found.path)]
        if kind.type == "golang":
            paths = [path for path in paths if not view.exists(path.removesuffix("go.sum") + "go.mod")]
        tell(view, kind, paths)
    yield from ()


CATALOGER = Cataloger(
    name="lock-unread",
    types=tuple(kind.type for kind in KINDS),
    reads=tuple(kind.read for kind in KINDS),
    assemble=assemble,
)
