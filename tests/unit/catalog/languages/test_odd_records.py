"""Records of languages' package managers that are odd in a part: what is said of it, and what is read all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages import conan, dotnet, npm_pnp, opam, pear, perl, php, r, wordpress
from hullmark.catalog.languages import lua as rocks
from hullmark.catalog.locks import opam as projects
from tests.support.cataloging import packages, problems, purls
from tests.support.records import assembly, conan_cache, serialised
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite


def read(cataloger: Cataloger, path: str, body: bytes | str) -> tuple[list[str], list[str]]:
    """The package URLs that a file gives, and what is said of it."""
    files = {path: body.encode() if isinstance(body, str) else body}
    return purls(cataloger, files), problems(cataloger, files)


# .NET

PLACE = "a/Lib.dll"


def test_a_text_in_the_version_of_an_assembly_counts_only_as_a_text() -> None:
    body = bytearray(assembly(strings={"ProductVersion": "9.9", "FileVersion": "8.8"}))
    at = body.index("ProductVersion".encode("utf-16-le"))
    body[at - 2 : at] = b"\0\0"  # the kind: binary
    assert read(dotnet.CATALOGER, PLACE, bytes(body)) == (["pkg:nuget/Lib@8.8"], [])


def test_an_assembly_that_tells_no_version_anywhere_is_one_of_an_unknown_version() -> None:
    [found] = packages(dotnet.CATALOGER, {PLACE: assembly(strings={"ProductVersion": "ours"}, fixed=bytes(52))})
    assert (found.purl, found.version) == ("pkg:nuget/Lib", "UNKNOWN")


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (64 + 24, b"\x07\x01"),  # the kind of program: a ROM image
        (64 + 24 + 112 + 128 + 12, b"\0\0\x10\0"),  # the address of the only section
        (0x1000 + 16, b"\x18\0\0\0"),  # the kind of the only resource: a manifest
    ],
)
def test_a_library_without_a_version_resource_is_passed_over(position: int, value: bytes) -> None:
    body = bytearray(assembly())
    body[position : position + len(value)] = value
    assert read(dotnet.CATALOGER, PLACE, bytes(body)) == ([], [])


def test_libraries_of_a_program_without_a_name_and_version_are_counted() -> None:
    kinds = {"a/1.0": "package", "b": "package", "c/": "package"}
    body = {"runtimeTarget": {"name": "gone"}, "targets": {"t": {"a/1.0": {"runtime": {"a.dll": {}}}}, "u": 7}}
    text = json.dumps(body | {"libraries": {key: {"type": kind} for key, kind in kinds.items()}})
    assert read(dotnet.CATALOGER, "app/x.deps.json", text) == (
        ["pkg:nuget/a@1.0"],
        ["libraries of the deps.json that have no name and version that can be used: 2"],
    )


@pytest.mark.parametrize(
    ("dependencies", "found", "said"),
    [
        ([], [], ["its dependencies are not an object"]),
        (
            {"net8.0": {"A": {"resolved": "1.0"}, "B": 7, "Own": {"type": "Project"}}, "net9.0": 7},
            ["pkg:nuget/A@1.0"],
            ["entries that cannot be used: 1 ('B')"],
        ),
    ],
)
def test_entries_of_a_lock_of_nugets_that_are_not_objects_are_said(dependencies: Any, found: Any, said: Any) -> None:
    text = json.dumps({"version": 1, "dependencies": dependencies})
    assert read(dotnet.CATALOGER, "app/packages.lock.json", text) == (found, said)


# PHP


def test_entries_of_composers_list_that_are_not_objects_are_said() -> None:
    branch = {"name": "v/b", "version": "dev-main", "source": {"type": "path", "url": "../b"}}
    text = json.dumps([7, branch, {"name": "v/a", "version": "1.0"}])
    assert read(php.CATALOGER, "vendor/composer/installed.json", text) == (
        ["pkg:composer/v/b@dev-main", "pkg:composer/v/a@1.0"],
        ["entries that cannot be used: 1 ('7')"],
    )


@pytest.mark.parametrize(
    ("body", "found", "said"),
    [
        (
            b'a:1:x{s:1:"a";i:1;}',
            [],
            ["the record of PEAR's registry cannot be read: an array does not begin where it should"],
        ),
        (serialised({"name": "../a"}), [], ["the record of PEAR's registry has no name that can be used"]),
        (
            serialised({"name": "A", "version": {"release": "<1>"}}),
            ["pkg:pear/pecl.php.net/A"],
            ["the record of PEAR's registry has no version of A that can be used"],
        ),
    ],
)
def test_what_a_record_of_pears_lacks_is_said(body: bytes, found: list[str], said: list[str]) -> None:
    assert read(pear.CATALOGER, "usr/share/php/.registry/a.reg", body) == (found, said)


def test_the_header_of_a_long_plugin_of_wordpress_is_read() -> None:
    body = b"<?php\n/*\nPlugin Name: Long\nVersion: 2.0\n*/\n" + b"// more\n" * 20_000
    assert read(wordpress.CATALOGER, "srv/wp-content/plugins/long/long.php", body) == (
        ["pkg:wordpress-plugin/long@2.0"],
        [],
    )


# npm without node_modules


def script(state: object) -> bytes:
    """The script that yarn writes, with this state."""
    text = json.dumps(state).replace("\\", "\\\\").replace("'", "\\'")
    return f"const RAW_RUNTIME_STATE =\n'{text}';\n".encode()


def test_what_yarn_took_from_elsewhere_has_no_version_and_broken_entries_are_said() -> None:
    registry = [
        [None, [[None, {"packageLocation": "./"}]]],
        ["a", [["npm:1.0.0", {}], ["workspace:a", {}]]],
        ["b", [["https://e.org/b.git#commit=1", {}], [7, {}]]],
        ["c", 7],
        "d",
        ["\ud800", [["npm:1.0.0", {}]]],
    ]
    found, [said] = read(npm_pnp.CATALOGER, ".pnp.cjs", script({"packageRegistryData": registry}))
    assert found == ["pkg:npm/a@1.0.0", "pkg:npm/b"]
    assert said.startswith("entries that cannot be used: 4 ('b 7', ")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (script({}), "it has no packageRegistryData"),
        (script([]), "what is in it is not a JSON object"),
        (script("x")[:-4], "what is in it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"const RAW_RUNTIME_STATE = '" + b"[" * 200_000 + b"';\n", "it is nested too deeply"),
        (b"const RAW_RUNTIME_STATE = '" + b"{}," * 1_000_001 + b"';\n", "it has more than 1,000,000 objects and lists"),
        (b"module.exports = 1;", "it is not a script of Plug'n'Play"),
    ],
    ids=["no registry", "a list", "no end", "deep", "many", "another script"],
)
def test_a_script_that_holds_no_registry_is_said(body: bytes, reason: str) -> None:
    assert read(npm_pnp.CATALOGER, "app/.pnp.cjs", body) == ([], [reason])


# Lua, Perl, OCaml, R, Conan


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("a-1.0-1", 'package = "b"\n--[[ without an end\nversion = "9"', "pkg:luarocks/b@1.0-1"),
        ("a-1.0-1", 'package = "b"\nversion = "1.5-2":gsub("5", "6")', "pkg:luarocks/b@1.0-1"),
    ],
)
def test_what_only_running_a_rockspec_would_tell_is_not_guessed(name: str, body: str, found: str) -> None:
    assert read(rocks.CATALOGER, f"usr/lib/luarocks/{name}.rockspec", body) == ([found], [])


def test_a_rockspec_that_nothing_names_is_said() -> None:
    assert read(rocks.CATALOGER, "srv/x.rockspec", "version = 1") == (
        [],
        ["neither the rockspec nor its file's name tells which package it is about"],
    )


def test_records_of_perls_distributions_without_a_name_are_said_or_passed_over() -> None:
    assert read(perl.CATALOGER, "usr/lib/perl5/.meta/x/install.json", '{"pathname": 7, "dist": "x"}') == (
        [],
        ["the record of an installed Perl distribution does not tell its name and version"],
    )
    local = "=head2 Mon: C<Module> L<::9|x>\n\nC<VERSION: 1>\n\n=head2 Mon: C<Module> L<A::B|A::B>\n\nC<VERSION: 2>\n"
    assert read(perl.CATALOGER, "usr/lib/perl5/perllocal.pod", local)[0] == ["pkg:cpan/A::B@2"]


REASON = "the opam file does not tell which package it is about"


@pytest.mark.parametrize(
    ("cataloger", "path"),
    [(opam.CATALOGER, "root/.opam/s/.opam-switch/packages/@.1/opam"), (projects.CATALOGER, "srv/@/opam")],
)
def test_an_opam_file_that_nothing_names_is_said(cataloger: Cataloger, path: str) -> None:
    assert read(cataloger, path, 'opam-version: "2.0"\n') == ([], [REASON])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("usr/share/bash-completion/completions/opam", b"# completion of opam\ncomplete -F _opam opam\n"),
        ("usr/bin/opam", b"\x7fELF\2\1\1" + bytes(99)),
    ],
)
def test_other_files_that_are_called_opam_are_not_projects(path: str, body: bytes) -> None:
    assert read(projects.CATALOGER, path, body) == ([], [])


def test_a_licence_of_rs_goes_on_in_the_next_line() -> None:
    body = b"Package: a\nTitle: x\n  y\nVersion: 1.0\nLicense: GPL-2 |\n    GPL-3\nNeedsCompilation: no\n"
    [found] = packages(r.CATALOGER, {"usr/lib/R/library/a/DESCRIPTION": body})
    assert found.licenses == ("GPL-2", "GPL-3")


def test_references_of_conans_that_are_none_are_said_and_modes_are_not_versions() -> None:
    info = "[requires]\nfirst/1.Y.Z\nsecond/2.0\n[full_requires]\n"
    found = purls(conan.CATALOGER, {"srv/build/conaninfo.txt": info.encode()})
    assert found == ["pkg:conan/second@2.0"]
    cache, [said] = read(conan.CATALOGER, "root/.conan2/p/cache.sqlite3", conan_cache("zlib/1.3#abc", "no reference"))
    assert (cache, said) == (["pkg:conan/zlib@1.3"], "entries that cannot be used: 1 ('no reference')")
    assert conan.normalise_reference("no reference") == conan.normalise_reference(7) == ""


def test_a_cache_that_is_not_conans_says_nothing() -> None:
    assert read(conan.CATALOGER, "srv/p/cache.sqlite3", make_sqlite([b"x"])) == ([], [])
