"""Secrets that lie behind a limit: in codings, archives, databases and objects of Git."""

from __future__ import annotations

import gzip
import hashlib
import io
import sqlite3
import zipfile
import zlib
from base64 import b64encode
from contextlib import closing

from tests.unit.facets.secrets.samples import SAMPLES
from tests.unit.facets.unpacking.packs import copied_and, head_of, pack_of
from tests.walk.look import Look

_RULE = "gate: secrets, trigger: found, params: {kinds: [sonar-token]}"
_TOKEN = SAMPLES["sonar-token"][0]
_RANDOM = hashlib.shake_128(b"").digest(1 << 20)
_FACETS = "hullmark.facets."


def _look(number: int, padded: bytes, plain: bytes = _TOKEN.encode()) -> Look:
    return Look(_RULE, number, {"srv/a": padded}, {"srv/a": plain})


def _coded(*texts: str) -> bytes:
    return b"b64decode('" + b"', '".join(b64encode(text.encode()) for text in texts) + b"')\n"


def _database(**tables: list[str]) -> bytes:
    """A database in UTF-16, in whose bytes as they stand no short keyword is met."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        for name, values in tables.items():
            connection.execute(f"CREATE TABLE {name} (value TEXT)")
            connection.executemany(f"INSERT INTO {name} VALUES (?)", [(value,) for value in values])
        connection.commit()
        return bytes(connection.serialize())


def _pack() -> bytes:
    """A pack in which an object is made from another one, and the token is in neither of the two as they are stored."""
    base, rest = _TOKEN[:30].encode(), _TOKEN[30:].encode()
    first = head_of(3, len(base)) + zlib.compress(base)
    delta = copied_and(base, rest)
    return pack_of(first, head_of(6, len(delta)) + bytes((len(first),)) + zlib.compress(delta))


def _large_archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", _RANDOM)
        archive.writestr("b", _TOKEN, zipfile.ZIP_DEFLATED)
    return out.getvalue()


LOOKS: dict[tuple[str, str], Look] = {
    (_FACETS + "secrets.hidden", "MAX_DEPTH"): _look(0, _coded(_TOKEN)),
    (_FACETS + "secrets.hidden", "MAX_TEXTS"): _look(1, _coded("a" * 40, _TOKEN), _coded(_TOKEN)),
    (_FACETS + "secrets.search", "MAX_ARCHIVE"): _look(1 << 20, _large_archive()),
    (_FACETS + "secrets.search", "MAX_UNPACKED"): _look(
        0, gzip.compress(_RANDOM.hex().encode() + b" " + _TOKEN.encode(), 1)
    ),
    (_FACETS + "unpacking.git", "MAX_BASES"): _look(0, _pack(), zlib.compress(b"blob 44\0" + _TOKEN.encode())),
    (_FACETS + "unpacking.sqlite", "MAX_PAGES"): _look(
        1, _database(a=["x" * 500] * 20 + [_TOKEN]), _database(a=[_TOKEN])
    ),
    (_FACETS + "unpacking.sqlite", "MAX_TABLES"): _look(1, _database(a=["x"], b=[_TOKEN]), _database(a=[_TOKEN])),
    (_FACETS + "unpacking.sqlite", "_LONGEST_VALUE"): _look(
        300, _database(a=["x " * 100 + _TOKEN]), _database(a=[_TOKEN])
    ),
}
