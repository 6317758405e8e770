"""An embedded PostgreSQL that cannot be made or started: each reason is said with a way out, and the folder is free again."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres import embedded
from hullmark.server.postgres.cluster_template import pack, template_of
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.postgres.installation import Account, Installation
from tests.unit.server.test_postgres_programs import programs

OURS = Account(name="us", uid=os.geteuid(), gid=os.getegid(), is_other=False)
_NEW = 'echo 18 > "$2/PG_VERSION"'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Programs that we run ourselves, whoever we are: initdb writes a version, and the server ends at once."""
    monkeypatch.setattr(embedded, "account", lambda wanted: OURS)
    return programs(tmp_path / "pg", _NEW)


def refused(server: EmbeddedPostgres, why: str) -> str:
    """The advice with which a start is refused, after which another one is not held up."""
    with pytest.raises(HullmarkError, match=why) as error:
        server.start()
    assert (server.poll(), server.pid) == (None, None)
    lock = os.open(server.folder / "serve.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    return error.value.advice


def test_a_server_that_was_not_started_has_no_address(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    assert (server.poll(), server.pid, server.is_ready()) == (None, None, False)
    with pytest.raises(HullmarkError, match="the embedded PostgreSQL was not started"):
        _ = server.url
    server.stop()


def test_without_programs_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Installation
) -> None:
    monkeypatch.setattr(embedded, "find_installation", lambda: None)
    advice = refused(EmbeddedPostgres(tmp_path / "data"), "the embedded PostgreSQL is not installed")
    assert "HULLMARK_DATABASE_URL" in advice


def test_a_database_that_initdb_cannot_make_is_said_with_its_words(tmp_path: Path, own: Installation) -> None:
    own.program("initdb").write_text("#!/bin/sh\necho 'initdb: error: cannot write: No space left on device'\nexit 1\n")
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "the embedded database cannot be made: the disk is full").startswith("make room where")
    assert not (tmp_path / "data" / "data.new").exists()


def test_a_data_folder_begins_with_the_template_where_there_is_one(tmp_path: Path, own: Installation) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "PG_VERSION").write_text("17\n")
    pack(tmp_path / "whole", template_of(own), level=1)
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "data is of PostgreSQL 17, and this is PostgreSQL 18").startswith(
        "dump it with PostgreSQL 17"
    )


def test_a_folder_in_which_no_data_can_be_made_is_said(tmp_path: Path, own: Installation) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.new").touch()
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "cannot be used: File exists") == "choose a folder that can be written to"


@pytest.mark.parametrize(
    ("number", "said", "advice"),
    [
        (errno.ENOLCK, "No locks available", "choose a folder that can be written to"),
        (errno.EDQUOT, "Disk quota exceeded", "make room where .*/data is, or choose another folder"),
    ],
)
def test_a_folder_that_cannot_be_locked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Installation, number: int, said: str, advice: str
) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", refuse)
        with pytest.raises(HullmarkError, match=f"cannot be used: {said}") as error:
            EmbeddedPostgres(tmp_path / "data", own=own).start()
    assert error.value.advice == advice.replace(".*/data", str(tmp_path / "data"))


def test_a_server_of_elsewhere_that_does_not_end_is_waited_for_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Installation
) -> None:
    monkeypatch.setattr(embedded, "_LEFTOVER_SECONDS", 0.03)
    (tmp_path / "data").mkdir()
    held = os.open(tmp_path / "data" / "postgres.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "processes of an earlier PostgreSQL still use") == "end them: they are in another container"
    os.close(held)


def test_no_socket_is_made_where_its_path_is_too_long(tmp_path: Path, own: Installation) -> None:
    runtime = tmp_path / ("r" * 100)
    runtime.mkdir()
    server = EmbeddedPostgres(tmp_path / ("d" * 100), own=own, runtime=runtime)
    assert refused(server, "is too long a path for a socket") == "choose a shorter one, or set TMPDIR"
    assert [*runtime.iterdir()] == []


def test_a_remembered_folder_that_is_not_ours_is_left_alone(tmp_path: Path, own: Installation) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "data" / "socket.path").write_text(str(tmp_path / "kept"))
    refused(EmbeddedPostgres(tmp_path / "data", own=own), "does not start: it said nothing")
    assert (tmp_path / "kept").is_dir()
    assert not (tmp_path / "data" / "socket.path").exists()


def test_data_that_cannot_be_made_ready_is_said(tmp_path: Path, own: Installation) -> None:
    own.program("initdb").write_text(f'#!/bin/sh\n{_NEW}\nmkdir "$2/postmaster.pid"\n')
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "cannot be used: Is a directory") == "choose a folder that can be written to"


def test_a_server_that_does_not_become_ready_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Installation
) -> None:
    own.program("postgres").write_text("#!/bin/sh\nexec sleep 1000\n")
    monkeypatch.setattr(embedded, "_START_SECONDS", 0.05)
    server = EmbeddedPostgres(tmp_path / "data", own=own)
    assert refused(server, "does not become ready") == f"look into {tmp_path / 'data' / 'postgres.log'}"
