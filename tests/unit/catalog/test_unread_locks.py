"""An image with a lock file and none of its packages says that the file is there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.unread_locks import LOCK_FILES, unread_locks
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree_view import TreeView
from tests.support.layers import TarBuilder, records

# What people write, not what a tool resolved: most images with one have all its packages, or none for a reason.
MANIFESTS = {
    "setup.py", "go.mod", "pom.xml", "packages.config", "pubspec.yaml", "pubspec.yml", "stack.yaml", "opam", "conanfile.txt", "vcpkg.json",
    "elm.json", "Manifest.toml", ".package.resolved",
}  # fmt: skip


def notes(*paths: str, packages: Sequence[str] = (), catalogers: Sequence[Cataloger] = CATALOGERS) -> list[Problem]:
    tar = TarBuilder()
    for path in paths:
        tar.add(path, b"{}")
    there = [
        Package(type=type, name="x", version="1", purl=f"pkg:{type}/x@1", cataloger="t", locations=())
        for type in packages
    ]
    layers = records([tar.done()], [LOCK_FILES])
    return list(unread_locks(TreeView(squash(layers), layers), there, catalogers))


def test_one_note_for_each_type_names_the_first_file() -> None:
    found = notes("app/composer.lock", "b/yarn.lock", "a/package-lock.json", packages=["deb"])
    assert [(problem.path, problem.types) for problem in found] == [
        ("/app/composer.lock", ("composer",)),
        ("/a/package-lock.json", ("npm",)),
    ]
    assert found[0].reason.startswith("composer.lock is there, and no composer package is installed")
    assert "(the first of 2 such files)" in found[1].reason
    assert not any(problem.is_open for problem in found)


def test_where_such_packages_are_installed_nothing_is_said() -> None:
    assert notes("app/composer.lock", packages=["composer"]) == []


def test_lock_files_of_installed_packages_say_nothing() -> None:
    assert notes("app/node_modules/x/yarn.lock", "usr/lib/ruby/gems/3.1.0/gems/rake-13.0/Gemfile.lock") == []


def test_a_lock_file_that_a_chosen_cataloger_reads_was_read() -> None:
    php = [cataloger for cataloger in DECLARED if cataloger.name == "php-lock"]
    assert notes("app/composer.lock", catalogers=[*CATALOGERS, *php]) == []
    assert len(notes("app/yarn.lock", catalogers=[*CATALOGERS, *php])) == 1


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            glob.rpartition("/")[2]
            for cataloger in DECLARED
            for read in cataloger.reads
            for glob in read.globs
            if "*" not in glob.rpartition("/")[2] and cataloger.name != "github-actions"
        }
        - MANIFESTS
    ),
)
def test_each_lock_file_that_a_cataloger_recognises_in_folders_is_known(name: str) -> None:
    assert len(notes(f"app/{name}")) == 1
