"""Restore a backup: objects first, the database last and in one transaction, so that the database never refers to a missing object."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from hullmark.model.errors import HullmarkError
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.postgres import dumps
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.stories.backup.backup import key_mark
from hullmark.server.stories.backup.backup_files import (
    COMPLETE,
    DUMP,
    KEY,
    LISTED,
    OBJECTS,
    BackupHeader,
    ObjectTotals,
    entries,
    parse_document,
    told_in,
)
from hullmark.server.stories.muting import NAME, Mute
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.forms import form_of, known_forms
from hullmark.server.tables.migrate import migrate

ROLE = "hullmark_tenant"

_PIECE = 1 << 20
_KEY_BYTES = 1 << 16
_LINE = 2_000
_CONNECT_SECONDS = 20


class RestoreResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored: the backup's header, its totals, and the form that the database has now."""

    told: BackupHeader
    written: ObjectTotals
    form: str


def restore(
    settings: Settings, environment: Mapping[str, str], source: Path, *, force: bool = False, unmuted: bool = False
) -> RestoreResult:
    """Restore a backup into the server of these settings, which must not be running. `force` replaces what is there. The restored server is
    muted, unless `unmuted` says that the original server no longer exists.

    Raises HullmarkError if the target is not empty, the secret key is missing or a different one, or the backup is damaged; the database is
    untouched then.
    """
    header = told_in(source)
    if header.form not in known_forms():
        raise HullmarkError(
            f"the backup's database has the form {header.form}, which a newer hullmark made",
            advice=f"restore it with version {header.hullmark} or newer",
        )
    objects = open_objects(settings.objects_url, environment)
    if not force and next(objects.list(), None) is not None and header.copied:
        raise HullmarkError(
            f"the object store {objects.where} is not empty",
            advice="name another one, or give --force to keep what is there beside",
        )
    if settings.database_url:
        done = _into(settings, settings.database_url, objects, source, header, force=force)
        return _set_mute(settings.database_url, done, unmuted)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o711)
    with EmbeddedPostgres(settings.data / "postgres") as embedded:
        done = _into(settings, embedded.url, objects, source, header, force=force)
        return _set_mute(embedded.url, done, unmuted)


def _into(
    settings: Settings, url: str, objects: Objects, source: Path, header: BackupHeader, *, force: bool
) -> RestoreResult:
    _check_database(url, force)
    with TemporaryDirectory(prefix="hullmark-restore-") as folder:
        dump, key = Path(folder) / DUMP, Path(folder) / KEY
        try:
            done = _take(source, objects, dump, key)
        except (tarfile.TarError, EOFError) as error:
            raise HullmarkError(f"{source} is not a whole backup: {error}", advice="name another backup") from error
        _settle_key(settings.key_path, key, header, force)
        if force and form_of(url) not in ("", header.form):
            _empty(url)  # tables of another form would remain beside the restored ones
        dumps.restore(url, dump, roles=(ROLE,))
        form = migrate(url)
    return RestoreResult(told=header, written=done, form=form)


def _set_mute(url: str, done: RestoreResult, unmuted: bool) -> RestoreResult:
    """Mute the restored server, unless `unmuted`: the original server may still run, and people would be notified twice. Also end all
    browser sessions.
    """
    kept = Mute(since=datetime.now(UTC), reason=f"it was restored from a backup of {done.told.made_at}")
    with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
        connection.execute("DELETE FROM browser_session")  # a session that ended after the backup must not work again
        connection.execute("DELETE FROM setting WHERE name = %s", (NAME,))
        if not unmuted:
            row = (NAME, Jsonb(msgspec.to_builtins(kept)))
            connection.execute("INSERT INTO setting (name, value) VALUES (%s, %s)", row)
    return done


def _check_database(url: str, force: bool) -> None:
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, application_name="hullmark-restore") as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hullmark'"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise HullmarkError(f"the database cannot be reached: {error}", advice="check HULLMARK_DATABASE_URL") from error
    if found != (0,):
        raise HullmarkError("the server runs: it uses the database", advice="stop all of its processes first")
    if not force and form_of(url):
        raise HullmarkError("the database is not empty", advice="name an empty one, or give --force to replace it")


def _take(source: Path, objects: Objects, dump: Path, key: Path) -> ObjectTotals:
    """Put the objects into the store, and the dump and key into files. Raises HullmarkError unless the backup is complete."""
    count = total = 0
    done: ObjectTotals | None = None
    for name, size, content in entries(source):
        if name.startswith(OBJECTS):
            _put(objects, name.removeprefix(OBJECTS), content)
            count, total = count + 1, total + size
        elif name == LISTED:
            count, total = _check_listed(objects, content)
        elif name == DUMP:
            with dump.open("wb") as file:
                shutil.copyfileobj(content, file, _PIECE)
        elif name == KEY:
            key.write_bytes(content.read(_KEY_BYTES))
        elif name == COMPLETE:
            done = parse_document(content.read(_KEY_BYTES), ObjectTotals, source)
    if done is None or (done.objects, done.bytes) != (count, total) or not dump.is_file():
        raise HullmarkError(f"{source} is not a whole backup", advice="name another backup")
    return done


def _put(objects: Objects, key: str, content: IO[bytes]) -> None:
    writer = objects.writer(key)
    with ExitStack() as undo:
        undo.callback(writer.abort)
        while piece := content.read(_PIECE):
            writer.write(piece)
        writer.commit()
        undo.pop_all()


def _check_listed(objects: Objects, content: IO[bytes]) -> tuple[int, int]:
    """How many objects the list names, and their bytes. Raises HullmarkError if an object is not in the store, or has another size."""
    count = total = missing = 0
    there = {found.key: found.size for found in objects.list()}
    while line := content.readline(_LINE):
        size, _, key = line.decode("ascii", "replace").strip().partition(" ")
        count, total = count + 1, total + int(size)
        missing += there.get(key) != int(size)
    if missing:
        raise HullmarkError(
            f"{missing} of the {count} objects that the backup names are not in {objects.where}",
            advice="bring the bucket back to that time (its versions, its replica), or name it in HULLMARK_OBJECTS",
        )
    return count, total


def _settle_key(path: Path, brought: Path, header: BackupHeader, force: bool) -> None:
    """Make sure that the right secret key is in its place. Raises HullmarkError if it is not available."""
    if path.exists():
        if key_mark(path) == header.key:
            return
        if not (force and brought.is_file()):
            raise HullmarkError(
                f"{path} is another secret key than the backup's",
                advice="put the right key there: what is encrypted needs it",
            )
    elif not brought.is_file():
        raise HullmarkError(
            f"the backup holds no secret key, and there is none in {path}",
            advice="put the server's secret key there first",
        )
    if key_mark(brought) != header.key:
        raise HullmarkError("the backup's secret key is damaged", advice="put the server's secret key there first")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(brought.read_bytes())
    beside.replace(path)


def _empty(url: str) -> None:
    """Empty the database, so that no tables of an older or newer form remain beside the restored ones."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
            connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    except psycopg.Error as error:
        raise HullmarkError(
            f"the database cannot be emptied: {str(error).splitlines()[0]}", advice="its user must own it"
        ) from error
