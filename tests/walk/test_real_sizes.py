"""Paddings of the sizes that they would really have: a package behind them is found, or nothing is let go."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterable, Iterator

import pytest

from hullmark.model.image import LayerBlob
from hullmark.model.verdict import Outcome
from tests.walk import bodies as b
from tests.walk.world import NAME, judged, one_rule, tar

pytestmark = pytest.mark.slow

MIB = 1 << 20
_STATUS = "var/lib/dpkg/status"
_SITE = f"usr/lib/python3/site-packages/{NAME}-1.0.dist-info"
_ZEROS = gzip.compress(bytes(MIB))
_ENTRIES = gzip.compress(b"".join(tarfile.TarInfo(f"srv/{number}").tobuf() for number in range(1000)))


class _Stream:
    """A RawStream over pieces that are made as they are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes."""
        self._rest = self._rest or next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """Nothing to let go of."""


def layer(*parts: bytes | tuple[bytes, int]) -> LayerBlob:
    """A layer of bytes of tar, and of gzip members that are repeated."""

    def pieces() -> Iterator[bytes]:
        for part in parts:
            yield from repeated(*part) if isinstance(part, tuple) else (gzip.compress(part),)

    return LayerBlob(digest="", diff_id="", size=-1, open=lambda: _Stream(pieces()))


def repeated(member: bytes, times: int) -> Iterable[bytes]:
    """A gzip member, again and again."""
    return (member for _ in range(times))


def head(path: str, size: int) -> bytes:
    """The head of a file in a tar."""
    info = tarfile.TarInfo(path)
    info.size = size
    return info.tobuf()


def begun(files: dict[str, bytes]) -> bytes:
    """Files of a tar that goes on."""
    whole = tar(files)
    return whole[: len(whole.rstrip(b"\0")) + 511 & -512]


BASE = begun({**b.DEBIAN, "var/lib/dpkg/info/good.list": b"/.\n"})
JAR = b.jar()
IMAGES = {
    "a gibibyte of zeros in front of the database": (
        layer(BASE, head("zeros", 1024 * MIB), (_ZEROS, 1024), tar({_STATUS: b.deb()})),
        Outcome.STOP,
    ),
    "a database of 1.5 GiB": (
        layer(BASE, head(_STATUS, 1536 * MIB), (_ZEROS, 1535), b.deb() + b"\n" * (MIB - len(b.deb())) + bytes(1024)),
        Outcome.UNKNOWN,
    ),
    "a million files in front of the database": (
        layer(BASE, (_ENTRIES, 1001), tar({_STATUS: b.deb()})),
        Outcome.UNKNOWN,
    ),
    "a wheel with a RECORD of 1.5 GiB": (
        layer(
            begun({f"{_SITE}/METADATA": b.wheel()}), head(f"{_SITE}/RECORD", 1536 * MIB), (_ZEROS, 1536), bytes(1024)
        ),
        Outcome.STOP,
    ),
    "a jar of 1.5 GiB": (
        layer(head("app/a.jar", 1536 * MIB), (_ZEROS, 1535), bytes(MIB - len(JAR)) + JAR + bytes(1024)),
        Outcome.UNKNOWN,
    ),
}


@pytest.mark.parametrize("what", IMAGES)
def test_a_package_behind_padding_of_real_size_is_found_or_nothing_is_let_go(what: str) -> None:
    image, expected = IMAGES[what]
    assert judged(image, one_rule("packages")).verdict.verdict is expected


def test_a_list_of_files_of_real_size_that_is_too_large_leaves_rules_about_files_unable_to_tell() -> None:
    image, _ = IMAGES["a wheel with a RECORD of 1.5 GiB"]
    assert judged(image, one_rule("changed")).verdict.verdict is Outcome.UNKNOWN
