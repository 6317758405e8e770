"""Objects: the same answers from a folder, a bucket and memory; whole or not there; clear errors for what cannot be."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.scanning.layercache import PayloadStore
from hullmark.server.objects.object_keep import ObjectKeep
from hullmark.server.objects.objects import BadKey, Objects, ObjectsRefused, ObjectsUnreachable, check_key, open_objects
from tests.support.buckets import s3_bucket

MIB = 1 << 20


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with s3_bucket() as environment:
        yield environment


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return open_objects(str(tmp_path / "store"), {})
    if request.param == "memory":
        return open_objects("memory://", {})
    return open_objects(f"s3://marks/{tmp_path.name}", request.getfixturevalue("bucket"))


def keys(objects: Objects, prefix: str = "") -> list[str]:
    return sorted(listed.key for listed in objects.list(prefix))


def test_what_is_put_is_got_found_listed_and_removed(objects: Objects) -> None:
    for key, payload in (("a/b/one", b"1"), ("a/b/two", b""), ("a/bc", b"333"), ("z", b"old")):
        objects.put(key, payload)
    objects.put("z", b"newer")
    assert [objects.get(key) for key in ("a/b/one", "a/b/two", "a/bc", "z")] == [b"1", b"", b"333", b"newer"]
    head = objects.head("z")
    assert head is not None
    assert head.size == 5
    assert abs(datetime.now(UTC) - head.modified) < timedelta(minutes=1)
    assert keys(objects) == ["a/b/one", "a/b/two", "a/bc", "z"]
    assert keys(objects, "a/b") == keys(objects, "a/b/") == ["a/b/one", "a/b/two"]
    assert {(each.key, each.size) for each in objects.list("a")} == {("a/b/one", 1), ("a/b/two", 0), ("a/bc", 3)}
    objects.delete(["none", "a/b/one", "none/at/all", "z"])
    objects.delete(iter(["z"]))
    objects.delete([])
    assert keys(objects) == ["a/b/two", "a/bc"]
    objects.check()


def test_what_is_not_there_is_none(objects: Objects) -> None:
    objects.put("a/b", b"1")
    assert (objects.get("c"), objects.get("a"), objects.head("a"), objects.open("c")) == (None, None, None, None)
    assert objects.read_at("c", 0, 1) is None
    assert list(objects.list("nothing")) == []


def test_a_large_file_goes_in_and_out_in_parts(objects: Objects, tmp_path: Path) -> None:
    body = random.Random(7).randbytes(19 * MIB + 5)  # noqa: S311
    source = tmp_path / "source"
    source.write_bytes(body)
    objects.put_file("large", source)
    objects.put("direct", body)
    for key in ("large", "direct"):
        head = objects.head(key)
        assert head is not None
        assert head.size == len(body)
        reader = objects.open(key)
        assert reader is not None
        parts = [reader.read_at(start, 7 * MIB) for start in range(0, reader.size, 7 * MIB)]
        assert b"".join(parts) == body
    source.write_bytes(b"")
    objects.put_file("large", source)
    assert objects.get("large") == b""


def test_ranges_are_those_of_the_bytes(objects: Objects) -> None:
    body = bytes(range(256)) * 40
    objects.put("some", body)
    reader = objects.open("some")
    assert reader is not None
    assert reader.size == len(body)
    for start, length in (
        (0, 1),
        (0, 0),
        (5, 300),
        (len(body) - 3, 10),
        (len(body), 5),
        (len(body) + 9, 5),
        (0, 1 << 40),
    ):
        assert reader.read_at(start, length) == body[start : start + length]
        assert objects.read_at("some", start, length) == body[start : start + length]
    with pytest.raises(ValueError, match="first byte"):
        reader.read_at(-1, 2)
    with io.BufferedReader(reader) as file:
        assert file.seek(-6, os.SEEK_END) == len(body) - 6
        assert file.read() == body[-6:]
        assert file.seek(100) == 100
        assert file.read(7) == body[100:107]
        assert file.tell() == 107


def test_an_object_that_is_replaced_or_removed_while_it_is_read_is_not_mixed(objects: Objects) -> None:
    objects.put("some", b"a" * 1000)
    reader = objects.open("some")
    assert reader is not None
    assert reader.read_at(0, 10) == b"a" * 10
    objects.put("some", b"b" * 2000)
    with pytest.raises(ObjectsUnreachable):
        reader.read_at(10, 10)
    objects.delete(["some"])
    with pytest.raises(ObjectsUnreachable):
        reader.read_at(10, 10)


BAD = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "a/.b",
    "-a",
    "a b",
    "a#1",
    "a%2e",
    "a\\b",
    "ä",
    "a\n",
    "x" * 241,
    "a/" * 500,
]


@pytest.mark.parametrize("key", BAD)
def test_a_bad_key_is_refused_everywhere(key: str, tmp_path: Path) -> None:
    objects = open_objects("memory://", {})
    with pytest.raises(BadKey) as refused:
        objects.put(key, b"")
    assert refused.value.advice
    for ask in (objects.get, objects.head, objects.open, lambda key: objects.delete([key])):
        with pytest.raises(BadKey):
            ask(key)
    with pytest.raises(BadKey):
        objects.put_file(key, tmp_path / "none")


@given(st.text(alphabet="ab./#% \\:-_\0", max_size=12))
def test_a_key_that_is_taken_stays_below_the_store(key: str) -> None:
    try:
        check_key(key)
    except BadKey:
        return
    assert os.path.normpath(f"/store/{key}") == f"/store/{key}"


def test_a_folder_is_for_its_owner_and_its_files_are_found_by_their_keys(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "store"
    objects = open_objects(f"file://{place}", {})
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    key = "layers/ab/sha256-0f:1@2+3=4,5"
    objects.put(key, b"1")
    assert (place / key).read_bytes() == b"1"
    assert keys(open_objects(str(place), {})) == [key]


_WRITER = """
import sys
from hullmark.server.objects.objects import open_objects
objects = open_objects(sys.argv[1], {})
print("ready", flush=True)
number = 0
while True:
    number += 1
    objects.put("it", bytes([number % 256]) * (3_000_000 + number))
"""


def test_a_writer_that_is_killed_leaves_the_object_whole(tmp_path: Path) -> None:
    chance = random.Random(11)  # noqa: S311
    objects = open_objects(str(tmp_path), {})
    for _ in range(12):
        command = [sys.executable, "-c", _WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0.005, 0.05))
            writer.send_signal(signal.SIGKILL)
        body = objects.get("it")
        if body is not None:
            assert body == bytes([(len(body) - 3_000_000) % 256]) * len(body)
        assert keys(objects) == ["it"] * (body is not None)


def test_what_killed_writers_leave_is_swept_when_it_is_old(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path), {})
    objects.put("a/it", b"1")
    for name in ("it#1", "it#12"):
        (tmp_path / "a" / name).write_bytes(b"half")
    os.utime(tmp_path / "a" / "it#1", (1, 1))
    os.utime(tmp_path / "a" / "it", (1, 1))
    assert keys(objects) == ["a/it"]
    assert objects.sweep(3600) == 1
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["it", "it#12"]
    assert open_objects("memory://", {}).sweep(0) == 0


def test_a_folder_that_cannot_be_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ObjectsRefused) as refused:
            open_objects(str(place), {})
        assert refused.value.advice
    objects = open_objects(str(tmp_path / "store"), {})
    objects.put("a", b"1")
    with pytest.raises(ObjectsUnreachable) as unreachable:
        objects.put("a/b", b"1")
    assert "\n" not in str(unreachable.value)
    assert unreachable.value.advice


def test_a_folder_that_is_gone_is_not_an_empty_one(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "store"), {})
    (tmp_path / "store").rmdir()
    asks: list[Callable[[], object]] = [lambda: objects.get("a"), lambda: objects.head("a"), objects.check]
    for ask in asks:
        with pytest.raises(ObjectsUnreachable):
            ask()


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "s3://", "s3:///a", "http://a/b", "s3://id:secret@bucket/a", "s3://bucket/../a", "gs://a?b"]
)
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(HullmarkError) as refused:
        open_objects(url, {})
    assert refused.value.advice
    assert "secret" not in str(refused.value)


def test_a_bucket_that_is_not_there_is_no_missing_object(bucket: dict[str, str]) -> None:
    objects = open_objects("s3://nowhere", bucket)
    asks: list[Callable[[], object]] = [
        lambda: objects.get("a"),
        lambda: objects.put("a", b""),
        lambda: objects.delete(["a"]),
        objects.check,
    ]
    for ask in asks:
        with pytest.raises(ObjectsRefused, match="does not exist"):
            ask()


def test_a_server_that_is_not_there_may_be_tried_again(bucket: dict[str, str]) -> None:
    with socket.socket() as taken:  # bound, and listening to nobody
        taken.bind(("127.0.0.1", 0))
        there = f"http://127.0.0.1:{taken.getsockname()[1]}"
        objects = open_objects("s3://marks", {**bucket, "AWS_ENDPOINT_URL": there})
        with pytest.raises(ObjectsUnreachable) as unreachable:
            objects.get("a")
    assert "\n" not in str(unreachable.value)
    assert "endpoint" in unreachable.value.advice


def test_many_threads_write_remove_and_list_at_once(objects: Objects) -> None:
    def work(worker: int) -> int:
        for step in range(12):
            objects.put(f"room{step % 3}/{worker}", b"1" * step)
            objects.delete([f"room{(step + 1) % 3}/{other}" for other in range(4)])
            for listed in objects.list():
                check_key(listed.key)
        objects.put(f"end/{worker}", b"done")
        return worker

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0, 1, 2, 3]
    assert keys(objects, "end") == [f"end/{worker}" for worker in range(4)]


def test_an_endpoint_without_tls_must_be_allowed(bucket: dict[str, str]) -> None:
    with pytest.raises(HullmarkError, match="TLS"):
        open_objects("s3://marks", {**bucket, "AWS_ALLOW_HTTP": "false"})
    with pytest.raises(HullmarkError, match="cannot be used"):
        open_objects("s3://marks", {**bucket, "AWS_ALLOW_HTTP": "true", "AWS_SKIP_SIGNATURE": "perhaps"})


def test_the_prefix_is_a_room_of_its_own(bucket: dict[str, str]) -> None:
    one, other = (open_objects(f"s3://marks/rooms/{name}/", bucket) for name in ("one", "other"))
    one.put("a", b"1")
    assert (one.get("a"), other.get("a")) == (b"1", None)
    assert keys(one) == ["a"]
    assert keys(open_objects("s3://marks", bucket), "rooms") == ["rooms/one/a"]


_LARGE = """
import resource, sys
from pathlib import Path
from hullmark.server.objects.objects import open_objects
objects = open_objects(sys.argv[1], {})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
objects.put_file("it", Path(sys.argv[2]))
reader = objects.open("it")
with open(sys.argv[3], "wb") as file:
    for start in range(0, reader.size, 8 << 20):
        file.write(reader.read_at(start, 8 << 20))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_file_of_any_size_takes_bounded_memory(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    with source.open("wb") as file:
        for number in range(300):
            file.write(bytes([number % 256]) * MIB)
    command = [sys.executable, "-c", _LARGE, str(tmp_path / "store"), str(source), str(out)]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert int(ran.stdout) < 120 * 1024  # KiB
    with source.open("rb") as one, out.open("rb") as other:
        assert hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()


def test_a_keep_of_objects_keeps_and_knows_what_it_saw(objects: Objects) -> None:
    keep: PayloadStore = ObjectKeep(objects)
    payload = b"facts " * 10_000
    assert (keep.read("records/a/b"), keep.has("records/a/b")) == (None, False)
    keep.write("records/a/b", payload)
    assert (keep.read("records/a/b"), keep.has("records/a/b")) == (payload, True)
    stored = objects.get("layers/records/a/b")
    assert stored is not None
    assert len(stored) < len(payload) / 50
    other = ObjectKeep(objects)
    assert other.has("records/a/b")
    objects.delete(["layers/records/a/b"])
    assert other.has("records/a/b")
    assert other.read("records/a/b") is None
    assert not other.has("records/a/b")


def test_a_damaged_object_is_as_good_as_none() -> None:
    objects = open_objects("memory://", {})
    keep = ObjectKeep(objects)
    keep.write("a", b"facts " * 100)
    stored = objects.get("layers/a")
    assert stored is not None
    for damaged in (b"", stored[:20], stored[:-1], stored + b"1", *(flipped(stored, at) for at in range(len(stored)))):
        objects.put("layers/a", damaged)
        assert keep.read("a") is None
    objects.put("layers/a", stored)
    assert keep.read("a") == b"facts " * 100


def flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def test_the_program_for_the_command_line_imports_no_object_store() -> None:
    code = (
        "import sys, pkgutil, importlib, hullmark.cli as cli\n"
        "names = [m.name for m in pkgutil.iter_modules(cli.__path__) if m.name not in ('serve', 'worker', 'migrate', 'remote')]\n"
        "[importlib.import_module(f'hullmark.cli.{name}') for name in names]\n"
        "import hullmark.scanning.scan, hullmark.scanning.stored_image, hullmark.scanning.analysis\n"
        "assert 'hullmark.scanning.layercache' in sys.modules\n"
        "assert 'obstore' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_keep_that_writes_behind_has_all_of_it_once_it_is_settled(objects: Objects) -> None:
    keep = ObjectKeep(objects, behind=2)
    for number in range(20):
        keep.write(f"key-{number}", b"%d" % number * 1000)
    keep.settle()
    keep.write("later", b"also")
    keep.close()
    other = ObjectKeep(objects)
    assert [other.read(f"key-{number}") for number in range(20)] == [b"%d" % number * 1000 for number in range(20)]
    assert other.read("later") == b"also"


def test_what_could_not_be_written_behind_is_told_when_it_is_settled(tmp_path: Path) -> None:
    keep = ObjectKeep(open_objects(str(tmp_path / "objects"), {}), behind=2)
    keep.write("..", b"no key")
    with pytest.raises(BadKey):
        keep.settle()
    keep.close()
