"""The embedded PostgreSQL, the real one: starts, ends of every kind, refusals, backups. As root it runs as another user."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

psycopg = pytest.importorskip("psycopg", reason="the server's packages are not installed")

from hullmark.model.errors import HullmarkError  # noqa: E402
from hullmark.server.postgres.dumps import dump, restore  # noqa: E402
from hullmark.server.postgres.embedded import DATABASE, LONGEST_SOCKET, EmbeddedPostgres  # noqa: E402
from hullmark.server.postgres.installation import (  # noqa: E402
    Installation,
    account,
    binary,
    find_installation,
    major_of,
    usable,
)
from hullmark.server.postgres.postmaster import BoundedLog, end_leftovers, leftovers  # noqa: E402
from tests.support.database import memory  # noqa: E402

pytestmark = pytest.mark.skipif(find_installation() is None, reason="no embedded PostgreSQL is installed")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may do it")

_PATIENCE = 60.0


def wait_for(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def value(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are for one user alone. No server is left in it."""
    folder = Path(tempfile.mkdtemp(prefix="hullmark-test-", dir=memory()))
    folder.chmod(0o755)
    yield folder
    for data in folder.rglob("data"):
        end_leftovers(data, 5)
        assert wait_for(lambda data=data: not leftovers(data))  # type: ignore[misc]
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder with a database, not running."""
    folder = Path(tempfile.mkdtemp(prefix="hullmark-test-", dir=memory()))
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "pg") as server:
        run(server.url, "CREATE TABLE ship (name text)", "INSERT INTO ship VALUES ('Argo')")
    yield folder / "pg"
    shutil.rmtree(folder)


@pytest.fixture
def pg(made: Path, room: Path) -> Path:
    """A copy of it, with its owners."""
    subprocess.run(["cp", "-a", made, room / "pg"], check=True)
    return room / "pg"


def test_the_first_start_makes_a_database_that_only_a_private_socket_leads_to(room: Path) -> None:
    folder = room / "new" / "pg"
    server = EmbeddedPostgres(folder)
    assert (server.pid, server.poll(), server.is_ready()) == (None, None, False)
    with server:
        assert server.is_ready()
        assert server.poll() is None
        assert value(server.url, "SELECT current_database()") == DATABASE
        assert value(server.url, "SHOW listen_addresses") == ""
        assert value(server.url, "SHOW fsync") == "on"
        assert value(server.url, "SHOW jit") == "off"
        assert value(server.url, "SHOW data_checksums") == "on"
        assert value(server.url, "SHOW server_encoding") == "UTF8"
        assert value(server.url, "SELECT 'Z' < 'a' COLLATE \"default\"") is True
        assert value(server.url, "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND NOT ssl") == 1
        assert (folder / "socket").stat().st_mode & 0o777 == 0o700
        assert server.data.stat().st_mode & 0o777 == 0o700
        assert server.start() == server.url
    assert not leftovers(server.data)
    assert "ready to accept connections" in (folder / "postgres.log").read_text()
    with pytest.raises(HullmarkError, match="not started"):
        _ = server.url


def test_what_was_written_is_there_after_a_restart(pg: Path) -> None:
    server = EmbeddedPostgres(pg)
    run(server.start(), "INSERT INTO ship VALUES ('Fram')")
    server.stop()
    server.stop()
    with server:
        assert value(server.url, "SELECT string_agg(name, ' ' ORDER BY name) FROM ship") == "Argo Fram"


def test_a_stop_that_is_not_fast_waits_for_connections(pg: Path) -> None:
    server = EmbeddedPostgres(pg)
    with psycopg.connect(server.start(), autocommit=True) as connection:
        thread = threading.Thread(target=server.stop, args=(False,))
        thread.start()
        assert wait_for(lambda: "smart shutdown" in (pg / "postgres.log").read_text())
        connection.execute("INSERT INTO ship VALUES ('Fram')")
    thread.join()
    with server:
        assert value(server.url, "SELECT count(*) FROM ship") == 2


def _write_until_it_breaks(url: str, done: list[int]) -> None:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                connection.execute("INSERT INTO written VALUES (%s)", (len(done),))
                done.append(len(done))
    except psycopg.Error:
        return


@pytest.mark.parametrize("which", ["the first process", "all processes"])
def test_what_was_committed_before_a_kill_is_there(pg: Path, which: str) -> None:
    with EmbeddedPostgres(pg) as server:
        run(server.url, "CREATE TABLE written (number int)")
        done: list[int] = []
        writer = threading.Thread(target=_write_until_it_breaks, args=(server.url, done))
        writer.start()
        assert wait_for(lambda: len(done) > 20)
        pid = server.pid
        assert pid is not None
        for process in [pid] if which == "the first process" else leftovers(server.data):
            os.kill(process, signal.SIGKILL)
        writer.join()
        assert wait_for(lambda: server.poll() == -signal.SIGKILL)
        assert not server.is_ready()
        server.start()
        assert server.pid != pid
        assert value(server.url, "SELECT count(*) FROM written") in (len(done), len(done) + 1)
        assert value(server.url, "SELECT count(*) FROM ship") == 1


def test_a_backend_that_goes_on_without_its_first_process_is_ended(pg: Path) -> None:
    with EmbeddedPostgres(pg) as server:
        busy = psycopg.connect(server.url)
        endless = "DO $$ BEGIN LOOP END LOOP; END $$"
        broken: list[str] = []

        def loop() -> None:
            try:
                busy.execute(endless)
            except psycopg.Error as error:
                broken.append(type(error).__name__)

        thread = threading.Thread(target=loop)
        thread.start()
        active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"
        assert wait_for(lambda: value(server.url, active) == 1)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert wait_for(lambda: server.poll() is not None)
        assert busy.info.backend_pid in leftovers(server.data)
        server.start()
        assert busy.info.backend_pid not in leftovers(server.data)
        assert value(server.url, "SELECT count(*) FROM ship") == 1
        thread.join()
        assert broken == ["OperationalError"]
        busy.close()


_PARENT = """
import sys, threading, time
from pathlib import Path
from hullmark.server.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
thread = threading.Thread(target=server.start)  # it must outlive the thread that started it
thread.start()
thread.join()
time.sleep(0.2)
print(server.url if server.poll() is None else "dead", flush=True)
time.sleep(600)
"""


def test_it_ends_with_its_parent_however_that_ends(pg: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, pg], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as told:
        url = told.readline().strip()
    assert value(url, "SELECT count(*) FROM ship") == 1
    assert leftovers(pg / "data")
    run(url, "INSERT INTO ship VALUES ('Fram')")
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not leftovers(pg / "data"))
    with EmbeddedPostgres(pg) as server:
        assert value(server.url, "SELECT count(*) FROM ship") == 2


def test_a_start_right_after_the_parents_death_waits_for_the_old_server(pg: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, pg], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as told:
        assert told.readline().startswith("postgresql://")
    parent.kill()
    parent.wait()
    with EmbeddedPostgres(pg) as server:
        assert value(server.url, "SELECT count(*) FROM ship") == 1


def test_a_second_server_in_one_folder_is_refused(pg: Path) -> None:
    with EmbeddedPostgres(pg) as server:
        second = EmbeddedPostgres(pg)
        with pytest.raises(HullmarkError, match=rf"another hullmark .*process {os.getpid()}\)"):
            second.start()
        assert server.is_ready()
        assert value(server.url, "SELECT count(*) FROM ship") == 1
    with second:
        assert second.is_ready()


def test_a_stale_pid_file_that_names_a_living_process_does_not_matter(pg: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "600"], user=account().uid if os.geteuid() == 0 else None)
    try:
        (pg / "data" / "postmaster.pid").write_text(f"{sleeper.pid}\n{pg}/data\n0\n5432\n")
        (pg / "socket").mkdir(exist_ok=True)
        (pg / "socket" / ".s.PGSQL.5432.lock").write_text(f"{sleeper.pid}\n")
        with EmbeddedPostgres(pg) as server:
            assert value(server.url, "SELECT count(*) FROM ship") == 1
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("name", ["x" * 120, "with,comma", "with space, % and ä"])
def test_a_path_that_is_no_sockets_path_gets_a_short_one(made: Path, room: Path, name: str) -> None:
    folder = room / name / "pg"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", made, folder], check=True)
    runtime = room / "run"
    runtime.mkdir()
    with EmbeddedPostgres(folder, runtime=runtime) as server:
        place = Path(parse_qs(urlsplit(server.url).query)["host"][0])
        assert len(os.fsencode(place / ".s.PGSQL.5432")) <= LONGEST_SOCKET
        assert place.parent == runtime
        assert place.stat().st_mode & 0o777 == 0o700
        assert value(server.url, "SELECT count(*) FROM ship") == 1
        # As if we had been killed: the next start cleans up.
        second = EmbeddedPostgres(folder, runtime=runtime)
        (folder / "socket.path").rename(folder / "kept")
    (folder / "kept").rename(folder / "socket.path")
    place.mkdir()
    (place / ".s.PGSQL.5432").touch()
    os.chown(place, server.data.stat().st_uid, -1)
    with second:
        assert not place.exists()
    assert list(runtime.iterdir()) == []


def test_another_major_version_is_refused_with_a_way_out(pg: Path) -> None:
    (pg / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(HullmarkError, match="is of PostgreSQL 15") as refused:
        EmbeddedPostgres(pg).start()
    assert "pg_dump" in refused.value.advice


def test_a_folder_that_is_no_database_is_refused_and_left_alone(room: Path) -> None:
    (room / "pg" / "data").mkdir(parents=True)
    (room / "pg" / "data" / "mine.txt").write_text("x")
    if os.geteuid() == 0:
        os.chown(room / "pg" / "data", account().uid, -1)
    with pytest.raises(HullmarkError, match="not a data folder"):
        EmbeddedPostgres(room / "pg").start()
    assert (room / "pg" / "data" / "mine.txt").read_text() == "x"


def test_a_folder_that_is_a_file_is_refused(room: Path) -> None:
    (room / "pg").write_text("x")
    with pytest.raises(HullmarkError, match="cannot be used"):
        EmbeddedPostgres(room / "pg").start()


@not_as_root
def test_a_folder_that_may_not_be_written_to_is_refused(room: Path) -> None:
    room.chmod(0o555)
    with pytest.raises(HullmarkError, match="cannot be used: Permission denied"):
        EmbeddedPostgres(room / "pg").start()
    room.chmod(0o755)


def test_a_server_that_does_not_start_says_why_and_frees_the_folder(pg: Path) -> None:
    conf = pg / "data" / "postgresql.conf"
    before = conf.read_text()
    conf.write_text(before + "\nmax_connections = many\n")
    with pytest.raises(HullmarkError, match="does not start: ") as refused:
        EmbeddedPostgres(pg).start()
    assert "postgresql.conf" in f"{refused.value}"
    conf.write_text(before)
    with EmbeddedPostgres(pg) as server:
        assert server.is_ready()


@pytest.fixture
def small(room: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = room / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@as_root
def test_a_full_disk_is_named(small: Path) -> None:
    with pytest.raises(HullmarkError, match="the disk is full") as refused:
        EmbeddedPostgres(small / "pg").start()
    assert "make room" in refused.value.advice
    assert not (small / "pg" / "data").exists()
    assert not (small / "pg" / "data.new").exists()


@as_root
class TestAsRoot:
    def test_the_server_runs_as_a_user_without_rights(self, pg: Path) -> None:
        with EmbeddedPostgres(pg) as server:
            status = Path(f"/proc/{server.pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert fields["Uid"].split() == [str(account().uid)] * 4
            assert fields["Gid"].split() == [str(account().gid)] * 4
            assert fields["Groups"].strip() == ""
            assert int(fields["CapEff"], 16) == 0

    def test_the_user_can_be_chosen(self, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HULLMARK_POSTGRES_USER", "daemon")
        with EmbeddedPostgres(room / "pg") as server:
            assert Path(f"/proc/{server.pid}").owner() == "daemon"
        monkeypatch.delenv("HULLMARK_POSTGRES_USER")
        with EmbeddedPostgres(room / "pg") as server:  # whose data it is
            assert Path(f"/proc/{server.pid}").owner() == "daemon"
        with pytest.raises(HullmarkError, match="belongs to another user"):
            EmbeddedPostgres(room / "pg", user="nobody").start()

    @pytest.mark.parametrize("name", ["root", "0", "no-such-user"])
    def test_root_and_nobody_at_all_are_no_users(self, room: Path, name: str) -> None:
        with pytest.raises(HullmarkError, match="does not run as root"):
            EmbeddedPostgres(room / "pg", user=name).start()

    def test_a_folder_that_the_user_cannot_enter_is_refused(self, room: Path) -> None:
        (room / "private").mkdir(0o700)
        with pytest.raises(HullmarkError, match="may not enter"):
            EmbeddedPostgres(room / "private" / "pg").start()

    def test_programs_that_the_user_cannot_run_are_copied_once(self, room: Path) -> None:
        own = find_installation()
        assert own is not None
        assert own.libraries is not None
        home = room / "home"
        home.mkdir(0o700)
        hidden = home / "lib" / "package" / own.folder.name
        for source, target in ((own.folder, hidden), (own.libraries, home / "lib" / own.libraries.name)):
            shutil.copytree(source, target)
        theirs = Installation(folder=hidden, libraries=home / "lib" / own.libraries.name, version="1.2.3")
        with EmbeddedPostgres(room / "pg", own=theirs) as server:
            copied = Path(f"/proc/{server.pid}/exe").readlink()
            assert copied.is_relative_to(room / "pg" / "postgresql-18-1.2.3")
            assert value(server.url, "SELECT 1") == 1
        made_at = copied.stat().st_ctime_ns
        with EmbeddedPostgres(room / "pg", own=theirs):
            assert copied.stat().st_ctime_ns == made_at
        newer = Installation(folder=hidden, libraries=theirs.libraries, version="1.2.4")
        with EmbeddedPostgres(room / "pg", own=newer):
            assert [place.name for place in (room / "pg").glob("postgresql-*")] == ["postgresql-18-1.2.4"]

    def test_programs_that_the_user_can_run_are_not_copied(self, room: Path) -> None:
        own = find_installation()
        assert own is not None
        shutil.copytree(own.folder, room / "package" / "pg")
        assert own.libraries is not None
        shutil.copytree(own.libraries, room / own.libraries.name)
        theirs = Installation(folder=room / "package" / "pg", libraries=room / own.libraries.name, version="1")
        assert usable(theirs, account(), room) == theirs
        (theirs.folder / "share" / "postgresql" / "postgres.bki").chmod(0o600)
        assert usable(theirs, account(), room) != theirs


def test_a_backup_is_put_back(pg: Path, room: Path) -> None:
    backup = room / "hullmark.dump"
    with EmbeddedPostgres(pg) as server:
        run(server.url, "CREATE ROLE crew NOLOGIN", "GRANT SELECT ON ship TO crew")
        dump(server.url, backup)
        assert backup.stat().st_mode & 0o777 == 0o600
        run(server.url, "INSERT INTO ship VALUES ('Fram')", "CREATE TABLE later (x int)")
        restore(server.url, backup, roles=["crew"])
        assert value(server.url, "SELECT string_agg(name, ' ') FROM ship") == "Argo"
    with EmbeddedPostgres(room / "other") as other:
        with pytest.raises(HullmarkError, match="cannot be restored"):
            restore(other.url, backup)
        assert value(other.url, "SELECT to_regclass('ship') IS NULL") is True
        restore(other.url, backup, roles=["crew"])
        assert value(other.url, "SELECT has_table_privilege('crew', 'ship', 'SELECT')") is True
        assert value(other.url, "SELECT count(*) FROM ship") == 1


def test_backups_that_cannot_be_made_or_read_say_so(pg: Path, room: Path) -> None:
    backup = room / "b.dump"
    backup.write_bytes(b"the last one")
    nowhere = f"postgresql://x:secret@/hullmark?host={room}"
    with pytest.raises(HullmarkError, match="no backup can be written") as refused:
        dump(nowhere, backup)
    assert "secret" not in f"{refused.value} {refused.value.advice}"
    assert backup.read_bytes() == b"the last one"
    assert sorted(path.name for path in room.iterdir()) == ["b.dump", "pg"]
    with pytest.raises(HullmarkError, match="is not a backup"):
        restore(nowhere, backup)
    with pytest.raises(HullmarkError, match="cannot be read"):
        restore(nowhere, room / "missing")
    with pytest.raises(HullmarkError, match="cannot be understood"):
        dump("postgresql://[", backup)
    with pytest.raises(HullmarkError, match="No such file"):
        dump(nowhere, room / "no" / "folder")
    with EmbeddedPostgres(pg) as server:
        dump(server.url, backup)
        backup.write_bytes(backup.read_bytes()[:-100])
        with pytest.raises(HullmarkError, match="cannot be restored"):
            restore(server.url, backup)
        assert value(server.url, "SELECT count(*) FROM ship") == 1


def test_programs_are_found_and_those_missing_are_named() -> None:
    assert major_of(binary("pg_dump")) == 18
    assert binary("sh").name == "sh"
    assert major_of(binary("sh")) is None
    with pytest.raises(HullmarkError, match="no_such_program is not installed"):
        binary("no_such_program")


def test_the_log_is_bounded(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "postgres.log", limit=1000)
    for number in range(500):
        log.write(b"line %d\n" % number)
    assert log.tail().endswith("line 499\n")
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["postgres.log", "postgres.log.1"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    both = (tmp_path / "postgres.log.1").read_bytes() + (tmp_path / "postgres.log").read_bytes()
    assert both.endswith(b"line 498\nline 499\n")
    again = BoundedLog(tmp_path / "postgres.log", limit=1000)
    again.write(b"more\n")
    again.close()
    assert (tmp_path / "postgres.log").read_bytes().endswith(b"line 499\nmore\n")
