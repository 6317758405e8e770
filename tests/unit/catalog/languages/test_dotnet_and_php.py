"""What .NET, composer and PEAR leave in images: the forms of each record, and what does not count as a package."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.languages import dotnet, pear, php
from hullmark.catalog.programs import windows
from tests.support.cataloging import packages, problems, purls
from tests.support.records import assembly, serialised
from tests.support.views import FakeView

H = "0123456789abcdfghijklmnpqrsvwxyz"


# .NET


def deps(target: dict[str, Any], kinds: dict[str, str]) -> bytes:
    """A deps.json."""
    return json.dumps(
        {
            "runtimeTarget": {"name": "t"},
            "targets": {"t": target, "other": {"z/1.0": {"runtime": {"z.dll": {}}}}},
            "libraries": {key: {"type": kind} for key, kind in kinds.items()},
        }
    ).encode()


def test_libraries_with_files_and_what_leads_to_them_are_packages() -> None:
    target = {
        "meta/1.0": {"dependencies": {"lib": "2.0"}},
        "lib/2.0": {"runtime": {"lib/net8.0/lib.dll": {}}},
        "native/3.0": {"runtimeTargets": {"runtimes/linux-x64/native/n.so": {}}},
        "compiled/4.0": {"compile": {"ref/c.dll": {}}},
        "empty/5.0": {"runtime": {"lib/net8.0/_._": {}}},
    }
    kinds = dict.fromkeys((*target, "z/1.0"), "package")
    assert purls(dotnet.CATALOGER, {"app/a.deps.json": deps(target, kinds)}) == [
        "pkg:nuget/meta@1.0",
        "pkg:nuget/lib@2.0",
        "pkg:nuget/native@3.0",
    ]


def test_of_projects_only_the_program_itself_counts() -> None:
    target: dict[str, Any] = {key: {"runtime": {"x.dll": {}}} for key in ("App/1.0.0", "Shared/1.0.0")}
    body = deps(target, dict.fromkeys(target, "project"))
    assert purls(dotnet.CATALOGER, {"app/App.deps.json": body}) == ["pkg:nuget/App@1.0.0"]


def test_runtime_packs_go_by_the_name_that_advisories_have() -> None:
    body = deps(
        {}, {"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": "runtimepack", "ref/1.0": "reference"}
    )
    assert purls(dotnet.CATALOGER, {"app/a.deps.json": body}) == [
        "pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.1"
    ]


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("a/Lib.dll", assembly(strings={"ProductVersion": "1.2.3-beta.1+abc"}), ["pkg:nuget/Lib@1.2.3-beta.1"]),
        (
            "a/Lib.dll",
            assembly(strings={"ProductVersion": "built by us", "FileVersion": "1.2.3.4"}),
            ["pkg:nuget/Lib@1.2.3.4"],
        ),
        ("a/Lib.dll", assembly(), ["pkg:nuget/Lib@1.2.3.4"]),
        ("a/Lib.EXE", assembly(resources=0x200000), ["pkg:nuget/Lib@1.2.3.4"]),
        ("a/de/Lib.resources.dll", assembly(), []),
        ("a/native.dll", assembly(clr=False), []),
        ("a/none.dll", b"MZ", []),
    ],
)
def test_an_assembly_tells_its_version(path: str, body: bytes, found: list[str]) -> None:
    assert purls(dotnet.CATALOGER, {path: body}) == found


@pytest.mark.parametrize(
    ("strings", "found"),
    [
        ({"ProductName": "Notifu", "ProductVersion": "1, 7, 0, 2"}, "Notifu@1.7.0.2"),
        ({"ProductVersion": "8.5", "CompanyName": "Somebody"}, "tool@8.5"),
        ({"ProductName": "Microsoft® Windows® Operating System", "FileVersion": "10.0.1"}, "tool@10.0.1"),
        ({}, "tool@1.2.3.4"),
    ],
)
def test_a_program_for_windows_without_dotnet_is_known_by_its_product(strings: dict[str, str], found: str) -> None:
    body = assembly(clr=False, strings=strings)
    assert purls(windows.CATALOGER, {"a/tool.exe": body, "a/Lib.dll": assembly()}) == [f"pkg:generic/{found}"]
    assert purls(dotnet.CATALOGER, {"a/tool.exe": body}) == []


def test_assemblies_of_a_program_with_a_deps_json_are_told_by_that() -> None:
    files = {"app/a.deps.json": deps({}, {"a/1.0": "runtimepack"}), "app/runtimes/x/Lib.dll": assembly()}
    assert purls(dotnet.CATALOGER, files) == ["pkg:nuget/a@1.0"]


# PHP


def test_a_branch_is_told_with_its_commit() -> None:
    source = {"type": "git", "url": "https://u:p@e.org/a.git", "reference": "abc1234"}
    body = json.dumps([{"name": "V/A", "version": "dev-main", "source": source, "license": "MIT"}]).encode()
    [package] = packages(php.CATALOGER, {"vendor/composer/installed.json": body})
    assert package.purl == "pkg:composer/v/a@dev-main?vcs_url=git%2Bhttps%3A%2F%2Fe.org%2Fa.git%40abc1234"
    assert (package.name, package.licenses) == ("V/A", ("MIT",))


def test_the_array_counts_only_where_no_list_can_be_read() -> None:
    array = b"<?php return array('versions' => array('v/a' => array('pretty_version' => '1.0', ), 'v/b' => array(),),);"
    beside = {"vendor/composer/installed.php": array}
    assert purls(php.CATALOGER, beside) == ["pkg:composer/v/a@1.0"]
    assert purls(php.CATALOGER, {**beside, "vendor/composer/installed.json": b'{"packages": []}'}) == [
        "pkg:composer/v/a@1.0"
    ]
    listed = b'[{"name": "v/c", "version": "2"}]'
    assert purls(php.CATALOGER, {**beside, "vendor/composer/installed.json": listed}) == ["pkg:composer/v/c@2"]


def test_both_forms_of_pears_descriptions_are_read() -> None:
    old = serialised(
        {
            "package": "Old",
            "version": "1.0",
            "release_license": "BSD",
            "filelist": {"a.php": {"installed_as": "/usr/share/php/a.php"}},
        }
    )
    new = serialised(
        {"name": "New", "channel": "pear.example.org", "version": {"release": "2.0"}, "license": {"_content": "PHP"}}
    )
    files = {"usr/share/php/.registry/old.reg": old, "usr/share/php/.registry/.channel.pear.example.org/new.reg": new}
    view = FakeView(files, pear.CATALOGER)
    assert [(one.purl, one.licenses) for one in pear.CATALOGER.assemble(view)] == [
        ("pkg:pear/pear.example.org/New@2.0", ("PHP",)),
        ("pkg:pear/pecl.php.net/Old@1.0", ("BSD",)),
    ]
    assert pear.CATALOGER.owned is not None
    assert [(file.path, file.owner) for file in pear.CATALOGER.owned(view)] == [
        ("usr/share/php/a.php", "pkg:pear/pecl.php.net/Old@1.0")
    ]


@pytest.mark.parametrize("body", [b"", b"a:1:{", b'a:1:{s:4:"name";s:9:"x";}', b"a:1:{" * 99, b"i:1;", b"a:9:{}"])
def test_a_broken_record_of_pears_is_reported(body: bytes) -> None:
    assert len(problems(pear.CATALOGER, {"usr/share/php/.registry/a.reg": body})) == 1
