"""What policies are tried on: recipes, inventories and verdicts that were written down."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.app.inventories import read_inventory
from hullmark.app.policies import load_cases, policy_files
from hullmark.app.recipes import cook, matches_of
from hullmark.app.verdicts import read_verdict
from hullmark.model.errors import HullmarkError
from hullmark.policy.cases import Recipe, RecipeLayer, RecipeSettings, Weakness
from hullmark.policy.document import Node
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.request import ScanRequest

KEYS = st.sampled_from(
    [
        "schema",
        "cases",
        "name",
        "recipe",
        "files",
        "expect",
        "verdict",
        "source",
        "packages",
        "findings",
        "inputs",
        "at",
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.text(max_size=6),
        st.integers(-3, 10**12),
        st.sampled_from(["go", "hullmark-verdict/1", "hullmark-policy-tests/1"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=12,
)


@pytest.mark.parametrize("read", [read_inventory, read_verdict, load_cases], ids=["inventory", "verdict", "cases"])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60), st.dictionaries(KEYS, VALUES, max_size=6).map(lambda made: json.dumps(made).encode())
    )
)
def test_any_bytes_are_read_or_refused(read: Any, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(body)
    with contextlib.suppress(HullmarkError):
        read(path)


def text(value: str) -> Node:
    return Node(value, 1)


def test_what_stands_in_a_recipes_files_is_found_there() -> None:
    status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n"
    layers = (
        RecipeLayer(files={"/var/lib/dpkg/status": text(status), "/srv/key": text("x")}),
        RecipeLayer(remove=("/srv/key",)),
    )
    recipe = Recipe(
        layers=layers,
        files={"/etc/os-release": text("ID=debian\nVERSION_ID=12\n")},
        settings=RecipeSettings(user="app", ports=("80",)),
        packages=("pkg:npm/%40scope/name@1", "pkg:deb/debian/tool@2?arch=amd64"),
        licenses={"pkg:npm/%40scope/name@1": ("MIT",)},
    )
    inventory = cook(recipe, ScanRequest(files=True, ghosts=True)).inventory
    found = {(package.type, package.name, package.version) for package in inventory.packages}
    assert found == {("deb", "bash", "5.2-1"), ("npm", "@scope/name", "1"), ("deb", "tool", "2")}
    assert inventory.distro is not None
    assert (inventory.distro.id, inventory.config is not None and inventory.config.exposed_ports) == (
        "debian",
        ("80/tcp",),
    )
    assert {file.path for file in inventory.files or () if file.state == "ghost"} == {"/srv/key"}
    weakness = Weakness(
        package="pkg:npm/%40scope/name@1",
        id="CVE-2026-1",
        exploited=True,
        cvss="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    )
    (match,) = matches_of([weakness], [], inventory).matches
    assert match.advisory.kev is not None
    assert [rating.score for rating in match.advisory.cvss] == [9.8]


def test_an_equal_recipe_is_an_equal_image() -> None:
    recipe = Recipe(files={"/a": text("b")}, settings=RecipeSettings(user="1"))
    first, second = cook(recipe, ScanRequest(files=True)).inventory, cook(recipe, ScanRequest(files=True)).inventory
    assert first == second
    other = cook(msgspec.structs.replace(recipe, settings=RecipeSettings(user="2")), ScanRequest(files=True)).inventory
    assert other.source.digest != first.source.digest


def test_an_inventory_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    inventory = cook(Recipe(files={"/a": text("b")}, packages=("pkg:npm/x@1",)), ScanRequest(files=True)).inventory
    path = tmp_path / "inventory.json"
    path.write_bytes(load("inventory", "json").render(inventory, RenderContext(tool_version="1")))
    read = read_inventory(path).inventory
    assert (read.packages, read.source, read.files) == (inventory.packages, inventory.source, inventory.files)


def test_a_folder_is_its_documents_by_name_without_test_cases(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "a.test.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [file.name for file in policy_files(tmp_path)] == ["a.json", "b.yaml"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(HullmarkError, match="holds 0 policies"):
        policy_files(tmp_path / "empty")
