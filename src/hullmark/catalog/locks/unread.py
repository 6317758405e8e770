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
    _lock("bazel", "MODULE.bazel.lock", "Bazel's", "**/MODULE.bazel.lock"),
    _lock("crystal", "shard.lock", "Crystal", "**/shard.lock"),
    _lock("dub", "dub.selections.json", "D", "**/dub.selections.json"),
    _lock("elm", "elm.json", "Elm", "**/elm.json"),
    _lock("golang", "go.sum without go.mod", "Go", "**/go.sum"),
    _lock("luarocks", "luarocks.lock", "Lua", "**/luarocks.lock"),
    _lock("nimble", "nimble.lock", "Nim", "**/nimble.lock"),
    _lock("nix", "flake.lock", "Nix", "**/flake.lock"),
    _lock("npm", "bun.lockb, the older form of bun's lock file", "bun's", "**/bun.lockb"),
    _lock("nuget", "paket.lock", ".NET", "**/paket.lock"),
    _lock("purescript", "spago.lock", "PureScript", "**/spago.lock"),
    _lock("swift", "Cartfile.resolved", "Carthage's", "**/Cartfile.resolved"),
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
