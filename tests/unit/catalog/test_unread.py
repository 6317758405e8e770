"""Records and lock files that are recognised and not read."""

from __future__ import annotations

import pytest

from hullmark.catalog import lock_unread, unread
from hullmark.catalog.unread import UnreadRecord
from tests.support.views import FakeView

CASES = {
    "alpm": "var/lib/pacman/local/bash-5.2-1/desc",
    "brew": "home/linuxbrew/.linuxbrew/Cellar/jq/1.7/INSTALL_RECEIPT.json",
    "composer": "srv/app/vendor/composer/installed.json",
    "conda": "opt/conda/conda-meta/python-3.12.0-0.json",
    "cran": "usr/local/lib/R/site-library/jsonlite/DESCRIPTION",
    "ebuild": "var/db/pkg/app-shells/bash-5.2/PF",
    "nix": "nix/var/nix/db/db.sqlite",
    "nuget": "app/App.deps.json",
}
LOCKS = {
    "cocoapods": "Podfile.lock",
    "composer": "a/composer.lock",
    "conan": "conan.lock",
    "cran": "renv.lock",
    "golang": "a/go.sum",
    "hackage": "stack.yaml.lock",
    "hex": "mix.lock",
    "npm": "bun.lock",
    "nuget": "packages.lock.json",
    "pub": "pubspec.lock",
    "swift": "Package.resolved",
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
    files = {f"srv/{number}/composer.lock": b"x" for number in range(3)}
    assert told(files, is_folder=True) == [
        (
            "srv/0/composer.lock",
            "composer.lock is there (3 files, first /srv/0/composer.lock): PHP packages are not read",
        )
    ]


def test_a_sum_file_beside_its_go_mod_says_nothing_more() -> None:
    assert told({"a/go.sum": b"x", "a/go.mod": b"x"}, is_folder=True) == []


def test_an_empty_record_says_nothing() -> None:
    assert told({CASES["composer"]: b""}) == []


def test_a_store_of_nix_without_its_database_is_a_problem_too() -> None:
    (problem,) = told({"nix/store/abc-hello/bin/hello": b"x"})
    assert problem[0] == "nix/store"
