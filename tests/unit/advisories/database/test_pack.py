"""Bundles: what comes out is what went in, or nothing; and every lie is told."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.bundle import Bundle, write_bundle
from hullmark.advisories.database.layout import SnapshotFile
from hullmark.advisories.database.pack import (
    Manifest,
    PackedFile,
    Payload,
    decode_manifest,
    encode_manifest,
    manifest_of,
    pack_delta,
    pack_snapshot,
    receive,
)
from hullmark.model.errors import HullmarkError
from tests.support.shelves import made, some_feeds

Change = Callable[[dict[str, Any]], object]


class Packing:
    """A snapshot, packed into a bundle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = folder / "s"
        self.digest = made(self.snapshot, some_feeds(200))
        self.packed = pack_snapshot(self.snapshot, self.digest, folder / "p")
        self.manifest = manifest_of(self.snapshot, self.digest, (self.packed,))
        self.bundle = folder / "bundle.tar"
        write_bundle(self.bundle, encode_manifest(self.manifest), b"", self.packed)

    def with_payload(self, body: bytes, **said: int) -> bytes:
        """A bundle with another payload, whose digest and size are told truly."""
        (self.folder / "other").write_bytes(body)
        payload = Payload(
            kind="snapshot", digest=_sha256(body), size=len(body), unpacked=said.get("unpacked", self.manifest.size)
        )
        manifest = json.loads(encode_manifest(self.manifest))
        manifest["payloads"][0] |= {"digest": payload.digest, "size": payload.size, "unpacked": payload.unpacked}
        manifest["size"] = said.get("size", self.manifest.size)
        target = self.folder / "other.tar"
        write_bundle(target, json.dumps(manifest).encode(), b"", PackedFile(payload, self.folder / "other"))
        return target.read_bytes()

    def with_manifest(self, change: Change) -> bytes:
        """A bundle whose manifest says something else."""
        manifest = json.loads(encode_manifest(self.manifest))
        change(manifest)
        target = self.folder / "other.tar"
        write_bundle(target, json.dumps(manifest).encode(), b"", self.packed)
        return target.read_bytes()


@pytest.fixture(scope="module")
def packing(tmp_path_factory: pytest.TempPathFactory) -> Packing:
    return Packing(tmp_path_factory.mktemp("packing"))


def received(body: bytes, folder: Path) -> bytes:
    """The snapshot that a bundle gives."""
    bundle = Bundle(io.BytesIO(body))
    made = receive(bundle.manifest, bundle.payload, bundle.readinto, folder, None)
    bundle.check_end()
    return made.read_bytes()


def refused(body: bytes, folder: Path) -> str:
    with pytest.raises(HullmarkError) as caught:
        received(body, folder)
    assert caught.value.advice
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_snapshot_comes_back_byte_for_byte(packing: Packing, tmp_path: Path) -> None:
    assert received(packing.bundle.read_bytes(), tmp_path) == packing.snapshot.read_bytes()


def test_the_same_snapshot_gives_the_same_bundle(packing: Packing, tmp_path: Path) -> None:
    again = Packing(tmp_path)
    assert again.bundle.read_bytes() == packing.bundle.read_bytes()


def test_other_tools_open_a_bundle(packing: Packing, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", packing.bundle, "-C", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "snapshot.zst"]
    with (tmp_path / "snapshot.zst").open("rb") as stream:
        unpacked = zstandard.ZstdDecompressor().stream_reader(stream).read()
    assert _sha256(unpacked) == packing.digest
    said = json.loads((tmp_path / "manifest.json").read_bytes())
    assert said["snapshot"] == packing.digest
    assert [(feed["name"], feed["records"], feed["licence"]) for feed in said["feeds"]] == [
        ("one", 200, "CC0-1.0"),
        ("scores", 9, "CC0-1.0"),
    ]


def test_a_bundle_that_another_tar_made_is_read(packing: Packing, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", packing.bundle, "-C", tmp_path], check=True)
    again = tmp_path / "again.tar"
    names = ("./manifest.json", "./snapshot.zst")
    subprocess.run(["tar", "-cf", again, "-C", tmp_path, *names], check=True)
    assert received(again.read_bytes(), tmp_path) == packing.snapshot.read_bytes()


def test_a_manifest_survives_being_written_and_read(packing: Packing) -> None:
    text = encode_manifest(packing.manifest)
    assert decode_manifest(text) == packing.manifest
    assert text.endswith(b"}\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.update(schema="hullmark-advisories/2"), "manifest cannot be read"),
        (lambda m: m.update(snapshot="sha256:../../etc/passwd"), "manifest cannot be read"),
        (lambda m: m.update(snapshot=m["snapshot"] + "\n"), "manifest cannot be read"),
        (lambda m: m.update(snapshot="sha256:" + "0" * 64), "another digest"),
        (lambda m: m.update(size=m["size"] - 4096), "two sizes"),
        (lambda m: m.update(size=1 << 50), "manifest cannot be read"),
        (lambda m: m.update(size=-1), "manifest cannot be read"),
        (lambda m: m.update(format=99), "format 99"),
        (lambda m: m.update(data_at="2030-01-01"), "other feeds or dates"),
        (lambda m: m["feeds"].pop(), "other feeds or dates"),
        (lambda m: m["feeds"][0].update(licence="mine"), "other feeds or dates"),
        (lambda m: m["payloads"].clear(), "manifest cannot be read"),
        (lambda m: m["payloads"].append(m["payloads"][0]), "another payload"),
        (lambda m: m["payloads"][0].update(digest="sha256:" + "0" * 64), "its digest is another"),
        (lambda m: m["payloads"][0].update(size=m["payloads"][0]["size"] + 1), "another payload"),
        (lambda m: m["payloads"][0].update(parent="sha256:" + "0" * 64), "without what it is from"),
        (lambda m: m["payloads"][0].update(kind="delta"), "without what it is from"),
        (lambda m: m["payloads"][0].update(kind="delta", parent="sha256:" + "0" * 64), "another payload"),
        (lambda m: m.update(padding="x" * (1 << 20)), "manifest.json of"),
    ],
)
def test_a_manifest_that_lies_is_refused(packing: Packing, tmp_path: Path, change: Change, reason: str) -> None:
    assert reason in refused(packing.with_manifest(change), tmp_path)


def test_a_bomb_stops_at_the_size_that_was_promised(packing: Packing, tmp_path: Path) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    assert "where more come" in refused(packing.with_payload(bomb), tmp_path)
    assert (tmp_path / "snapshot").stat().st_size <= packing.manifest.size


def test_more_than_the_disk_holds_is_refused_before_it_is_written(
    packing: Packing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "0 MB are free" in refused(packing.bundle.read_bytes(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_payloads_that_are_something_else_are_refused(packing: Packing, tmp_path: Path) -> None:
    size = packing.manifest.size
    whole = packing.packed.path.read_bytes()
    compress = zstandard.ZstdCompressor().compress
    wide = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    ).compressobj()
    for body, reason in (
        (b"no zstd at all", "is damaged"),
        (whole[:-10], "is damaged|comes|come"),
        (whole + b"more", "is damaged"),
        (whole + compress(b"more"), "where more come"),
        (compress(bytes(size - 1)), f"{size:,} bytes where {size - 1:,} come"),
        (compress(bytes(size)), "another digest"),
        (wide.compress(bytes(size)) + wide.flush(), "is damaged|another digest"),
    ):
        assert any(word in refused(packing.with_payload(body), tmp_path) for word in reason.split("|"))


def test_a_snapshot_that_is_none_is_refused_though_all_digests_are_right(packing: Packing, tmp_path: Path) -> None:
    other = b"SQLite format 3\0" + bytes(8192)
    body = zstandard.ZstdCompressor().compress(other)
    payload = Payload(kind="snapshot", digest=_sha256(body), size=len(body), unpacked=len(other))
    manifest = Manifest(
        snapshot=_sha256(other),
        size=len(other),
        format=packing.manifest.format,
        data_at="",
        feeds=(),
        payloads=(payload,),
    )
    (tmp_path / "p").write_bytes(body)
    write_bundle(tmp_path / "b", encode_manifest(manifest), b"", PackedFile(payload, tmp_path / "p"))
    assert "the snapshot is" in refused((tmp_path / "b").read_bytes(), tmp_path)


def member(name: str, body: bytes = b"", **header: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    for key, value in header.items():
        setattr(info, key, value)
    return info.tobuf(header.pop("format", tarfile.GNU_FORMAT)) + body + b"\0" * (-len(body) % 512)


def test_tar_tricks_are_refused(packing: Packing, tmp_path: Path) -> None:
    whole = packing.bundle.read_bytes()
    manifest = member("manifest.json", encode_manifest(packing.manifest))
    payload = member("snapshot.zst", packing.packed.path.read_bytes())
    end = bytes(1024)
    assert received(manifest + payload + end, tmp_path)
    assert received(manifest + payload, tmp_path)
    for body, reason in (
        (b"", "no tar file"),
        (end, "no tar file"),
        (b"PK\3\4" + bytes(2000), "no tar file"),
        (payload + manifest + end, "begins with 'snapshot.zst'"),
        (manifest + end, "no tar file"),
        (manifest + manifest + payload, "another payload"),
        (manifest + member("../snapshot.zst", b"x"), "another payload"),
        (manifest + member("snapshot.zst", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "not a plain file"),
        (manifest + member("snapshot.zst", type=tarfile.GNUTYPE_SPARSE), "not a plain file"),
        (member("x" * 200, b"x"), "not a plain file"),
        (manifest + payload + member("more", b"x") + end, "more than its manifest names"),
        (manifest + payload + bytes(1 << 20), "more than its manifest names"),
        (manifest + member("manifest.sig", bytes(5000)) + payload, "manifest.sig of 5,000 bytes"),
        (member("manifest.json", bytes(2 << 20)) + payload, "manifest.json of"),
        (whole[:700], "ends early"),
    ):
        assert reason in refused(body, tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_bundle_gives_the_snapshot_or_nothing(packing: Packing, tmp_path: Path, data: st.DataObject) -> None:
    whole = packing.bundle.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kept = data.draw(st.sampled_from([at, at + 1, len(whole)]))
    damaged = whole[:at] + data.draw(st.binary(max_size=3)) + whole[kept:]
    with suppress(HullmarkError):
        assert received(damaged, tmp_path) == packing.snapshot.read_bytes()


def test_a_snapshot_that_rotted_is_not_packed(packing: Packing, tmp_path: Path) -> None:
    body = bytearray(packing.snapshot.read_bytes())
    body[-1] ^= 1
    (tmp_path / "s").write_bytes(body)
    with pytest.raises(HullmarkError, match="damaged"):
        pack_snapshot(tmp_path / "s", packing.digest, tmp_path / "p")


def test_a_delta_needs_the_snapshot_it_is_from(packing: Packing, tmp_path: Path) -> None:
    digest = made(tmp_path / "new", some_feeds(210))
    packed = pack_delta(
        SnapshotFile(packing.snapshot, packing.digest), SnapshotFile(tmp_path / "new", digest), tmp_path / "d"
    )
    assert (packed.payload.parent, packed.payload.name) == (packing.digest, "delta.zst")
    assert packed.payload.size < packing.packed.payload.size / 4
    manifest = manifest_of(tmp_path / "new", digest, (packed,))
    for parent in (None, tmp_path / "new"):
        with pytest.raises(HullmarkError, match="which is not here"), packed.path.open("rb") as stream:
            receive(manifest, packed.payload, stream.readinto, tmp_path, parent)
    with packed.path.open("rb") as stream:
        there = receive(manifest, packed.payload, stream.readinto, tmp_path, packing.snapshot)
    assert there.read_bytes() == (tmp_path / "new").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "new", "snapshot"]


def _sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
