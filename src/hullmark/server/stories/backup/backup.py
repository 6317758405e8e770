"""Backups of the complete server: database, objects and, on request, the secret key. They are made while the server runs, and restored
while it is stopped.

Nothing is locked meanwhile. Objects are written before the database refers to them, never change, and are not removed while they are young.
Therefore all objects are copied first, then the database is dumped, then the objects added since are copied: every object that the dump
refers to is in the backup.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import msgspec
import psycopg

from hullmark._version import __version__
from hullmark.model.errors import HullmarkError
from hullmark.server.objects.objects import ListedObject, Objects, open_objects
from hullmark.server.postgres.dumps import dump
from hullmark.server.postgres.embedded import DATABASE, USER, EmbeddedPostgres
from hullmark.server.stories.backup.backup_files import (
    COMPLETE,
    DUMP,
    FORMAT,
    KEY,
    LISTED,
    OBJECTS,
    BackupHeader,
    ObjectTotals,
    Writer,
    add_bytes,
    write_backup,
)
from hullmark.server.stories.settings import Settings
from hullmark.server.stories.vault import open_vault
from hullmark.server.tables.forms import form_of

_CONNECT_SECONDS = 20


class BackupResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished backup: its path, its header, its totals, and the path of the secret key if the backup does not include it (None: it
    does).
    """

    path: Path
    told: BackupHeader
    written: ObjectTotals
    key_apart: Path | None


def back_up(
    settings: Settings,
    environment: Mapping[str, str],
    target: Path,
    *,
    copy: bool | None = None,
    with_key: bool = False,
) -> BackupResult:
    """Write a backup into a folder, or into a file if the name ends in .tar. The server may run.

    `copy` says whether the objects are copied, or only listed because their bucket keeps them (default: copy them if they are in a folder).
    Raises HullmarkError.
    """
    if not settings.key_path.is_file():
        raise HullmarkError(
            f"there is no secret key {settings.key_path}",
            advice="name the server's data folder, or set HULLMARK_SECRET_KEY_FILE",
        )
    objects = open_objects(settings.objects_url, environment)
    copied = _is_folder(settings) if copy is None else copy
    with database_of(settings) as url, write_backup(target) as writer:
        header = BackupHeader(
            format=FORMAT,
            hullmark=__version__,
            form=_form(url),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            objects=settings.objects_url,
            copied=copied,
            key=key_mark(settings.key_path),
        )
        add_bytes(writer, "backup.json", msgspec.json.encode(header))
        sizes: dict[str, int] = {}
        _take_objects(writer, objects, sizes, copied)
        _take_database(writer, url)
        _take_objects(writer, objects, sizes, copied)
        if not copied:
            lines = "".join(f"{size} {key}\n" for key, size in sorted(sizes.items()))
            add_bytes(writer, LISTED, lines.encode())
        if with_key:
            add_bytes(writer, KEY, settings.key_path.read_bytes())
        done = ObjectTotals(objects=len(sizes), bytes=sum(sizes.values()))
        add_bytes(writer, COMPLETE, msgspec.json.encode(done))
    return BackupResult(path=target, told=header, written=done, key_apart=None if with_key else settings.key_path)


def key_mark(path: Path) -> str:
    """A fingerprint of a secret key, which reveals nothing about it."""
    return open_vault(path).derived("backup").hex()[:32]


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The URL of the server's database. The embedded database is started for the duration, unless it already runs."""
    if settings.database_url:
        yield settings.database_url
        return
    folder = settings.data / "postgres"
    if not (folder / "data").is_dir():
        raise HullmarkError(
            f"there is no database in {settings.data}",
            advice="name the server's data folder, or set HULLMARK_DATABASE_URL",
        )
    if running := _running(folder):
        yield running
        return
    with EmbeddedPostgres(folder) as embedded:
        yield embedded.url


def _running(folder: Path) -> str:
    """The URL of a running embedded database, "" if there is none."""
    elsewhere = folder / "socket.path"
    socket = Path(elsewhere.read_text()) if elsewhere.is_file() else folder / "socket"
    url = f"postgresql://{USER}@/{DATABASE}?host={quote(str(socket), safe='')}&port=5432"
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.OperationalError:
        return ""
    return url


def _form(url: str) -> str:
    if form := form_of(url):
        return form
    raise HullmarkError("the database is empty: there is nothing to back up", advice="start the server once")


def _is_folder(settings: Settings) -> bool:
    scheme, mark, _ = settings.objects_url.partition("://")
    return not mark or scheme == "file"


def _take_objects(writer: Writer, objects: Objects, sizes: dict[str, int], copied: bool) -> None:
    """Add the objects that the backup does not have yet."""
    for found in objects.list():
        if found.key in sizes:
            continue
        if not copied or _copy_object(writer, objects, found):
            sizes[found.key] = found.size


def _copy_object(writer: Writer, objects: Objects, found: ListedObject) -> bool:
    """Copy an object; False if it was removed after it was listed, in which case nothing refers to it any more."""
    reader = objects.open(found.key)
    if reader is None:
        return False
    with io.BufferedReader(reader, 1 << 20) as content:
        writer.add(OBJECTS + found.key, reader.size, content)
    return True


def _take_database(writer: Writer, url: str) -> None:
    with TemporaryDirectory(prefix="hullmark-backup-") as folder:
        path = Path(folder) / DUMP
        dump(url, path)
        with path.open("rb") as content:
            writer.add(DUMP, path.stat().st_size, content)
