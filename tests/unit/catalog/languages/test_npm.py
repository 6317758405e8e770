"""Installed npm packages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.languages.npm import CATALOGER, PackageJson, extract
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from tests.support.conformance import expected, files_of, package_cases
from tests.support.views import FakeView

CASES = package_cases("npm", "mixed")


def take(body: bytes) -> tuple[PackageJson | None, list[str]]:
    problems: list[str] = []
    return extract("app/package.json", memoryview(body), problems.append), problems


def manifest(name: str, version: str = "1.0.0", **more: Any) -> bytes:
    return json.dumps({"name": name, "version": version, **more}).encode()


def found(files: dict[str, bytes], **view: Any) -> list[tuple[str, str]]:
    return [(package.name, package.version) for package in packages(files, **view)]


def packages(files: dict[str, bytes], **view: Any) -> list[Package]:
    return list(CATALOGER.assemble(FakeView(files, CATALOGER, **view)))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_conformance_cases_are_met(case: dict[str, Any]) -> None:
    got = packages(files_of(case))
    assert sorted((package.name, package.version) for package in got) == expected(case, "npm")
    for name, licenses in case.get("expected_licenses", {}).items():
        assert [list(package.licenses) for package in got if package.name == name] == [licenses]


def test_a_scoped_package_keeps_its_scope_in_name_and_purl() -> None:
    [package] = packages({"srv/node_modules/@types/node/package.json": manifest("@types/node", "20.1.0")})
    assert package.name == "@types/node"
    assert package.purl == "pkg:npm/%40types/node@20.1.0"
    assert package.locations == (Location("/srv/node_modules/@types/node/package.json", 0),)


def test_a_package_json_deeper_inside_a_package_is_part_of_it() -> None:
    top = "srv/node_modules/resolve"
    assert found({
        f"{top}/package.json": manifest("resolve"),
        f"{top}/test/fixtures/baz/package.json": manifest("baz"),
        f"{top}/dist/esm/package.json": b'{"type":"module"}',
    }) == [("resolve", "1.0.0")]  # fmt: skip


def test_a_dependency_of_a_dependency_is_a_package() -> None:
    assert found({
        "srv/node_modules/a/package.json": manifest("a"),
        "srv/node_modules/a/node_modules/b/package.json": manifest("b", "2.0.0"),
    }) == [("b", "2.0.0"), ("a", "1.0.0")]  # fmt: skip


@pytest.mark.parametrize(
    "folder",
    [
        "node_modules/.pnpm/a@1.0.0/node_modules/a",
        "node_modules/.store/a@1.0.0/node_modules/a",
        "node_modules/_a@1.0.0@a",
    ],
)
def test_the_stores_of_other_package_managers_hold_packages(folder: str) -> None:
    assert found({f"srv/{folder}/package.json": manifest("a")}) == [("a", "1.0.0")]


@pytest.mark.parametrize("folder", [".vite/deps", ".cache", ".cache/x", "@scope", "a/b", "@scope/.b-Xy12"])
def test_caches_and_scope_folders_are_no_packages(folder: str) -> None:
    assert found({f"srv/node_modules/{folder}/package.json": manifest("a")}) == []


def test_an_alias_has_the_name_that_the_package_gives_itself() -> None:
    assert found({"srv/node_modules/foo/package.json": manifest("bar")}) == [("bar", "1.0.0")]


def test_a_package_without_a_name_is_called_as_its_folder() -> None:
    assert found({"srv/node_modules/@s/foo/package.json": b'{"version":"1.0.0"}'}) == [("@s/foo", "1.0.0")]


def test_an_installed_package_without_a_version_is_kept() -> None:
    [package] = packages({"srv/node_modules/foo/package.json": b'{"name":"foo"}'})
    assert (package.version, package.purl) == (UNKNOWN_VERSION, "pkg:npm/foo")


def test_a_file_that_only_marks_a_module_type_is_no_package() -> None:
    assert found({"srv/node_modules/foo/package.json": b'{"type":"module"}'}) == []


def test_an_application_is_the_topmost_named_and_versioned_package_json() -> None:
    assert found({
        "srv/package.json": b'{"private":true}',
        "srv/shop/package.json": manifest("shop", "3.0.0"),
        "srv/shop/examples/x/package.json": manifest("x"),
        "srv/tool/package.json": b'{"name":"tool"}',
    }) == [("shop", "3.0.0")]  # fmt: skip


def test_debians_node_modules_are_packages() -> None:
    assert found({
        "usr/share/nodejs/minimatch/package.json": manifest("minimatch", "9.0.3"),
        "usr/share/nodejs/minimatch/dist/mjs/package.json": b'{"type":"module"}',
        "usr/share/nodejs/@types/node/package.json": manifest("@types/node", "20.0.0"),
    }) == [("minimatch", "9.0.3"), ("@types/node", "20.0.0")]  # fmt: skip


def test_an_application_in_the_root_folder_does_not_swallow_the_others() -> None:
    assert found({"package.json": manifest("app"), "usr/share/nodejs/x/package.json": manifest("x")}) == [
        ("app", "1.0.0"),
        ("x", "1.0.0"),
    ]


def test_a_linked_workspace_is_a_package_of_its_own() -> None:
    files = {
        "app/package.json": manifest("app"),
        "app/packages/a/package.json": manifest("@app/a"),
        "app/packages/b/package.json": manifest("@app/b"),
    }
    links = {"app/node_modules/@app/a": "../../packages/a"}
    assert found(files, links=links) == [("app", "1.0.0"), ("@app/a", "1.0.0")]


def test_every_version_is_given_when_the_view_has_all_layers() -> None:
    class AllLayers(FakeView):
        def facts(self, read: Any) -> Any:
            return (version for versions in self._found.values() for version in versions)

    view = AllLayers({"a/package.json": manifest("a", "2.0.0")}, CATALOGER, layers=[{"a/package.json": manifest("a")}])
    assert [(package.version, package.locations[0].layer) for package in CATALOGER.assemble(view)] == [
        ("1.0.0", 0),
        ("2.0.0", 1),
    ]


@pytest.mark.parametrize(
    ("more", "licenses"),
    [
        ({"license": "MIT"}, ("MIT",)),
        ({"license": {"type": "ISC", "url": "x"}}, ("ISC",)),
        ({"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}, ("MIT", "Apache-2.0")),
        ({"licenses": ["MIT"]}, ("MIT",)),
        ({"license": ["MIT", "MIT"], "licenses": {"type": "BSD"}}, ("MIT", "BSD")),
        ({"license": 5, "licenses": [None, {"type": 7}, [[]]]}, ()),
        ({"license": "SEE LICENSE IN x.txt"}, ("SEE LICENSE IN x.txt",)),
    ],
)
def test_licences_come_in_many_forms(more: dict[str, Any], licenses: tuple[str, ...]) -> None:
    fact, problems = take(manifest("a", **more))
    assert fact is not None
    assert (fact.licenses, problems) == (licenses, [])


@pytest.mark.parametrize(
    ("author", "note"),
    [("A <a@b>", "A <a@b>"), ({"name": "A", "email": "a@b"}, "A <a@b>"), ({"name": "A"}, "A"), (7, ""), ([], "")],
)
def test_the_author_is_a_string_or_an_object(author: object, note: str) -> None:
    fact, _ = take(manifest("a", author=author))
    assert fact is not None
    assert fact.author == note


@pytest.mark.parametrize(
    ("written", "read"), [("v1.2.3", "1.2.3"), (" =1.0.0 ", "1.0.0"), ("1.0.0-rc.1+b", "1.0.0-rc.1+b")]
)
def test_versions_are_cleaned_as_npm_does(written: str, read: str) -> None:
    assert found({"node_modules/a/package.json": manifest("a", written)}) == [("a", read)]


def test_a_version_that_is_none_leaves_the_package_and_is_reported() -> None:
    view = FakeView({"node_modules/a/package.json": manifest("a", "1.0; rm -rf /")}, CATALOGER)
    assert [package.version for package in CATALOGER.assemble(view)] == [UNKNOWN_VERSION]
    assert view.problems == [
        ("node_modules/a/package.json", "the version in package.json is not one that npm understands")
    ]


def test_a_name_that_is_none_leaves_the_folders_and_is_reported() -> None:
    view = FakeView({"node_modules/a/package.json": manifest("../../evil")}, CATALOGER)
    assert [package.name for package in CATALOGER.assemble(view)] == ["a"]
    assert [reason for _, reason in view.problems] == [
        "the name in package.json is not one that npm allows; the folder's is used"
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"name":"cut","ver',
        b'{"name":"nan","version":"1.0.0","x":NaN}',
        b'{"name":"deep","version":"1.0.0","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"name":"\\ud800","version":"1.0.0"}',
        b'{"name":"two","version":"1.0.0"}{}',
        b'{"name":["a"],"version":{"x":1}}',
    ],
)
def test_what_cannot_be_read_is_reported(body: bytes) -> None:
    fact, problems = take(body)
    assert fact is None
    assert problems


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'\xef\xbb\xbf{"name":"bom","version":"1.0.0"}', "bom"),
        (b'{"name":"a","name":"dup","version":"1","version":"1.0.0"}', "dup"),
        (b'{"name":"bignum","version":"1.0.0","x":' + b"9" * 200_000 + b"}", "bignum"),
        (b'{"name":"latin","version":"1.0.0","author":"Andr\xe9"}', "latin"),
        (b'{"name":"types","version":"1.0.0","license":[{"type":5},null],"author":7,"private":3}', "types"),
    ],
)
def test_odd_but_readable_files_are_read(body: bytes, name: str) -> None:
    fact, problems = take(body)
    assert fact is not None
    assert (fact.name, fact.version, problems) == (name, "1.0.0", [])


def test_a_file_in_a_very_deep_folder_is_reported() -> None:
    view = FakeView({"d/" * 200 + "package.json": manifest("a")}, CATALOGER)
    assert list(CATALOGER.assemble(view)) == []
    assert len(view.problems) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "version", "license", "licenses", "author", "homepage", "private", "x"])


@given(st.binary())
def test_any_bytes_are_survived(body: bytes) -> None:
    fact, problems = take(body)
    assert fact is None or not problems


@given(st.dictionaries(KEYS, VALUES))
def test_any_json_object_is_read_as_json_has_it(document: dict[str, Any]) -> None:
    fact, problems = take(json.dumps(document).encode())
    name, version = (
        value.strip()[:1024] if isinstance(value := document.get(key), str) else "" for key in ("name", "version")
    )
    assert ((fact.name, fact.version) if fact else ("", "")) == (name, version)
    odd = sum(document.get(key) is not None and not isinstance(document[key], str) for key in ("name", "version"))
    assert len(problems) == odd


@given(st.lists(st.sampled_from(["node_modules", "a", "@s", ".x", "b"]), max_size=7).map("/".join), KEYS)
def test_any_path_is_survived(folder: str, name: str) -> None:
    for package in packages({f"{folder}/package.json".lstrip("/"): manifest(name)}):
        assert package.name == name


def test_what_a_package_ships_as_test_material_is_no_package() -> None:
    shipped = "node_modules/resolve/test/pathfilter/deep_ref/node_modules/deep"
    installed = ("node_modules/test", "node_modules/test/node_modules/spec", "node_modules/a/b/node_modules/c")
    files = {
        f"srv/{folder}/package.json": b'{"name": "%s", "version": "1"}' % folder.rpartition("/")[2].encode()
        for folder in (shipped, *installed)
    }
    view = FakeView(files, CATALOGER)
    assert sorted(package.name for package in CATALOGER.assemble(view)) == ["c", "spec", "test"]
