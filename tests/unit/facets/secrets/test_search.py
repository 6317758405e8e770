"""The search looks into archives, codings, databases and objects of Git; what harmful archives keep from it is said."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.secrets.facet import secrets_facet
from hullmark.facets.secrets.fact import SecretFact
from hullmark.facets.secrets.search import HELD, searching_finder
from tests.unit.facets.secrets.samples import SAMPLES
from tests.unit.facets.unpacking.packs import head_of, pack_of

TOKEN = SAMPLES["sonar-token"][0]
LINES = f"one\ntwo {TOKEN}\n".encode()
(READ,) = secrets_facet().reads


def found(body: bytes, path: str = "srv/a") -> tuple[list[SecretFact], list[str]]:
    """What is found in a file, and what is reported of it."""
    reports: list[str] = []
    facts = READ.extract(path, memoryview(body), reports.append)
    return facts or [], reports


def places(body: bytes, path: str = "srv/a") -> list[tuple[str, str, int]]:
    facts, reports = found(body, path)
    assert reports == []
    return [(fact.kind, fact.inner, fact.line) for fact in facts]


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


def database(encoding: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE settings (name TEXT, value TEXT)")
        connection.execute("INSERT INTO settings VALUES ('key', ?)", (TOKEN,))
        connection.commit()
        return bytes(connection.serialize())


@pytest.mark.parametrize(
    ("body", "inner", "line"),
    [
        (b"\0" * 100 + LINES, "", 2),
        (LINES.decode().encode("utf-16-le") + "password".encode("utf-16-le"), "", 2),
        (gzip.compress(LINES), "content", 2),
        (bz2.compress(LINES), "content", 2),
        (lzma.compress(LINES), "content", 2),
        (zstandard.compress(LINES), "content", 2),
        (zip_of({"a.txt": LINES}), "a.txt", 2),
        (zip_of({"a.txt": LINES}, zipfile.ZIP_BZIP2), "a.txt", 2),
        (tar_of({"d/a.txt": LINES}), "d/a.txt", 2),
        (zip_of({"in.tar.gz": gzip.compress(tar_of({"a.txt": LINES}))}), "a.txt", 2),
        (b"#!/bin/sh\n" + zip_of({"a.txt": LINES}), "a.txt", 2),
        (database("UTF-8"), "settings.rows", 2),
        (database("UTF-16le"), "settings.rows", 2),
        (b"x = b64decode('" + b64encode(LINES) + b"')", "", 1),
        (b"\nkind: Secret\ndata:\n  a: " + b64encode(LINES) + b"\n", "", 4),
        (b"\nkind: Secret\ndata:\n  a: " + b64encode(gzip.compress(LINES)) + b"\n", "content", 2),
    ],
    ids=[
        *(
            "NUL",
            "UTF-16",
            "gzip",
            "bzip2",
            "xz",
            "zstandard",
            "zip",
            "zip with bzip2",
            "tar",
            "tar in zip",
            "script and zip",
        ),
        *("SQLite", "SQLite in UTF-16", "base64", "Kubernetes", "gzip in base64"),
    ],
)
def test_a_secret_is_found_whatever_it_is_wrapped_in(body: bytes, inner: str, line: int) -> None:
    (kind, path, at), *_ = places(body)
    assert (kind, path.rpartition("!/")[2], at) == ("sonar-token", inner, line)


def test_objects_of_git_are_searched() -> None:
    blob = b"blob %d\0" % len(LINES) + LINES
    packed = pack_of(head_of(3, len(LINES)) + zlib.compress(LINES))
    for body in (zlib.compress(blob), packed):
        assert [(kind, line) for kind, _, line in places(body)] == [("sonar-token", 2)]


def test_classes_of_an_application_are_searched_and_those_of_a_large_library_are_told_of() -> None:
    padding = bytes(range(256)) * 200
    stored = zipfile.ZIP_STORED
    mine = zip_of({"BOOT-INF/classes/a/B.class": LINES, "padding": padding}, stored)
    assert [kind for kind, *_ in places(mine)] == ["sonar-token"]
    small = zip_of({"org/a/B.class": LINES})
    assert [(kind, inner) for kind, inner, _ in places(small)] == [("sonar-token", "org/a/B.class")]
    library = zip_of({"org/a/B.class": LINES, "random": hashlib.shake_128(b"").digest(40 << 10)})
    assert found(library) == ([SecretFact("", 0, "", (), "classes")], [])


def test_compressed_manual_pages_and_changelogs_are_told_of_and_other_documentation_is_searched() -> None:
    page = gzip.compress(LINES)
    for path in ("usr/share/man/man1/a.1.gz", "usr/share/doc/a/changelog.Debian.gz"):
        assert places(page, path) == [("", "pages", 0)]
    assert [kind for kind, *_ in places(page, "usr/share/doc/a/examples/config.gz")] == ["sonar-token"]


def test_a_page_that_is_none_is_opened() -> None:
    assert [kind for kind, *_ in places(tar_of({"a": LINES}), "usr/share/man/man1/a.1.gz")] == ["sonar-token"]


def in_pieces(body: bytes, size: int) -> list[tuple[str, str]]:
    """What is found in a large file that comes in pieces of this size."""
    assert READ.oversize_at is not None
    sink, reports = READ.oversize_at("srv/a", len(body)), list[str]()
    for start in range(0, len(body), size):
        sink.write(memoryview(body)[start : start + size])
    facts = sink.finish(reports.append) or []
    assert reports == []
    return [(fact.kind, fact.inner) for fact in facts]


@pytest.mark.parametrize("size", [3, 100, 511, 512, 1000, 1 << 16])
def test_a_large_archive_is_opened_however_small_its_first_piece_is(size: int) -> None:
    filler = hashlib.shake_128(b"").digest(600)
    for archive in (tar_of({"f": filler, "a.gz": gzip.compress(LINES)}), bz2.compress(filler + LINES)):
        assert ("sonar-token", "a.gz!/content") in in_pieces(archive, size) or ("sonar-token", "content") in in_pieces(
            archive, size
        )


@pytest.mark.parametrize("shift", range(4))
def test_base64_that_pieces_part_is_read_on_both_sides(shift: int) -> None:
    text, _ = SAMPLES["gitlab-token"]
    lines = b"nothing to see here\n" * 8000 + text.encode() + b"\n"
    front = b"-" * 79 + b"\n"
    body = front * ((HELD - len(lines)) // len(front)) + b"x" * shift + b" " + b64encode(lines)
    assert [kind for kind, _ in in_pieces(body, 1 << 16)] == ["gitlab-token"]


def _nested(depth: int) -> bytes:
    body = TOKEN.encode()
    for _ in range(depth):
        body = gzip.compress(body)
    return body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda: _nested(50), "archives are in each other more than 5 deep"),
        (lambda: gzip.compress(bytes(64 << 20)), "it holds too much for its size"),
        (lambda: zip_of({"a": bytes(64 << 20), "b": TOKEN.encode()}), "it holds too much for its size"),
        (lambda: gzip.compress(LINES * 500)[:-40], "an archive in it cannot be unpacked: it ends too early"),
        (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100), "archives of the format 7-Zip are not opened"),
        (lambda: b"PK\3\4" + bytes(400), "an archive in it cannot be unpacked: it is damaged"),
    ],
    ids=["fifty deep", "zeros", "zeros in a zip", "cut short", "another format", "no zip"],
)
def test_an_archive_that_is_not_seen_whole_is_said_to_be_one(body: Callable[[], bytes], reason: str) -> None:
    _, reports = found(body())
    assert reports == [f"not all of it was searched for secrets: {reason}"]


def test_very_many_files_in_an_archive_are_searched_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.facets.unpacking.archives.MAX_MEMBERS", 100)
    files = {str(number): b"x" for number in range(101)}
    _, reports = found(tar_of(files))
    assert reports == ["not all of it was searched for secrets: it holds more than 100 files"]
    assert found(zip_of(files))[1] == reports


@given(st.binary(max_size=200), st.sampled_from([gzip.compress, bz2.compress, lzma.compress, zstandard.compress]))
def test_what_is_found_in_a_stream_is_what_is_found_in_its_content(
    around: bytes, pack: Callable[[bytes], bytes]
) -> None:
    body = around + b"\n" + TOKEN.encode() + b"\n" + around
    plain = {(fact.kind, fact.digest) for fact in found(body)[0] if fact.kind}
    assert {(fact.kind, fact.digest) for fact in found(pack(body))[0] if fact.kind} >= plain
    assert searching_finder().find(body).found


def comment_of(body: bytes) -> bytes:
    """A zip with a comment at its end."""
    out = io.BytesIO(body)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = LINES
    return out.getvalue()


@pytest.mark.parametrize("filler", [b"", hashlib.shake_128(b"").digest(HELD + HELD // 2)], ids=["small", "large"])
def test_what_stands_in_a_zip_outside_its_files_is_seen_too(filler: bytes) -> None:
    plain = zip_of({"f": filler, "a.txt": LINES})
    inside = ("sonar-token", "a.txt")
    assert [place[:2] for place in places(plain)] == [inside]
    # The same value stands at its better place alone; another one is told of.
    assert [place[:2] for place in places(comment_of(plain))] == [inside]
    assert [place[:2] for place in places(comment_of(zip_of({"f": filler + b"x"})))] == [("sonar-token", "")]
    bare = zip_of({"f": filler + b"x"})
    table = bare.index(b"PK\1\2")
    hidden = bare[:table] + LINES.ljust(1000) + bare[table:-6] + struct.pack("<L", table + 1000) + bare[-2:]
    assert [place[:2] for place in places(hidden)] == [("sonar-token", "")]
    if filler:
        assert in_pieces(hidden, 1 << 16) == [("sonar-token", "")]


def test_more_secrets_than_are_told_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.facets.secrets.search.MAX_IN_FILE", 1)
    facts, reports = found(LINES + gzip.compress(b"") + SAMPLES["npm-token"][0].encode())
    assert [fact.kind for fact in facts] == ["sonar-token"]
    assert reports == ["it holds very many secrets; not all of them are told"]


def test_a_zip_behind_a_large_program_is_said_not_to_be_opened() -> None:
    assert READ.oversize_at is not None
    body = b"\x7fELF" + hashlib.shake_128(b"").digest(5000) + zip_of({"a.txt": LINES})
    sink, reports = READ.oversize_at("srv/a", len(body)), list[str]()
    sink.write(memoryview(body))
    assert sink.finish(reports.append) is None
    assert reports == [
        "not all of it was searched for secrets: a zip may follow the program that it is, which was not opened"
    ]


@pytest.mark.parametrize("length", [0, 40, 3000])
def test_a_text_of_two_bytes_a_letter_is_found_beside_words_that_stand_in_none(length: int) -> None:
    alone = b"\xff\xff" + "xoxb-".encode("utf-16-le")[:-1] + b"\xff\xff"
    apart = hashlib.shake_128(b"").digest(length).replace(b"\0", b"\1")
    assert [place[0] for place in places(alone + apart + LINES.decode().encode("utf-16-le") + apart + alone)] == [
        "sonar-token"
    ]


def test_a_key_of_kubernetes_that_is_not_base64_is_none() -> None:
    head = b"client-key-data: " + b64encode(b"-----BEGIN PRIVATE KEY-----\n")[:38]
    key = b64encode(hashlib.shake_128(b"").digest(90))
    assert [fact.kind for fact in found(head + key)[0]] == ["kubernetes-client-key"]
    assert found(head[:37] + b"=" + key)[0] == []
