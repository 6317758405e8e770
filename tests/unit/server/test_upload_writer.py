"""Objects that are written bit by bit: there whole, or not at all; and never many of their bytes in memory."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("obstore", reason="the server's packages are not installed")

from hullmark.server.objects.objects import BadKey, Objects, ObjectsRefused, open_objects
from tests.support.buckets import s3_bucket

MIB = 1 << 20
KEY = "uploads/one"


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


def keys(objects: Objects) -> list[str]:
    return sorted(listed.key for listed in objects.list())


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 35 * MIB + 7])
def test_what_is_written_is_there_after_the_commit_and_not_before(objects: Objects, size: int) -> None:
    body = random.Random(size).randbytes(size)  # noqa: S311
    writer = objects.writer(KEY)
    for start in range(0, size, 3 * MIB):
        writer.write(body[start : start + 3 * MIB])
    assert (keys(objects), objects.head(KEY), objects.get(KEY)) == ([], None, None)
    writer.commit()
    assert keys(objects) == [KEY]
    stored = objects.get(KEY)
    assert stored is not None
    assert hashlib.sha256(stored).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
def test_an_aborted_object_was_never_there_and_the_one_before_it_stays(objects: Objects, size: int) -> None:
    objects.put(KEY, b"before")
    for key in (KEY, "uploads/two"):
        writer = objects.writer(key)
        writer.write(bytes(size))
        writer.abort()
        writer.abort()
        with pytest.raises(ValueError, match="ended"):
            writer.write(b"1")
        with pytest.raises(ValueError, match="ended"):
            writer.commit()
    assert keys(objects) == [KEY]
    assert objects.get(KEY) == b"before"


def test_an_abort_leaves_no_file_in_a_folder_and_one_after_a_commit_does_nothing(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "store"), {})
    writer = objects.writer(KEY)
    writer.write(bytes(30 * MIB))
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["one#1"]
    writer.abort()
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    done = objects.writer(KEY)
    done.write(b"whole")
    done.commit()
    done.abort()
    assert objects.get(KEY) == b"whole"


def test_what_cannot_be_written_is_said(tmp_path: Path, bucket: dict[str, str]) -> None:
    with pytest.raises(BadKey):
        open_objects(str(tmp_path), {}).writer("../out")
    writer = open_objects("s3://nowhere", bucket).writer(KEY)
    writer.write(b"few")
    with pytest.raises(ObjectsRefused, match="does not exist"):
        writer.commit()
    writer.abort()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=2000), max_size=40))
def test_pieces_of_any_size_are_joined_in_order(pieces: list[bytes]) -> None:
    objects = open_objects("memory://", {})
    writer = objects.writer(KEY)
    for piece in pieces:
        writer.write(bytearray(piece))
    writer.commit()
    assert objects.get(KEY) == b"".join(pieces)


def test_threads_wait_for_each_other(objects: Objects) -> None:
    writer = objects.writer(KEY)

    def write() -> None:
        for _ in range(200):
            writer.write(b"x" * 1000)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.commit()
    assert objects.get(KEY) == b"x" * 800_000


_WRITES_A_GIBIBYTE = """
import resource, sys
from hullmark.server.objects.objects import open_objects
writer = open_objects(sys.argv[1], {}).writer("uploads/large")
chunk = bytes(1 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1024):
    writer.write(chunk)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
writer.abort()
"""


@pytest.mark.slow
def test_a_gibibyte_is_never_in_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITES_A_GIBIBYTE, str(tmp_path / "store")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(ran.stdout) < 80 << 10, ran.stdout
