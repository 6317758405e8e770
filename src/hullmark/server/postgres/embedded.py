"""The embedded PostgreSQL: a server of our own in a folder, reached through a Unix socket and by nothing else.

It is our child and ends with us, however we end. The folder holds `data` (PostgreSQL's own), `socket`, `postgres.log`, two
locks, and as root perhaps a copy of the programs. `serve.lock` is held by the process that started the server, `postgres.lock`
by the server's processes: while one of these is left, no other server may touch the data.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import pq, sql

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres.cluster_template import template_of, unpack
from hullmark.server.postgres.installation import (
    MAJOR,
    Account,
    Installation,
    account,
    check_launched,
    find_installation,
    last_line,
    run,
    usable,
)
from hullmark.server.postgres.postmaster import BoundedLog, Postmaster, end_leftovers, leftovers

DATABASE = "hullmark"
USER = "hullmark"
LONGEST_SOCKET = 107
"""Bytes of a socket's path that the kernel takes."""

_SOCKET = ".s.PGSQL.5432"
_START_SECONDS = 600.0
_LEFTOVER_SECONDS = 30.0
_FAST = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
_SMART = ((signal.SIGTERM, 60.0), *_FAST)

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # Containers have little of /dev/shm; what parallel queries share is taken from the server's own memory first.
    "min_dynamic_shared_memory": "32MB",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # This server has no replicas: backups are dumps.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # With pglz, a fifth of the server's time goes into it when a snapshot is carried into a million verdicts.
    "wal_compression": "off",
    "max_wal_size": "2GB",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """A PostgreSQL server in a folder. `user`: who it runs as where we are root (default: HULLMARK_POSTGRES_USER, then
    `postgres` or `nobody`). `runtime`: where a short folder for the socket is made if the folder's own path is too long."""

    def __init__(
        self, folder: Path, *, user: str | None = None, runtime: Path | None = None, own: Installation | None = None
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self._user = os.environ.get("HULLMARK_POSTGRES_USER", "") if user is None else user
        self._runtime = runtime
        self._own = own
        self._lock: int | None = None
        self._socket: Path | None = None
        self._postmaster: Postmaster | None = None

    def start(self) -> str:
        """Start it, and make what is missing. Returns the database's URL. Started already, it answers only that.

        Raises HullmarkError where that cannot be: the folder in use, of another version or not to be entered, a disk that is full.
        """
        if self._postmaster is not None and self._postmaster.poll() is None:
            return self.url
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._start()
            undo.pop_all()
        return self.url

    def _start(self) -> None:
        who, own = self._prepare()
        if not self.data.exists():
            self._initialise(who, own)
        self._check_data(who)
        lock = self._wait_for_leftovers()
        try:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._socket = self._socket_folder(who)
            log = BoundedLog(self.folder / "postgres.log")
            settings = {**_SETTINGS, "unix_socket_directories": str(self._socket)}
            words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            program: tuple[str | Path, ...] = (own.program("postgres"), "-D", self.data, *words)
            self._postmaster = Postmaster(who, self.folder, program, lock, log)
        except OSError as error:
            raise _cannot(error, self.folder) from error
        finally:
            os.close(lock)
        self._wait_until_ready(who)
        self._create_database()

    def _prepare(self) -> tuple[Account, Installation]:
        """The folder, ours alone from here on; who the server runs as, and the programs that this user can run."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._lock is None:
                self._lock = _lock_folder(self.folder / "serve.lock", self.folder)
            owner = self.data.stat().st_uid if self.data.exists() else 0
            who = account(self._user or (str(owner) if owner else ""))
            if who.is_other:
                # The server's user goes through it, and sees nothing in it.
                self.folder.chmod(self.folder.stat().st_mode & 0o777 | 0o011)
        except OSError as error:
            raise _cannot(error, self.folder) from error
        own = self._own or find_installation()
        if own is None:
            raise HullmarkError(
                "the embedded PostgreSQL is not installed",
                advice="install hullmark[server] (Linux), or name a database with HULLMARK_DATABASE_URL",
            )
        return who, usable(own, who, self.folder)

    def _initialise(self, who: Account, own: Installation) -> None:
        """Made beside its place and renamed: a data folder is whole."""
        half = self.folder / "data.new"
        try:
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir(0o700)
            _give(half, who)
            if (template := template_of(own)).is_file() and not who.is_other:
                unpack(template, half)
            else:
                self._run_initdb(who, own, half)
            half.rename(self.data)
        except OSError as error:
            raise _cannot(error, self.folder) from error

    def _run_initdb(self, who: Account, own: Installation, half: Path) -> None:
        words = ("--username", USER, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--locale=C")
        collation = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions")
        ran = run(who, self.folder, (own.program("initdb"), "-D", half, *words, *collation))
        if ran.status != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise _make_failure("the embedded database cannot be made", ran.said, self.folder)

    def _check_data(self, who: Account) -> None:
        try:
            version = (self.data / "PG_VERSION").read_text("ascii")[:20].strip()
            owner = self.data.stat().st_uid
        except (OSError, ValueError) as error:
            raise HullmarkError(
                f"{self.data} is not a data folder of PostgreSQL that can be read", advice="restore it, or move it away"
            ) from error
        if owner != who.uid:
            raise HullmarkError(
                f"{self.data} belongs to another user than {who.name}, whom PostgreSQL is to run as",
                advice=f"run as that user, or: chown -R {who.name} {self.data}",
            )
        if version != str(MAJOR):
            raise HullmarkError(
                f"{self.data} is of PostgreSQL {version}, and this is PostgreSQL {MAJOR}",
                advice=f"dump it with PostgreSQL {version} (pg_dump -Fc), move {self.data} away, start, and restore the dump",
            )

    def _wait_for_leftovers(self) -> int:
        """The lock that the server is to inherit, once no process of an earlier one is left. Raises HullmarkError."""
        path = self.folder / "postgres.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        is_asked, deadline = False, time.monotonic() + 2 * _LEFTOVER_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise HullmarkError(
                        f"processes of an earlier PostgreSQL still use {self.folder}",
                        advice=f"end them: {', '.join(map(str, leftovers(self.data))) or 'they are in another container'}",
                    ) from None
                if not is_asked:
                    end_leftovers(self.data, _LEFTOVER_SECONDS)
                    is_asked = True
                time.sleep(0.02)
            else:
                return lock

    def _socket_folder(self, who: Account) -> Path:
        """A folder that only the server's user, and root, can enter: who can is the database's superuser."""
        remembered = self.folder / "socket.path"
        self._forget_socket(remembered, who)
        place = self.folder / "socket"
        # In a connection's address a comma separates two hosts.
        if len(os.fsencode(place / _SOCKET)) <= LONGEST_SOCKET and "," not in str(place):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(0o700)
        else:
            place = Path(tempfile.mkdtemp(prefix="hullmark-", dir=self._runtime))
            if len(os.fsencode(place / _SOCKET)) > LONGEST_SOCKET:
                place.rmdir()
                raise HullmarkError(
                    f"{self.folder} is too long a path for a socket", advice="choose a shorter one, or set TMPDIR"
                )
            remembered.write_bytes(os.fsencode(place))
        _give(place, who)
        return place

    def _forget_socket(self, remembered: Path, who: Account) -> None:
        """Remove the short folder of an earlier start that had no time to do so."""
        with suppress(OSError):
            place = Path(os.fsdecode(remembered.read_bytes()))
            if place.name.startswith("hullmark-") and not place.is_symlink() and place.stat().st_uid == who.uid:
                for name in (_SOCKET, f"{_SOCKET}.lock"):
                    (place / name).unlink(missing_ok=True)
                place.rmdir()
        remembered.unlink(missing_ok=True)

    def _wait_until_ready(self, who: Account) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_ready():
            status = self.poll()
            if self._postmaster is None or status is not None:
                log = self._postmaster.last_words() if self._postmaster is not None else ""
                check_launched(status or 0, who, self.folder)
                raise _make_failure("the embedded PostgreSQL does not start", log, self.folder)
            if time.monotonic() > deadline:
                raise HullmarkError(
                    "the embedded PostgreSQL does not become ready", advice=f"look into {self.folder / 'postgres.log'}"
                )
            time.sleep(0.02)

    def _create_database(self) -> None:
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=60) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.Error as error:
            raise _make_failure("the database cannot be made", str(error), self.folder) from error

    def stop(self, fast: bool = True) -> None:
        """End it, and wait for that. `fast` breaks connections off; else they have a minute to end. May be called twice."""
        if self._postmaster is not None:
            self._postmaster.end(_FAST if fast else _SMART)
            self._postmaster = None
        if self._socket is not None:
            with suppress(OSError):
                shutil.rmtree(self._socket)
                (self.folder / "socket.path").unlink(missing_ok=True)
            self._socket = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def poll(self) -> int | None:
        """The exit status of a server that has ended; None while it runs, or if none was started."""
        return None if self._postmaster is None else self._postmaster.poll()

    @property
    def pid(self) -> int | None:
        """The process id of the server, None if none was started."""
        return None if self._postmaster is None else self._postmaster.pid

    @property
    def url(self) -> str:
        """The database's address. Raises HullmarkError if the server was not started."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        if self._socket is None:
            raise HullmarkError("the embedded PostgreSQL was not started", advice="start it")
        return f"postgresql://{USER}@/{database}?host={quote(os.fsencode(self._socket), safe='')}&port=5432"

    def is_ready(self) -> bool:
        """Does it take connections?"""
        if self._socket is None or self._postmaster is None or self._postmaster.poll() is not None:
            return False
        return pq.PGconn.ping(f"{self._url('postgres')}&connect_timeout=5".encode()) == pq.Ping.OK

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _lock_folder(path: Path, folder: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise HullmarkError(
            f"another hullmark serves from {folder} (process {holder or 'unknown'})",
            advice="stop it, or choose another data folder",
        ) from None
    except OSError:
        os.close(lock)
        raise
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _give(folder: Path, who: Account) -> None:
    if who.is_other:
        os.chown(folder, who.uid, who.gid)


def _cannot(error: OSError, folder: Path) -> HullmarkError:
    advice = "choose a folder that can be written to"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = f"make room where {folder} is, or choose another folder"
    return HullmarkError(f"the database's folder {folder} cannot be used: {error.strerror or error}", advice=advice)


def _make_failure(what: str, log: str, folder: Path) -> HullmarkError:
    full = "No space left on device" in log or "quota exceeded" in log
    advice = f"make room where {folder} is" if full else f"look into {folder / 'postgres.log'}"
    return HullmarkError(f"{what}: {'the disk is full' if full else last_line(log)}", advice=advice)
