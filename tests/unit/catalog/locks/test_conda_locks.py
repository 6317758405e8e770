"""Conda's lock files: conda-lock.yml, pixi.lock and lists with `@EXPLICIT`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.locks import conda, conda_locks
from hullmark.catalog.relations import locks
from tests.support.relations import related
from tests.support.views import FakeView

FORGE = "https://e.org/forge"

CONDA_LOCK = f"""
version: 1
metadata:
  platforms: [linux-64, osx-64]
package:
- name: python
  version: 3.12.4
  manager: conda
  platform: linux-64
  dependencies: {{bzip2: '>=1.0', tzdata: ''}}
  url: {FORGE}/linux-64/python-3.12.4-h1_0_cpython.conda
  category: main
- name: python
  version: 3.12.4
  manager: conda
  platform: osx-64
  dependencies: {{bzip2: '>=1.0', tzdata: ''}}
  url: {FORGE}/osx-64/python-3.12.4-h2_0_cpython.conda
- {{name: bzip2, version: 1.0.8, manager: conda, platform: linux-64, url: {FORGE}/linux-64/bzip2-1.0.8-h3_7.conda}}
- {{name: bzip2, version: 1.0.8, manager: conda, platform: osx-64, url: {FORGE}/osx-64/bzip2-1.0.8-h4_7.conda}}
- {{name: tzdata, version: 2024a, manager: conda, platform: linux-64, url: {FORGE}/noarch/tzdata-2024a-h5_0.tar.bz2}}
- {{name: pytest, version: 8.0.0, manager: conda, platform: linux-64, category: dev, url: {FORGE}/noarch/pytest-8.0.0-p_0.conda}}
- name: Flask_Thing
  version: 3.0.3
  manager: pip
  platform: linux-64
  dependencies: {{python: '>=3.8', click: '>=8'}}
  url: https://e.org/files/flask_thing-3.0.3-py3-none-any.whl
- {{name: click, version: 8.1.7, manager: pip, platform: linux-64, url: https://e.org/files/click-8.1.7-py3-none-any.whl}}
"""

PIXI = f"""
version: 6
environments:
  default:
    channels:
    - url: {FORGE}/
    packages:
      linux-64:
      - conda: {FORGE}/linux-64/bzip2-1.0.8-h3_7.conda
packages:
- conda: {FORGE}/linux-64/bzip2-1.0.8-h3_7.conda
  sha256: 00
  depends:
  - libgcc-ng >=12
  license: bzip2-1.0.6
- conda: {FORGE}/linux-64/libgcc-ng-14.1.0-h6_0.conda
  license: null
- conda: .
  name: built-here
  version: 0.1.0
- pypi: ./
  name: shop
  version: 0.1.0
- pypi: https://e.org/files/flask-3.0.3-py3-none-any.whl
  name: flask
  version: 3.0.3
  requires_dist:
  - click>=8.1.3
  - asgiref>=3.2 ; extra == 'async'
  - bzip2
- pypi: https://e.org/files/click-8.1.7-py3-none-any.whl
- pypi: https://e.org/files/asgiref-3.8.1-py3-none-any.whl
"""

PIXI_FIVE = f"""
version: 5
packages:
- kind: conda
  name: bzip2
  version: 1.0.8
  build: h3_7
  subdir: linux-64
  url: {FORGE}/linux-64/bzip2-1.0.8-h3_7.conda
- kind: pypi
  name: click
  version: 8.1.7
  url: https://e.org/files/click-8.1.7-py3-none-any.whl
- kind: pypi
  name: shop
  version: 0.1.0
  path: .
"""

PIXI_TWO = """
version: 2
package:
- {name: bzip2, version: 1.0.8, build: h3_7, subdir: linux-64, manager: conda, platform: linux-64, dependencies: []}
- {name: click, version: 8.1.7, manager: pip, platform: linux-64, dependencies: [bzip2 >=1]}
"""

EXPLICIT = f"""# platform: linux-64
@EXPLICIT
{FORGE}/linux-64/bzip2-1.0.8-h3_7.conda#0123456789abcdef
https://me:secret@e.org/t/token-1/forge/noarch/tzdata-2024a-h5_0.tar.bz2
"""

BZIP2 = "pkg:conda/bzip2@1.0.8?build=h3_7&channel=forge&subdir=linux-64"


def found(path: str, body: str) -> tuple[list[str], list[str]]:
    """The purls of a lock file, and what is said of it."""
    view = FakeView({path: body.encode()}, conda.CATALOGER)
    return [package.purl for package in conda.CATALOGER.assemble(view)], [str(reason) for _, reason in view.problems]


def relations(path: str, body: str) -> list[str]:
    """Who needs whom, as purls."""
    resolver = next(resolver for resolver in locks.RESOLVERS if resolver.cataloger == conda_locks.NAME)
    _, found = related({path: body.encode()}, conda.CATALOGER, resolver)
    return sorted({f"{relation.dependent} -> {relation.dependency}" for relation in found})


def test_conda_lock_lists_what_each_platform_gets() -> None:
    purls, reasons = found("conda-lock.yml", CONDA_LOCK)
    assert reasons == []
    assert purls == [
        "pkg:conda/python@3.12.4?build=h1_0_cpython&channel=forge&subdir=linux-64",
        "pkg:conda/python@3.12.4?build=h2_0_cpython&channel=forge&subdir=osx-64",
        BZIP2,
        "pkg:conda/bzip2@1.0.8?build=h4_7&channel=forge&subdir=osx-64",
        "pkg:conda/tzdata@2024a?build=h5_0&channel=forge&subdir=noarch",
        "pkg:pypi/flask-thing@3.0.3",
        "pkg:pypi/click@8.1.7",
    ]


def test_a_package_needs_those_of_its_own_platform() -> None:
    one, two = (f"build=h{n}_0_cpython&channel=forge&subdir={where}" for n, where in ((1, "linux-64"), (2, "osx-64")))
    tzdata = "pkg:conda/tzdata@2024a?build=h5_0&channel=forge&subdir=noarch"
    assert relations("conda-lock.yml", CONDA_LOCK) == sorted([
        f"pkg:conda/python@3.12.4?{one} -> {BZIP2}",
        f"pkg:conda/python@3.12.4?{one} -> {tzdata}",
        f"pkg:conda/python@3.12.4?{two} -> pkg:conda/bzip2@1.0.8?build=h4_7&channel=forge&subdir=osx-64",
        f"pkg:conda/python@3.12.4?{two} -> {tzdata}",
        f"pkg:pypi/flask-thing@3.0.3 -> pkg:conda/python@3.12.4?{one}",
        f"pkg:pypi/flask-thing@3.0.3 -> pkg:conda/python@3.12.4?{two}",
        "pkg:pypi/flask-thing@3.0.3 -> pkg:pypi/click@8.1.7",
    ])  # fmt: skip


def test_pixi_says_name_and_version_in_the_address() -> None:
    assert found("pixi.lock", PIXI) == (
        [
            BZIP2,
            "pkg:conda/libgcc-ng@14.1.0?build=h6_0&channel=forge&subdir=linux-64",
            "pkg:pypi/flask@3.0.3",
            "pkg:pypi/click@8.1.7",
            "pkg:pypi/asgiref@3.8.1",
        ],
        [],
    )


def test_what_only_an_extra_needs_is_not_needed_and_conda_may_bring_what_python_needs() -> None:
    assert relations("pixi.lock", PIXI) == sorted([
        f"{BZIP2} -> pkg:conda/libgcc-ng@14.1.0?build=h6_0&channel=forge&subdir=linux-64",
        f"pkg:pypi/flask@3.0.3 -> {BZIP2}",
        "pkg:pypi/flask@3.0.3 -> pkg:pypi/click@8.1.7",
    ])  # fmt: skip


def test_the_licence_of_an_entry_is_the_packages() -> None:
    view = FakeView({"pixi.lock": PIXI.encode()}, conda.CATALOGER)
    assert [package.licenses for package in conda.CATALOGER.assemble(view)][:2] == [("bzip2-1.0.6",), ()]


def test_older_versions_of_pixi_say_the_kind() -> None:
    assert found("pixi.lock", PIXI_FIVE) == ([BZIP2, "pkg:pypi/click@8.1.7"], [])
    assert found("pixi.lock", PIXI_TWO) == (
        ["pkg:conda/bzip2@1.0.8?build=h3_7&subdir=linux-64", "pkg:pypi/click@8.1.7"],
        [],
    )
    assert relations("pixi.lock", PIXI_TWO) == [
        "pkg:pypi/click@8.1.7 -> pkg:conda/bzip2@1.0.8?build=h3_7&subdir=linux-64"
    ]


def test_a_list_of_addresses_is_read_behind_its_mark_and_shows_no_login() -> None:
    assert found("conda-linux-64.lock", EXPLICIT) == (
        [BZIP2, "pkg:conda/tzdata@2024a?build=h5_0&channel=forge&subdir=noarch"],
        [],
    )


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("pixi.lock", "version: 6\npackages: 1\n", "its packages are not a list"),
        ("pixi.lock", "version: 6\nenvironments: {}\n", "its packages are not a list"),
        ("pixi.lock", "packages:\n- other: 1\n", "entries that cannot be used: 1 (\"{'other': '1'}\")"),
        ("pixi.lock", "packages:\n- conda: https://e.org/a.zip\n", "entries that cannot be used: 1 ('None')"),
        ("conda-lock.yml", "package:\n- {name: [a], manager: conda}\n", "entries that cannot be used: 1 (\"['a']\")"),
        (
            "conda-a.lock",
            "@EXPLICIT\nhttps://me:secret@e.org/a\n",
            "entries that cannot be used: 1 ('https://e.org/a')",
        ),
    ],
)
def test_what_cannot_be_used_is_said(path: str, body: str, reason: str) -> None:
    assert found(path, body) == ([], [reason])


def test_another_file_of_that_name_says_nothing() -> None:
    assert found("conda-a.lock", "# a lock of another kind\n") == ([], [])


_KEYS = [
    "packages",
    "package",
    "conda",
    "pypi",
    "name",
    "version",
    "kind",
    "manager",
    "depends",
    "requires_dist",
    "url",
]


@given(
    st.recursive(
        st.none() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_KEYS), inner),
    )
)
def test_entries_of_any_form_are_survived(document: object) -> None:
    conda_locks.extract_lock("pixi.lock", memoryview(json.dumps({"packages": document}).encode()), lambda reason: None)
    conda_locks.extract_lock("pixi.lock", memoryview(json.dumps({"package": [document]}).encode()), lambda reason: None)


@given(st.binary())
def test_any_bytes_are_survived(body: bytes) -> None:
    conda_locks.extract_lock("pixi.lock", memoryview(body), lambda reason: None)
    conda_locks.extract_explicit("conda-a.lock", memoryview(b"@EXPLICIT\n" + body), lambda reason: None)
