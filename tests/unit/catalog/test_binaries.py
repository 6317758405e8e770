"""Programs without a package: what classifiers find, what they leave to others, and what nothing explains."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.catalog import CATALOGERS
from hullmark.catalog.binaries.classifier import REACH, Classifier, Rule
from hullmark.catalog.binaries.programs import PROGRAMS, Program, program_of
from hullmark.catalog.binaries.search import ProgramSearch
from hullmark.catalog.binaries.table import TABLE, find_by_path
from hullmark.catalog.sbom import read_sbom
from hullmark.model.inventory import Inventory, UnexplainedFile, UnexplainedPrograms
from hullmark.model.package import UNKNOWN_VERSION
from hullmark.report import (
    inventory_cyclonedx_json,
    inventory_cyclonedx_xml,
    inventory_json,
    inventory_spdx3_json,
    inventory_spdx_json,
    inventory_spdx_tag_value,
    inventory_syft_json,
    inventory_table,
)
from hullmark.report.format import RenderContext
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.reads import MIB
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.support.executables import elf, fat, go_inline, macho, pe
from tests.support.layers import TarBuilder, image
from tests.support.programs import NGINX, inventory, noted, program
from tests.support.views import FakeView

[BINARIES, NOTES] = [cataloger for cataloger in CATALOGERS if cataloger.name in ("binaries", "elf-notes")]
OS_RELEASE = b"ID=debian\nVERSION_ID=13\n"
RULES = [(each, rule) for each in TABLE for rule in each.rules]


def found(path: str, body: bytes, step: int = 65_536) -> tuple[tuple[str, str], ...]:
    """Classifiers and versions, of a body that comes in pieces."""
    search, problems = ProgramSearch(find_by_path(path), path.rpartition("/")[2]), list[str]()
    for start in range(0, len(body), step):
        search.write(memoryview(body)[start : start + step])
    result = search.finish(problems.append) or ()
    assert problems == []
    return result


def named(result: Inventory) -> list[tuple[str, str, str | None]]:
    return [
        (package.name, package.version, package.owned_by)
        for package in result.packages
        if package.cataloger == "binaries"
    ]


def debian(*stanzas: str, files: dict[str, list[str]] | None = None) -> TarBuilder:
    tar = TarBuilder().add("etc/os-release", OS_RELEASE)
    tar.add(
        "var/lib/dpkg/status", "\n".join(f"{stanza}\nStatus: install ok installed\n" for stanza in stanzas).encode()
    )
    for name, paths in (files or {}).items():
        tar.add(f"var/lib/dpkg/info/{name}.list", "".join(f"/{path}\n" for path in paths).encode())
    return tar


# The table


def test_classifiers_have_names_of_their_own() -> None:
    assert len({each.key for each in TABLE}) == len(TABLE)
    assert all(re.fullmatch(r"pkg:[a-z]+/[\w./-]+", each.purl) for each in TABLE)
    assert all(re.fullmatch(r"[a-z0-9_-]+:[a-z0-9._/-]+", cpe) for each in TABLE for cpe in each.cpes)


@pytest.mark.parametrize(("owner", "rule"), RULES, ids=lambda each: getattr(each, "key", ""))
def test_rules_are_bounded_and_have_one_version(owner: Classifier, rule: Rule) -> None:
    pattern = re.compile(rule.pattern)
    assert pattern.groups == 1
    assert rule.within < REACH
    assert _longest(rule.pattern) <= REACH
    assert not rule.near or _longest(rule.near) <= 256


def _longest(pattern: bytes) -> int:
    """The bytes that an expression matches at most."""
    return re._parser.parse(pattern).getwidth()[1]  # type: ignore[no-any-return]


def test_files_are_chosen_by_their_names_alone_and_no_expression_is_tried_on_every_file() -> None:
    dispatch = Dispatch(BINARIES.reads)
    assert dispatch.rules(b"nginx") != ()
    assert dispatch.rules(b"libpython3.11.so.1.0") != ()
    assert dispatch.rules(b"libfoo.so.1") == () == dispatch.rules(b"README.md")


def test_a_name_that_goes_on_otherwise_is_another_file() -> None:
    assert {
        path: [each.key for each in find_by_path(path)]
        for path in ("usr/bin/nginx.conf", "opt/gonginx", "opt/libpq.so.5")
    } == {
        "usr/bin/nginx.conf": [],
        "opt/gonginx": [],
        "opt/libpq.so.5": [],
    }


# What is found in one file


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("usr/sbin/nginx", NGINX, [("nginx", "1.26.3")]),
        ("opt/nginx", b"A page about nginx version: nginx/1.2.3, and nginx/1.2.3\n", []),
        ("etc/default/httpd", b"# Apache/2.4.1\n", []),
        ("usr/bin/gzip", b"\0BusyBox v1.36.1 (2024)\0not in gzip format\0001.12\0", []),
        ("usr/bin/gzip", b"\0not in gzip format\0001.12\0", [("gzip", "1.12")]),
        ("usr/bin/openssl", b"\0OpenSSL 1.1.1 (compatible; AWS-LC 1.69.0)\0", [("aws-lc", "1.69.0")]),
        ("usr/bin/python3.11", b"\0001.3.1\0ZLIB\0003.11.9\0strict\0Python %s\n\0", [("python", "3.11.9")]),
        ("usr/bin/python3.11", b"\x003.2.0\0ucd\x003.11.9\0and nothing else", [("python", "3.11.9")]),
        ("usr/bin/python3.11.9", b"\0no version in here\0", [("python", "3.11.9")]),
        ("usr/bin/traefik", b"\0go1.22.4\0\0003.0.1\0", [("traefik", "3.0.1")]),
        ("usr/bin/redis-server", b"\x007.0.15841ce7054bd9-1542359302000000000\0", [("redis", "7.0.15")]),
        ("usr/sbin/mysqld", b"\0cluster-gpl\0005.6.10-ndb-7.3.1\0", [("mysql-cluster", "7.3.1"), ("mysql-server", "5.6.10")]),
        ("usr/bin/ruby", b"\0ruby 3.4.0preview1 (2024-05-16)\0", [("ruby", "3.4.0preview1")]),
        ("opt/jdk/bin/java", b"\0openjdk\0java\0001.8\0001.8.0_412-b08\0", [("java-openjdk", "1.8.0_412-b08")]),
        ("opt/zulu8/bin/java", b"\0openjdk\0java\0001.8\0001.8.0_412-b08\0", [("java-zulu", "1.8.0_412-b08")]),
    ],
)  # fmt: skip
def test_a_version_counts_beside_its_anchor(path: str, body: bytes, expected: list[tuple[str, str]]) -> None:
    assert sorted(found(path, body)) == sorted(expected)


@pytest.mark.parametrize("offset", [MIB - 2 * REACH - 20, MIB - REACH, MIB - 20, MIB - 5, MIB, 2 * MIB - 40])
def test_a_version_is_whole_wherever_the_pieces_of_a_file_end(offset: int) -> None:
    body = b"\0" * offset + b"\0nginx version: nginx/1.26.31\n" + b"\0" * (MIB // 2)
    assert found("usr/sbin/nginx", body, step=65_536) == (("nginx", "1.26.31"),)


def test_an_earlier_rule_wins_wherever_it_holds_and_a_text_may_be_far_behind() -> None:
    later = b"\0v0.12.18\0" + b"\0" * (3 * MIB) + b"node.js/v22.1.0\0"
    assert found("usr/bin/node", later) == (("node", "22.1.0"),)
    assert found("usr/bin/gzip", b"\0001.12\0" + b"\0" * (2 * MIB) + b"not in gzip format") == (("gzip", "1.12"),)


NAMES = sorted(
    {file.replace("*", "3.11").replace("?", "0").rpartition("/")[2] for each in TABLE for file in each.files}
)


@settings(max_examples=60)
@given(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from([rule.mark for _, rule in RULES] + [b"1.2.3", b"\0", b"v"]) | st.binary()),
)
def test_any_bytes_are_survived(name: str, parts: list[bytes]) -> None:
    found(f"usr/bin/{name}", b"".join(parts))


# What others say better, and links


def test_busybox_counts_once_through_its_links() -> None:
    body = program(b"\0BusyBox v1.36.1 (2024-01-01)\0not in gzip format\0001.2\0")
    tar = TarBuilder().add("bin/[", body, mode=0o755)
    for name in ("busybox", "gzip", "getopt"):
        tar.hardlink(f"bin/{name}", "bin/[")
    tar.symlink("bin/xz", "busybox").symlink("usr/bin/curl", "/bin/busybox")
    result = inventory(tar.done())
    assert named(result) == [("busybox", "1.36.1", None)]
    assert result.problems == ()
    assert result.unexplained == UnexplainedPrograms(executables=0, bytes=0)


def test_what_the_same_products_package_owns_is_not_told_twice_and_a_copy_in_another_package_is() -> None:
    tar = debian(
        "Package: nginx-core\nSource: nginx\nVersion: 1.26.3-3\nArchitecture: amd64\nSection: httpd",
        "Package: agent\nVersion: 1.0\nArchitecture: amd64\nSection: net",
        files={"nginx-core": ["usr/sbin/nginx"], "agent": ["opt/agent/nginx"]},
    )
    tar.add("usr/sbin/nginx", program(NGINX)).add("opt/agent/nginx", program(NGINX))
    result = inventory(tar.done())
    [(name, version, owner)] = named(result)
    assert (name, version) == ("nginx", "1.26.3")
    assert owner == "pkg:deb/debian/agent@1.0?arch=amd64&distro=debian-13"
    assert [
        location.path
        for package in result.packages
        if package.cataloger == "binaries"
        for location in package.locations
    ] == ["/opt/agent/nginx"]


def test_build_information_of_go_wins_where_it_knows_the_release() -> None:
    def helm(version: str) -> bytes:
        return (
            elf(go_inline("go1.22.4", f"path\thelm.sh/helm/v3\nmod\thelm.sh/helm/v3\t{version}\t\n"))
            + b"\0clean\0\0v3.15.2\0"
        )

    for version, expected in (("v3.15.2", []), ("(devel)", ["helm"])):
        view = TarBuilder().add("usr/bin/helm", helm(version), mode=0o755).done()
        assert [name for name, *_ in named(inventory(view))] == expected


def test_the_release_file_of_a_java_runtime_wins() -> None:
    body = program(b"\0openjdk\0java\0000.0\00017.0.9+9\0")
    bare = TarBuilder().add("opt/jdk/bin/java", body)
    assert named(inventory(bare.done())) == [("openjdk", "17.0.9+9", None)]
    whole = TarBuilder().add("opt/jdk/bin/java", body).add("opt/jdk/release", b'JAVA_VERSION="17.0.9"\n')
    assert named(inventory(whole.done())) == []


def test_a_toolchain_of_go_without_build_information_is_told_by_its_file() -> None:
    files = {
        "usr/local/go/VERSION": b"go1.12.3\n",
        "usr/local/go/bin/go": b"\0",
        "opt/VERSION": b"go1.2\n",
        "srv/VERSION": b"2\n",
    }
    [package] = BINARIES.assemble(FakeView(files, BINARIES))
    assert package.purl == "pkg:generic/go@1.12.3"


# Notes of packages


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("big", [True, False])
def test_the_note_of_a_program_names_its_package(wide: bool, big: bool) -> None:
    text = (
        b'{"type":"rpm","name":"grep","version":"3.11-7.fc40","architecture":"x86_64","os":"fedora","osVersion":"40"}\0'
    )
    [package] = NOTES.assemble(FakeView({"usr/bin/grep": noted(text, wide=wide, big=big)}, NOTES))
    assert package.purl == "pkg:rpm/fedora/grep@3.11-7.fc40?arch=x86_64&distro=fedora-40"
    assert (package.type, package.name, package.version) == ("rpm", "grep", "3.11-7.fc40")


@pytest.mark.parametrize(
    ("fields", "purl"),
    [
        ('"osCpe":"cpe:/o:fedoraproject:fedora:40"', "pkg:rpm/fedora/a@1?distro=fedora-40"),
        ('"osCpe":"cpe:2.3:o:redhat:enterprise_linux:9:*:*:*:*:*:*:*"', "pkg:rpm/redhat/a@1?distro=rhel-9"),
        ('"osCpe":"cpe:/o:opensuse:leap:15.6"', "pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.6"),
        ('"osCpe":"cpe:/o:opensuse:tumbleweed"', "pkg:rpm/opensuse/a@1?distro=opensuse-tumbleweed"),
        (
            '"os":"azurelinux","osCpe":"cpe:/o:microsoft:azure_linux:3.0"',
            "pkg:rpm/azurelinux/a@1?distro=azurelinux-3.0",
        ),
        ('"os":"azurelinux","osVersion":"3.0","osCpe":"cpe:/o:x:y:1"', "pkg:rpm/azurelinux/a@1?distro=azurelinux-3.0"),
        ('"osCpe":"fedora 40"', "pkg:rpm/a@1"),
    ],
)
def test_the_system_of_a_note_may_stand_in_a_cpe_name_alone(fields: str, purl: str) -> None:
    text = f'{{"type":"rpm","name":"a","version":"1",{fields}}}'.encode()
    [package] = NOTES.assemble(FakeView({"usr/bin/a": noted(text)}, NOTES))
    assert package.purl == purl


def test_the_software_in_a_note_may_have_a_cpe_name() -> None:
    text = b'{"type":"rpm","name":"a","version":"1","appCpe":"cpe:2.3:a:gnu:glibc:2.38:*:*:*:*:*:*:*"}'
    [package] = NOTES.assemble(FakeView({"usr/bin/a": noted(text)}, NOTES))
    assert package.notes == {"cpes": "a:gnu:glibc"}


def test_notes_that_say_little_or_cannot_be_read() -> None:
    files = {
        "a": noted(b'{"type":"container","name":"tool","extra":[1]}'),
        "b": noted(b'{"type":1,"name":["x"]}'),
        "c": noted(b"{"),
    }
    view = FakeView(files, NOTES)
    assert [(each.type, each.name, each.version) for each in NOTES.assemble(view)] == [
        ("generic", "tool", UNKNOWN_VERSION)
    ]
    assert view.problems == [("c", "the note of its package cannot be read")]


def test_a_note_is_no_package_database() -> None:
    tar = TarBuilder().add("etc/os-release", OS_RELEASE).add("usr/bin/grep", noted(b'{"type":"deb","name":"grep"}'))
    assert any("no database of deb packages" in problem.reason for problem in inventory(tar.done()).problems)


@given(
    st.binary(max_size=600),
    st.sampled_from([b"", noted(b"{}")[:120], b"MZ", b"\xca\xfe\xba\xbe", b"\x7fELF\2\1\1", b"\x7fELF\1\2\1"]),
)
@example(b"", b"#!")
def test_any_beginning_is_survived(body: bytes, start: bytes) -> None:
    program_of(memoryview(start + body), lambda reason: None)


# What is an executable, and what nothing explains


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (program(), "elf"),
        (program(kind=3), "elf"),
        (program(kind=1), None),
        (pe([]), "pe"),
        (macho([]), "macho"),
        (fat([macho([])]), "macho"),
        (b"#!/bin/sh\n", "script"),
        (b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(40), None),
        (b"MZ" + bytes(70), None),
        (b"text", None),
    ],
)
def test_executables_are_told_by_their_beginning(body: bytes, expected: str | None) -> None:
    found = program_of(memoryview(body), lambda reason: None)
    assert (found.format if found is not None else None) == expected


def _image() -> Iterator[bytes]:
    tar = debian(
        "Package: tools\nVersion: 1\nArchitecture: amd64\nSection: net",
        files={"tools": ["usr/bin/owned", "bin/linked"]},
    )
    tar.symlink("bin", "usr/bin")
    for path in ("usr/bin/owned", "usr/bin/linked", "usr/sbin/nginx", "opt/odd", "opt/lib/odd.so", "opt/gone"):
        tar.add(path, program(NGINX if path.endswith("nginx") else b"odd"), mode=0o644)
    tar.hardlink("opt/odd2", "opt/odd")
    tar.add("opt/run.sh", b"#!/bin/sh\n", mode=0o755).add("opt/read.sh", b"#!/bin/sh\n", mode=0o644)
    tar.add("var/lib/dpkg/info/tools.postinst", b"#!/bin/sh\n", mode=0o755)
    tar.add("app/node_modules/x/package.json", b'{"name":"x","version":"1.0.0"}')
    tar.add("app/node_modules/x/build/x.node", program(kind=3))
    site = "usr/lib/python3/dist-packages"
    tar.add(f"{site}/y-1.dist-info/METADATA", b"Metadata-Version: 2.1\nName: y\nVersion: 1\n")
    tar.add(f"{site}/y-1.dist-info/RECORD", b"y/native.so,,\n").add(f"{site}/y/native.so", program(kind=3))
    yield tar.done()
    yield TarBuilder().add("opt/.wh.gone").done()


def test_what_nothing_explains_is_counted_once_with_its_bytes() -> None:
    result = inventory(*_image()).unexplained
    size = len(program(b"odd"))
    assert result is not None
    assert result.largest == (
        UnexplainedFile(path="/opt/lib/odd.so", size=size, layer=0),
        UnexplainedFile(path="/opt/odd", size=size, layer=0),
        UnexplainedFile(path="/opt/run.sh", size=10, layer=0),
    )
    assert (result.executables, result.bytes) == (3, 2 * size + 10)


def test_programs_are_read_by_their_beginning_alone() -> None:
    view = FakeView({"a": program() + bytes(3 * MIB)}, NOTES)
    assert [fact.fact for fact in view.facts(PROGRAMS)] == [Program("elf")]


def test_the_count_is_in_documents_and_survives_being_read_back() -> None:
    told = inventory(*_image())
    context = RenderContext(tool_version="1")
    size = 2 * len(program(b"odd")) + 10
    assert f"Programs:  3 unexplained, {size} B: /opt/lib/odd.so, /opt/odd, /opt/run.sh\n" in _table(told)
    written = inventory_json.render(told, context)
    assert read_sbom(written, "x").unexplained == told.unexplained
    properties = msgspec.json.decode(inventory_cyclonedx_json.render(told, context))["metadata"]["component"][
        "properties"
    ]
    assert {"name": "hullmark:image:unexplained_executables", "value": "3"} in properties
    # CycloneDX and SPDX have the number, not the names.
    for render in (inventory_cyclonedx_json.render, inventory_cyclonedx_xml.render):
        again = read_sbom(render(told, context), "x")
        assert again.unexplained == UnexplainedPrograms(executables=3, bytes=size)
        assert f"Programs:  3 unexplained, {size} B\n" in _table(again)
    sentence = f"Executables that no package owns and nothing explains: 3 ({size} bytes)."
    assert sentence in msgspec.json.decode(inventory_spdx_json.render(told, context))["comment"]


def test_documents_name_classified_programs_in_cpe_as_well() -> None:
    told = inventory(*_image())
    context = RenderContext(tool_version="1")
    bill = msgspec.json.decode(inventory_cyclonedx_json.render(told, context))
    [program] = [component for component in bill["components"] if component["name"] == "nginx"]
    names = [f"cpe:2.3:a:{vendor}:nginx:{program['version']}:*:*:*:*:*:*:*" for vendor in ("f5", "nginx")]
    assert program["cpe"] == names[0]
    assert {"name": "syft:cpe23", "value": names[1]} in program["properties"]
    for render in (
        inventory_cyclonedx_json.render, inventory_cyclonedx_xml.render, inventory_spdx_json.render, inventory_spdx_tag_value.render,
        inventory_spdx3_json.render, inventory_syft_json.render,
    ):  # fmt: skip
        written = render(told, context)
        assert all(msgspec.json.encode(name)[1:-1] in written for name in names), render.__module__
        [again] = [package for package in read_sbom(written, "x").packages if package.name == "nginx"]
        assert again.notes["cpes"] == "a:f5:nginx a:nginx:nginx"


def _table(inventory: Inventory) -> str:
    return inventory_table.render(inventory, RenderContext(tool_version="1")).decode()


@pytest.mark.parametrize("number", ["", "-1", "many", "9" * 40, "1.5"])
def test_a_count_that_is_no_number_is_nobodys_count(number: str) -> None:
    properties = [
        {"name": "hullmark:image:unexplained_executables", "value": number},
        {"name": "hullmark:image:unexplained_bytes", "value": "5"},
    ]
    component = {"name": "x", "properties": properties}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": component}}
    assert read_sbom(msgspec.json.encode(document)).unexplained is None


def test_nobody_counts_where_the_programs_were_not_looked_at() -> None:
    layers = image(*_image())
    assert scan_image(layers, ScanRequest(catalogers=("dpkg",)), ScanResources()).inventory.unexplained is None
