"""Crates from the lists that cargo-auditable leaves in executables."""

from __future__ import annotations

import json
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.catalog.programs.rust import CATALOGER, LOST, READ, Crate, _begins_list
from hullmark.model.package import UNKNOWN_VERSION, Location
from tests.support.executables import Part, elf, fat, macho, pe, rust
from tests.support.views import FakeView

LIST = {
    "packages": [
        {"name": "adler2", "version": "2.0.1", "source": "crates.io"},
        {"name": "cc", "version": "1.2.0", "source": "crates.io", "kind": "build"},
        {"name": "uv", "version": "0.13.9", "source": "local", "dependencies": [0], "root": True},
        {"name": "fork", "version": "1.0.0", "source": "git", "kind": "runtime"},
    ],
    "format": 1,
}
CRATES = (Crate("adler2", "2.0.1", "crates.io"), Crate("uv", "0.13.9", "local", (0,)), Crate("fork", "1.0.0", "git"))
PARTS = rust(json.dumps(LIST, separators=(",", ":")).encode())
FORMATS = {
    "elf 64": elf(PARTS),
    "elf 32 big": elf(PARTS, wide=False, big=True),
    "elf without section table": elf(PARTS, sections=False),
    "pe 64": pe(PARTS),
    "pe 32": pe(PARTS, wide=False),
    "mach-o 64": macho(PARTS),
    "mach-o fat": fat([macho([Part(b"__text", b"x")]), macho(PARTS)]),
}


def extract(body: bytes) -> tuple[tuple[Crate, ...] | None, list[str]]:
    problems: list[str] = []
    return READ.extract("usr/bin/tool", memoryview(body), problems.append), problems


def stream(body: bytes, sizes: list[int]) -> tuple[tuple[Crate, ...] | None, list[str]]:
    assert READ.oversize is not None
    sink, problems, at, turn = READ.oversize(len(body)), list[str](), 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        sink.write(memoryview(body)[at : at + size])
        at, turn = at + size, turn + 1
    return sink.finish(problems.append), problems


def listed(*packages: Any) -> bytes:
    return elf(rust(json.dumps({"packages": packages}).encode()))


@pytest.mark.parametrize("body", FORMATS.values(), ids=FORMATS.keys())
def test_the_crates_that_run_are_read_from_every_format(body: bytes) -> None:
    assert extract(body) == (CRATES, [])


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_every_strength_of_compression_is_known_to_the_sink(level: int) -> None:
    body = elf(rust(json.dumps(LIST).encode(), level=level), stride=1 << 21, tail=1 << 21)
    assert stream(body, [65536]) == extract(body) == (CRATES, [])


@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.integers(1, 200_000), min_size=1, max_size=5),
    st.sampled_from([0, 70_000, 2_500_000]),
)
@settings(deadline=None, max_examples=50)
def test_the_sink_gives_the_fact_of_extract_at_any_piece_size(name: str, sizes: list[int], more: int) -> None:
    body = FORMATS[name] + bytes(more)
    sizes = sizes if len(body) < 100_000 else [size + 5000 for size in sizes]
    assert stream(body, sizes) == extract(body)


@given(st.binary(max_size=12), st.sampled_from(range(-1, 10)), st.sampled_from((b'{"packages"', b" {", b"x", b"")))
def test_what_zlib_cannot_read_is_no_beginning_and_what_it_can_is(tail: bytes, level: int, text: bytes) -> None:
    streams = [b"x\x9c" + tail, b"x\x01" + tail, zlib.compress(text + tail, level)]
    for stream in streams + [stream[:cut] for stream in streams for cut in range(2, 9)]:
        try:
            begin = zlib.decompressobj().decompress(stream)
        except zlib.error:
            begin = b""
        assert _begins_list(stream, 0, 0) is (b'{"packages"' in begin), stream


def test_a_long_list_is_kept_whole_by_the_sink() -> None:
    noise = [
        {"name": f"crate-{number * 7919 % 100_003}", "version": f"{number}.0.0", "source": "git"}
        for number in range(15_000)
    ]
    body = elf(rust(json.dumps({"packages": noise}).encode()), stride=1 << 21, tail=1 << 21)
    found, problems = stream(body, [65536])
    assert found is not None
    assert len(found) == 15_000
    assert (found, problems) == extract(body)


def test_the_fact_goes_through_msgpack() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(CRATES), type=READ.fact) == CRATES


def test_an_executable_without_a_list_gives_nothing_and_no_problem() -> None:
    for body in (elf([Part(b".text", b"x")]), pe([Part(b".text", b"x")]), macho([Part(b"__text", b"x")])):
        assert extract(body) == (None, [])
        assert stream(body, [4096]) == (None, [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zlib", "the compressed data is damaged"),
        (zlib.compress(b'{"packages":[]}')[:-3], "the compressed data ends too early"),
        (zlib.compress(b"[1, 2"), "it is not the JSON of cargo-auditable"),
        (zlib.compress(b'{"packages": 7}'), "it is not the JSON of cargo-auditable"),
        (zlib.compress(b'{"packages": [' + b"[" * 100_000), "it is not the JSON of cargo-auditable"),
        (zlib.compress(bytes(9 << 20)), "it is larger than 8 MiB"),
        (zlib.compress(b"{},".join([b""] * 50_000)), "it has more than 20000 crates"),
    ],
)
def test_a_list_that_cannot_be_read_is_a_problem(data: bytes, reason: str) -> None:
    body = elf([Part(b".dep-v0", data)], stride=1 << 20)
    assert extract(body) == (None, [f"its list of Rust crates cannot be read: {reason}"])


def test_a_list_that_the_sink_could_not_keep_is_a_problem() -> None:
    body = elf([Part(b".x", b"x"), Part(b".dep-v0", zlib.compress(b"[]"))], stride=1 << 21, tail=1 << 21)
    assert stream(body, [65536]) == (None, [LOST])


@pytest.mark.parametrize(
    ("data", "found", "problems"),
    [
        (zlib.compress(b'{"packages": 7}') * 2, None, ["it is not the JSON of cargo-auditable"]),
        (zlib.compress(b'{"packages":[]}') * 9, None, ["there are too many places where it may be"]),
        (zlib.compress(b'{"packages": 7}') + zlib.compress(b'{"packages":[]}') + PARTS[1].data, CRATES, []),
    ],
    ids=["none is sound", "more than are looked at", "the last one is sound"],
)
def test_of_several_lists_without_section_names_the_first_that_names_crates_counts(
    data: bytes, found: tuple[Crate, ...] | None, problems: list[str]
) -> None:
    body = elf([Part(b".text", bytes(64), writable=False), Part(b".data", data)], sections=False)
    assert extract(body) == (found, [f"its list of Rust crates cannot be read: {reason}" for reason in problems])


def test_a_crate_that_cannot_be_read_is_counted_and_the_others_stay() -> None:
    body = b'{"packages":[{"name":1},{"version":"1"},{"name":"\xff"},{"name":""},{"name":"a","version":"1.0.0"}]}'
    found, problems = extract(elf(rust(body)))
    assert found == (Crate("a", "1.0.0", ""),)
    assert problems == ["4 entries of its list of Rust crates cannot be read"]


@given(st.binary(max_size=300))
def test_any_bytes_in_the_section_are_survived(data: bytes) -> None:
    extract(elf([Part(b".dep-v0", data or b"x")]))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["name", "version", "source", "kind", "packages"]), inner, max_size=5)
        ),
        max_leaves=20,
    )
)
@settings(deadline=None)
def test_any_json_in_the_section_is_survived_and_what_is_read_can_be_cached(value: Any) -> None:
    for text in (json.dumps(value), json.dumps({"packages": value}), json.dumps({"packages": [value]})):
        found, _ = extract(elf(rust(text.encode()), stride=1 << 14))
        assert found is None or msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=READ.fact) == found


def test_crates_become_packages_with_their_source() -> None:
    view = FakeView({"usr/bin/uv": FORMATS["elf 64"], "usr/bin/uvx": FORMATS["elf 64"]}, CATALOGER)
    found = list(CATALOGER.assemble(view))
    assert [(package.type, package.name, package.version, package.purl) for package in found[:3]] == [
        ("cargo", "adler2", "2.0.1", "pkg:cargo/adler2@2.0.1"),
        ("cargo", "uv", "0.13.9", "pkg:cargo/uv@0.13.9"),
        ("cargo", "fork", "1.0.0", "pkg:cargo/fork@1.0.0"),
    ]
    assert found[1].notes == {"source": "local"}
    assert [package.locations for package in found] == [(Location("/usr/bin/uv", 0),)] * 3 + [
        (Location("/usr/bin/uvx", 0),)
    ] * 3
    assert view.problems == []


def test_a_crate_without_version_is_unknown() -> None:
    (package,) = CATALOGER.assemble(FakeView({"a": listed({"name": "x"})}, CATALOGER))
    assert (package.version, package.purl) == (UNKNOWN_VERSION, "pkg:cargo/x")
