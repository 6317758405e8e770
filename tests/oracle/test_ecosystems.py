"""An image of eighteen ecosystems beyond the common ones: each package manager's own list, against what is found."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.support.ecosystems.build import PLACE, RECIPES, kept
from tests.support.ecosystems.recipe import Recipe
from tests.support.program import program_in

pytestmark = pytest.mark.slow

_BESIDE = {
    # What a release of Elixir brings is found twice: as an application, and as a program.
    "generic": {"elixir", "erlang"},
    # It brings no file itself, but needs a library that does.
    "nuget": {"Microsoft.SourceLink.GitHub"},
}
"""Names of what is found beyond the lists, by purl type."""


@cache
def _listed() -> dict[str, Any]:
    found = kept()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """Names and versions of what is found in the image, by purl type."""
    _listed()
    program = program_in(tmp_path_factory.mktemp("program"))
    document = program("scan", f"oci-dir:{PLACE}/oci", "-o", "json").document
    kinds: dict[str, set[tuple[str, str]]] = {}
    for package in document["packages"]:
        kinds.setdefault(package["type"], set()).add((package["name"], package["version"]))
    return kinds


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_is_found_is_what_the_package_manager_lists(
    recipe: Recipe, found: dict[str, set[tuple[str, str]]]
) -> None:
    listed = _listed()[recipe.name]
    if "skipped" in listed:
        pytest.skip(listed["skipped"])
    assert "failed" not in listed, listed
    expected = {(name, version) for name, version in listed["listed"]}
    assert expected
    packages = found.get(recipe.type, set())
    assert expected - packages == set()
    assert {name for name, _ in packages - expected} <= _BESIDE.get(recipe.type, set())


def test_nearly_all_package_managers_are_there() -> None:
    there = {name for name, each in _listed().items() if "listed" in each}
    if len(there) < 15:
        pytest.skip(f"only {', '.join(sorted(there))} are installed (make ecosystems)")
    assert len({recipe.type for recipe in RECIPES if recipe.name in there}) >= 15
