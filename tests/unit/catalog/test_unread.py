"""Records and lock files that are recognised and not read."""

from __future__ import annotations

import pytest

from hullmark.catalog import unread
from hullmark.catalog.locks import unread as lock_unread
from hullmark.catalog.unread import UnreadRecord
from tests.support.views import FakeView

CASES = {
    "deb": "var/lib/chisel/manifest.wall",
    "guix": "var/guix/db/db.sqlite",
    "slackware": "var/lib/pkgtools/packages/bash-5.2-x86_64-1",
    "spack": "opt/spack/.spack-db/index.json",
    "xbps": "var/db/xbps/pkgdb-0.38.plist",
}
LOCKS = {
    "bazel": "MODULE.bazel.lock",
    "crystal": "shard.lock",
    "dub": "dub.selections.json",
    "elm": "web/elm.json",
    "golang": "a/go.sum",
    "luarocks": "luarocks.lock",
    "nimble": "nimble.lock",
    "nix": "flake.lock",
    "npm": "bun.lockb",
    "nuget": "paket.lock",
    "purescript": "spago.lock",
    "swift": "Cartfile.resolved",
}


def told(files: dict[str, bytes], *, is_folder: bool = False) -> list[tuple[str, str]]:
    """What is said of an image or a folder."""
    cataloger = lock_unread.CATALOGER if is_folder else unread.CATALOGER
    view = FakeView(files, cataloger)
    assert list(cataloger.assemble(view)) == []
    return [(path, str(reason)) for path, reason in view.problems]


@pytest.mark.parametrize("kind", unread.KINDS, ids=lambda kind: kind.type)
def test_a_record_that_is_not_read_is_a_problem(kind: UnreadRecord) -> None:
    path = CASES[kind.type]
    assert told({path: b"x"}) == [(path, f"{kind.what} is there (/{path}): {kind.packages} packages are not read")]


@pytest.mark.parametrize("kind", lock_unread.KINDS, ids=lambda kind: kind.type)
def test_a_lock_file_that_is_not_read_is_a_problem_of_a_folder(kind: UnreadRecord) -> None:
    path = LOCKS[kind.type]
    assert [where for where, _ in told({path: b"x"}, is_folder=True)] == [path]
    assert told({f"node_modules/x/{path}": b"x"}, is_folder=True) == []


def test_many_files_of_a_kind_are_one_problem() -> None:
    files = {f"srv/{number}/paket.lock": b"x" for number in range(3)}
    assert told(files, is_folder=True) == [
        (
            "srv/0/paket.lock",
            "paket.lock is there (3 files, first /srv/0/paket.lock): .NET packages are not read",
        )
    ]


def test_a_sum_file_beside_its_go_mod_says_nothing_more() -> None:
    assert told({"a/go.sum": b"x", "a/go.mod": b"x"}, is_folder=True) == []


def test_an_empty_record_says_nothing() -> None:
    assert told({CASES["spack"]: b""}) == []


def test_a_store_of_guix_without_its_database_is_a_problem_too() -> None:
    (problem,) = told({"gnu/store/abc-hello/bin/hello": b"x"})
    assert problem[0] == "gnu/store"
