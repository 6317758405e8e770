"""Go build information: both layouts, every executable format, and the packages made of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.catalog.programs import golang_versions
from hullmark.catalog.programs.golang import CATALOGER, DAMAGED, LOST, PACKED, READ, GoBinary, GoModule
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from tests.support.executables import GO_MAGIC, Part, elf, fat, go_inline, go_pointed, macho, pe
from tests.support.views import FakeView

INFO = (
    "path\texample.com/Acme/tool/cmd/tool\n"
    "mod\texample.com/Acme/tool\tv1.2.3\t\n"
    "dep\tgithub.com/BurntSushi/toml\tv1.4.0\th1:abc=\n"
    "dep\tgopkg.in/yaml.v3\tv3.0.1\th1:def=\n"
    "build\t-compiler=gc\n"
    "build\tGOARCH=amd64\n"
    "build\tGOOS=linux\n"
)
BINARY = GoBinary(
    "go1.22.1",
    "example.com/Acme/tool/cmd/tool",
    GoModule("example.com/Acme/tool", "v1.2.3"),
    (GoModule("github.com/BurntSushi/toml", "v1.4.0", "h1:abc="), GoModule("gopkg.in/yaml.v3", "v3.0.1", "h1:def=")),
    (("GOARCH", "amd64"), ("GOOS", "linux")),
)
MACHO = b"__go_buildinfo"


def extract(body: bytes) -> tuple[GoBinary | None, list[str]]:
    problems: list[str] = []
    return READ.extract("usr/bin/tool", memoryview(body), problems.append), problems


def stream(body: bytes, sizes: list[int]) -> tuple[GoBinary | None, list[str]]:
    assert READ.oversize is not None
    sink, problems, at, turn = READ.oversize(len(body)), list[str](), 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        sink.write(memoryview(body)[at : at + size])
        at, turn = at + size, turn + 1
    return sink.finish(problems.append), problems


def packages(info: str, go: str = "go1.22.1", path: str = "usr/bin/tool") -> list[Package]:
    view = FakeView({path: elf(go_inline(go, info))}, CATALOGER)
    found = list(CATALOGER.assemble(view))
    assert view.problems == []
    return found


def main_version(module: str, *build: str) -> str:
    lines = "".join(f"build\t{line}\n" for line in build)
    return packages(f"path\t{module}\nmod\t{module}\t(devel)\t\n{lines}")[0].version


# --- both layouts in every format

POINTED: dict[str, Callable[[int], bytes]] = {
    "elf 64 little": lambda stride: elf(go_pointed("go1.16.5", INFO, stride=stride), stride=stride),
    "elf 64 big": lambda stride: elf(go_pointed("go1.16.5", INFO, big=True, stride=stride), big=True, stride=stride),
    "elf 32 little": lambda stride: elf(
        go_pointed("go1.16.5", INFO, width=4, stride=stride), wide=False, stride=stride
    ),
    "elf 32 big": lambda stride: elf(
        go_pointed("go1.16.5", INFO, width=4, big=True, stride=stride), wide=False, big=True, stride=stride
    ),
    "elf without section table": lambda stride: elf(
        go_pointed("go1.16.5", INFO, stride=stride), sections=False, stride=stride
    ),
    "pe 64": lambda stride: pe(go_pointed("go1.16.5", INFO, stride=stride), stride=stride),
    "pe 32": lambda stride: pe(go_pointed("go1.16.5", INFO, width=4, stride=stride), wide=False, stride=stride),
    "mach-o 64": lambda stride: macho(go_pointed("go1.16.5", INFO, name=MACHO, stride=stride), stride=stride),
    "mach-o 32 big": lambda stride: macho(
        go_pointed("go1.16.5", INFO, width=4, big=True, name=MACHO, stride=stride), wide=False, big=True, stride=stride
    ),
}
INLINE = {
    "elf 64 little": elf(go_inline("go1.22.1", INFO)),
    "elf 64 big": elf(go_inline("go1.22.1", INFO), big=True),
    "elf 32 little": elf(go_inline("go1.22.1", INFO), wide=False),
    "elf 32 big": elf(go_inline("go1.22.1", INFO), wide=False, big=True),
    "elf without section table": elf(go_inline("go1.22.1", INFO), sections=False),
    "elf with tables of Go only": elf([*go_inline("go1.22.1", INFO, name=b".mydata"), Part(b".gopclntab", b"x")]),
    "pe 64": pe(go_inline("go1.22.1", INFO, name=b".data")),
    "pe 32": pe(go_inline("go1.22.1", INFO, name=b".data"), wide=False),
    "mach-o 64": macho(go_inline("go1.22.1", INFO, name=MACHO)),
    "mach-o 32 big": macho(go_inline("go1.22.1", INFO, name=MACHO), wide=False, big=True),
    "mach-o fat": fat([macho([Part(b"__text", b"no Go")]), macho(go_inline("go1.22.1", INFO, name=MACHO))]),
}


@pytest.mark.parametrize("body", INLINE.values(), ids=INLINE.keys())
def test_inline_build_information_is_read_from_every_format(body: bytes) -> None:
    assert extract(body) == (BINARY, [])


@pytest.mark.parametrize("make", POINTED.values(), ids=POINTED.keys())
def test_build_information_behind_pointers_is_read_from_every_format(make: Callable[[int], bytes]) -> None:
    assert extract(make(0x2000)) == (msgspec.structs.replace(BINARY, go="go1.16.5"), [])


@pytest.mark.parametrize("make", POINTED.values(), ids=POINTED.keys())
def test_pointers_across_a_large_file_are_followed_by_the_sink_too(make: Callable[[int], bytes]) -> None:
    body = make(1 << 21)
    assert stream(body, [300_000]) == extract(body) == (msgspec.structs.replace(BINARY, go="go1.16.5"), [])


@given(
    st.sampled_from(sorted(INLINE)),
    st.lists(st.integers(1, 200_000), min_size=1, max_size=5),
    st.sampled_from([0, 70_000, 2_500_000]),
)
@settings(deadline=None, max_examples=50)
def test_the_sink_gives_the_fact_of_extract_at_any_piece_size(name: str, sizes: list[int], more: int) -> None:
    body = INLINE[name] + bytes(more)
    sizes = sizes if len(body) < 100_000 else [size + 5000 for size in sizes]
    assert stream(body, sizes) == extract(body)


def test_the_fact_goes_through_msgpack() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(BINARY), type=READ.fact) == BINARY


def test_build_information_of_some_mebibytes_is_kept_by_the_sink() -> None:
    info = INFO + "".join(f"build\t-tags={'x' * 1000}{number}\n" for number in range(3000))
    body = elf(go_inline("go1.22.1", info), stride=1 << 22, tail=1 << 22)
    assert stream(body, [65536]) == extract(body) == (BINARY, [])


def test_position_independent_executables_are_read_by_the_marks_around_the_information() -> None:
    parts = go_pointed("go1.16.5", INFO)
    body = elf([parts[0], parts[1], Part(b".data", bytes(32))])
    found, problems = extract(body.replace(parts[1].data[16:32], bytes(16)))
    assert (found, problems) == (msgspec.structs.replace(BINARY, go=""), [])


def test_a_false_mark_in_front_of_the_true_one_is_passed_over() -> None:
    false = Part(b".rodata", bytes(16) + GO_MAGIC + b"\x08\x02" + b"\xff" * 30 + GO_MAGIC)
    body = pe([false, *go_inline("go1.22.1", INFO, name=b".data")])
    assert extract(body) == (BINARY, [])


# --- what is not there, and what is broken


def test_an_executable_without_build_information_gives_nothing_and_no_problem() -> None:
    for body in (elf([Part(b".text", b"x")]), pe([Part(b".text", b"x")]), macho([Part(b"__text", b"x")])):
        assert extract(body) == (None, [])
        assert stream(body, [4096]) == (None, [])


def test_a_section_of_build_information_that_makes_no_sense_is_a_problem() -> None:
    for data in (b"x", GO_MAGIC, GO_MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 40, GO_MAGIC + b"\x05\x00" + bytes(40)):
        assert extract(elf([Part(b".go.buildinfo", data)])) == (None, [DAMAGED])


def test_an_executable_packed_by_upx_is_a_problem() -> None:
    body = bytearray(elf([Part(b".x", b"x")], sections=False))
    body[0xB0:0xB4] = b"UPX!"
    assert extract(bytes(body)) == (None, [PACKED])
    assert extract(pe([Part(b"UPX0", b"x")])) == (None, [PACKED])


def test_build_information_that_the_sink_could_not_keep_is_a_problem() -> None:
    # Nothing in the section is a mark that would have kept it.
    parts = [Part(b".x", b"x"), Part(b".go.buildinfo", bytes(64), writable=False), Part(b".y", b"y")]
    assert stream(elf(parts, stride=1 << 21, tail=1 << 21), [65536]) == (None, [LOST])


def test_lines_that_cannot_be_read_are_counted_and_the_others_stay() -> None:
    info = "=>\ta\tv1\t\npath\ta/b\ndep\tonly\ndep\ta\tb\tc\td\ndep\tx/y\tv1.0.0\th1:x\n"
    found, problems = extract(elf(go_inline("go1.22.1", info)))
    assert found is not None
    assert found.modules == (GoModule("x/y", "v1.0.0", "h1:x"),)
    assert problems == ["3 lines of its Go build information cannot be read"]


def test_a_list_of_modules_without_end_is_cut() -> None:
    info = "dep\tx/y\tv1.0.0\n" * 30_000
    found, problems = extract(elf(go_inline("go1.22.1", info), stride=1 << 20))
    assert found is not None
    assert len(found.modules) == 20_000
    assert problems == ["its Go build information has more than 20000 lines: the rest is left out"]


@given(st.binary(max_size=400), st.booleans())
@settings(deadline=None)
def test_any_bytes_behind_the_mark_are_survived(rest: bytes, sections: bool) -> None:
    extract(elf([Part(b".go.buildinfo", GO_MAGIC + rest)], sections=sections))


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["path", "mod", "dep", "=>", "build", "a/b", "\t", "\n", '"', "="])).map("".join)
)
@settings(deadline=None)
def test_any_module_information_is_survived_and_gives_packages_with_names(info: str) -> None:
    view = FakeView({"a": elf(go_inline("go1.22.1", info + "\n"))}, CATALOGER)
    assert all(package.name for package in CATALOGER.assemble(view))


@given(st.sampled_from(sorted(POINTED)), st.lists(st.tuples(st.integers(0, 0x7FFF), st.integers(0, 255)), max_size=20))
@settings(deadline=None)
def test_pointers_to_anywhere_are_survived(name: str, changes: list[tuple[int, int]]) -> None:
    body = bytearray(POINTED[name](0x2000))
    for at, value in changes:
        body[(0x3000 + at % 64) if at % 3 else at % len(body)] = value
    extract(bytes(body))


# --- packages


def test_an_executable_gives_its_module_those_it_was_built_from_and_the_standard_library() -> None:
    found = packages(INFO)
    assert [(package.name, package.version, package.purl) for package in found] == [
        ("example.com/Acme/tool", "v1.2.3", "pkg:golang/example.com/Acme/tool@v1.2.3"),
        ("github.com/BurntSushi/toml", "v1.4.0", "pkg:golang/github.com/BurntSushi/toml@v1.4.0"),
        ("gopkg.in/yaml.v3", "v3.0.1", "pkg:golang/gopkg.in/yaml.v3@v3.0.1"),
        ("stdlib", "1.22.1", "pkg:golang/stdlib@1.22.1"),
    ]
    assert {package.locations for package in found} == {(Location("/usr/bin/tool", 0),)}
    assert {package.type for package in found} == {"golang"}
    assert found[0].notes == {"GOARCH": "amd64", "GOOS": "linux"}
    assert found[1].notes == {"h1": "abc="}
    assert found[3].licenses == ("BSD-3-Clause",)


def test_build_settings_of_the_main_module_are_noted() -> None:
    info = "path\ta/b\nmod\ta/b\tv1.0.0\t\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=arm64\nbuild\tGOOS=linux\nbuild\tvcs.revision=0123\n"
    assert packages(info)[0].notes == {"CGO_ENABLED": "0", "GOARCH": "arm64", "GOOS": "linux", "vcs.revision": "0123"}


def test_a_replaced_module_stands_as_its_replacement() -> None:
    found = packages("path\ta/b\ndep\tx.org/old\tv1.0.0\t\n=>\tx.org/new\tv2.0.0\th1:x\n")
    assert (found[1].name, found[1].version) == ("x.org/new", "v2.0.0")


@pytest.mark.parametrize("folder", ["./fork", "../fork", "/src/fork", "C:\\fork"])
def test_a_module_replaced_by_a_folder_keeps_its_name_and_version(folder: str) -> None:
    found = packages(f"path\ta/b\ndep\tx.org/old\tv1.0.0\th1:y\n=>\t{folder}\t(devel)\t\n")
    assert (found[1].name, found[1].version) == ("x.org/old", "v1.0.0")


def test_a_module_without_version_is_unknown_and_its_purl_has_none() -> None:
    found = packages("path\ta.org/b\nmod\ta.org/b\t(devel)\t\ndep\ta.org/c\t(devel)\t\n")
    assert [(package.version, package.purl) for package in found[:2]] == [
        (UNKNOWN_VERSION, "pkg:golang/a.org/b"),
        (UNKNOWN_VERSION, "pkg:golang/a.org/c"),
    ]


def test_a_program_built_without_modules_is_named_by_its_import_path() -> None:
    found = packages("path\tgithub.com/restic/restic/cmd/restic\nbuild\tGOOS=linux\n")
    assert [(package.name, package.version) for package in found] == [
        ("github.com/restic/restic/cmd/restic", UNKNOWN_VERSION),
        ("stdlib", "1.22.1"),
    ]


def test_a_program_made_of_loose_files_is_no_package_but_what_it_was_built_from_is() -> None:
    found = packages("path\tcommand-line-arguments\ndep\ta.org/c\tv1.0.0\t\n")
    assert [package.name for package in found] == ["a.org/c", "stdlib"]


def test_a_program_without_module_information_gives_the_standard_library() -> None:
    assert [package.name for package in packages("")] == ["stdlib"]


def test_a_command_of_go_itself_has_the_version_of_go() -> None:
    assert [(package.name, package.version) for package in packages("path\tcmd/go\n")] == [
        ("cmd/go", "1.22.1"),
        ("stdlib", "1.22.1"),
    ]


def test_a_version_with_a_plus_is_encoded_in_the_purl() -> None:
    found = packages("path\ta\ndep\tgithub.com/docker/docker\tv20.10.7+incompatible\th1:x\n")
    assert found[1].purl == "pkg:golang/github.com/docker/docker@v20.10.7%2Bincompatible"


@pytest.mark.parametrize(
    ("go", "version"),
    [
        ("go1.22.1", "1.22.1"),
        ("go1.20", "1.20"),
        ("go1.21rc2", "1.21rc2"),
        ("go1.19.4 X:boringcrypto", "1.19.4"),
        ("go1.26.0-X:jsonv2,nodwarf5", "1.26.0"),
        ("go1.19.13 (Red Hat 1.19.13-2.el9)", "1.19.13"),
        ("devel go1.23-abcdef Mon Jan 1 00:00:00 2024 +0000", "1.23-abcdef"),
        ("devel +abcdef Mon Jan 1 00:00:00 2018 +0000", UNKNOWN_VERSION),
    ],
)
def test_the_standard_library_has_the_number_of_the_toolchain(go: str, version: str) -> None:
    assert packages("path\ta.org/b\n", go)[-1].version == version


def test_one_program_at_two_places_gives_equal_packages_but_for_the_place() -> None:
    body = elf(go_inline("go1.22.1", INFO))
    found = list(CATALOGER.assemble(FakeView({"a": body, "b": body}, CATALOGER)))
    assert len(found) == 8
    assert {package.locations[0].path for package in found} == {"/a", "/b"}
    assert {package.mains for package in found} == {(found[0].purl,)}
    assert [msgspec.structs.replace(each, locations=()) for each in found[:4]] == [
        msgspec.structs.replace(each, locations=()) for each in found[4:]
    ]


# --- the main module's version


@pytest.mark.parametrize(
    ("module", "flags", "version"),
    [
        ("github.com/anchore/syft", '"-s -w -X main.version=1.18.1 -X main.gitCommit=5e16"', "v1.18.1"),
        ("a.org/b", "\"-X 'main.Version=v2.0.0-rc.1'\"", "v2.0.0-rc.1"),
        ("a.org/b", '"-X=main.version=2.0.0"', "v2.0.0"),
        ("a.org/b", '"-X \\"main.version=2.0.0\\""', "v2.0.0"),
        ("a.org/b", "-X=a.org/b/internal/version.Version=2.0.0+ds1", "v2.0.0+ds1"),
        ("github.com/prometheus/prometheus", '"-X github.com/prometheus/common/version.Version=2.45.0"', "v2.45.0"),
        ("k8s.io/kubernetes", '"-X k8s.io/component-base/version.gitVersion=v1.28.0"', "v1.28.0"),
        ("a.org/operator", '"-X k8s.io/component-base/version.gitVersion=v1.28.0"', UNKNOWN_VERSION),
        ("a.org/b", '"-X a.org/other/version.Version=3.45.1"', UNKNOWN_VERSION),
        ("a.org/b", '"-X a.org/b/vendor/x.org/version.Version=3.45.1"', UNKNOWN_VERSION),
        ("a.org/b", '"-X a.org/b/terraform.Version=3.45.1"', UNKNOWN_VERSION),
        ("a.org/b", '"-X main.playbooksVersion=3.45.1"', UNKNOWN_VERSION),
        ("a.org/b", '"-X main.version=3.45.1 -X main.version=3.45.2"', UNKNOWN_VERSION),
        ("a.org/b", '"-X main.version=3.45.1 -X a.org/b/version.Version=9.9.9"', "v3.45.1"),
        ("a.org/b", '"-X main.version=dev"', UNKNOWN_VERSION),
        ("a.org/b", '"-X main.version=1.2"', UNKNOWN_VERSION),
        ("a.org/b", '"-X"', UNKNOWN_VERSION),
        ("a.org/b", '"-X -X = main.version"', UNKNOWN_VERSION),
    ],
)
def test_a_linked_in_version_counts_where_it_can_only_be_the_programs_own(
    module: str, flags: str, version: str
) -> None:
    assert main_version(module, f"-ldflags={flags}") == version


COMMIT = ("vcs=git", "vcs.revision=5e16e5031a13f8a11057feb8544decebfc43b4ed", "vcs.time=2024-12-13T18:30:11Z")


@pytest.mark.parametrize(
    ("module", "build", "version"),
    [
        ("a.org/b", (*COMMIT, "vcs.modified=false"), "v0.0.0-20241213183011-5e16e5031a13"),
        ("a.org/b", (*COMMIT, "vcs.modified=true"), "v0.0.0-20241213183011-5e16e5031a13+dirty"),
        ("a.org/b/v3", COMMIT, "v3.0.0-20241213183011-5e16e5031a13"),
        ("gopkg.in/b.v2", COMMIT, "v2.0.0-20241213183011-5e16e5031a13"),
        ("a.org/b", COMMIT[:2], UNKNOWN_VERSION),
        ("a.org/b", ("vcs.revision=12", COMMIT[2]), UNKNOWN_VERSION),
        ("a.org/b", (COMMIT[1], "vcs.time=yesterday"), UNKNOWN_VERSION),
        ("a.org/b", (*COMMIT, '-ldflags="-X main.version=1.2.3"'), "v1.2.3"),
    ],
)
def test_a_commit_gives_the_version_that_go_would_write(module: str, build: tuple[str, ...], version: str) -> None:
    assert main_version(module, *build) == version


def test_a_linked_in_version_is_better_than_the_stamp_of_a_clone_without_tags() -> None:
    flags = 'build\t-ldflags="-X main.version=1.2.3"\n'
    stamp = "v0.0.0-20241213183011-5e16e5031a13+dirty"
    assert packages(f"path\ta.org/b\nmod\ta.org/b\t{stamp}\t\n{flags}")[0].version == "v1.2.3"
    assert packages(f"path\ta.org/b\nmod\ta.org/b\t{stamp}\t\n")[0].version == stamp
    assert packages(f"path\ta.org/b\nmod\ta.org/b\tv1.9.0\t\n{flags}")[0].version == "v1.9.0"


@given(st.text(alphabet="-X main.version=123'\" \\\n", max_size=80))
def test_any_linker_flags_are_survived(flags: str) -> None:
    golang_versions.main_version("", {"-ldflags": flags}, "a.org/b")
