"""`hullmark backup` and `hullmark restore` with real processes: what a server knew, it knows again in another place."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest
from psycopg import sql

from hullmark.server.stories.backup.backup import back_up
from hullmark.server.stories.backup.restore import restore
from hullmark.server.stories.images.logins import context_of
from hullmark.server.stories.settings import Settings
from hullmark.server.stories.vault import open_vault
from hullmark.server.tables.forms import newest_form
from hullmark.server.tables.migrate import migrate
from tests.support.buckets import s3_bucket
from tests.support.database import named
from tests.support.images import Blobs, tar_of
from tests.support.processes import (
    PASSWORD,
    Client,
    Server,
    debian_postgres,
    debian_programs,
    forked_server,
    place,
    until,
)
from tests.support.registry import FakeRegistry

STATUS = (
    b"Package: bash\nStatus: install ok installed\nMaintainer: A <a@example.org>\nArchitecture: amd64\n"
    b"Version: 5.2\nDescription: it\n\n"
)


@pytest.fixture(scope="module")
def registry() -> Iterator[tuple[str, str]]:
    """A registry with an image of two layers: HOST:PORT, and the reference."""
    blobs = Blobs()
    layers = [
        tar_of({"etc/os-release": b'ID=debian\nVERSION_ID="13"\n'}),
        tar_of({"var/lib/dpkg/status": STATUS}),
    ]
    made = FakeRegistry(blobs=blobs)
    made.tags["1"] = str(blobs.image(layers)["digest"])
    with made.running():
        yield made.host, f"{made.host}/{made.repository}:1"


def hullmark(running: Server, *words: str, status: int = 0, settings: dict[str, str] | None = None) -> str:
    """Run the program with a server's settings; what it said."""
    ran = running.run(*words, **(settings or {}))
    said = (ran.stdout + ran.stderr).decode()
    assert ran.returncode == status, said
    return said


def fill(running: Server, host: str, reference: str) -> Client:
    """An image, judged; a policy in force; the password of a registry; an exception; a key, whose client this answers."""
    client = running.client.signed_in()
    client.prepare(host)
    client.must("PUT", "/api/v1/registries/private.example", {"username": "robot", "password": "of-the-registry"})
    digest = client.add(reference)
    until(lambda: digest in client.verdicts(), 60, "the verdict")
    no_job = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    until(lambda: running.rows(no_job) == [(0,)], 60, "the end of all jobs")
    return client


def answers(client: Client) -> dict[str, Any]:
    """What the server knows, as it tells it."""
    found: dict[str, Any] = {}
    for image in client.images():
        digest = image["digest"]
        for path in ("", "/packages", "/vulnerabilities"):
            found[f"{digest}{path}"] = client.must("GET", f"/api/v1/images/{digest}{path}")
        for path in (f"verdicts/{digest}", f"images/{digest}/verdicts"):
            found[path] = client.must("GET", f"/api/v1/{path}")
    for path in ("images", "policies", "activations", "registries", "keys", "events", "exceptions"):
        found[path] = client.must("GET", f"/api/v1/{path}")
    for key in found["keys"]["items"]:
        key.pop("last_used_at")
    return found


def password_in(running: Server, key: Path) -> str:
    """The stored password of the private registry, decrypted."""
    ((account, secret),) = running.rows("SELECT account_id, secret FROM registry WHERE pattern = 'private.example'")
    return open_vault(key).decrypt(bytes(secret), context_of(account, "private.example"))


@dataclass(frozen=True)
class Kept:
    """A server that has ended, what opened its pages, where its key is, what it knew, and backups: without the key, with it, at rest."""

    running: Server
    client: Client
    cookie: str
    key: Path
    before: dict[str, Any]
    backup: Path
    file: Path
    at_rest: Path


@pytest.fixture(scope="module")
def kept(registry: tuple[str, str]) -> Iterator[Kept]:
    """Its data are lost; the key is elsewhere."""
    host, reference = registry
    with place() as folder, forked_server(folder) as running:
        running.start()
        running.ready()
        client = fill(running, host, reference)
        cookie = cookie_of(running)
        assert is_signed_in(running, cookie)
        made = Kept(
            running,
            client,
            cookie,
            folder / "secret.key",
            answers(client),
            *(folder / name for name in ("backup", "backup.tar", "at-rest.tar")),
        )
        said = hullmark(running, "backup", "--to", str(made.backup))  # while it runs
        assert "the secret key is not in the backup" in said
        assert "keep it elsewhere" in said or str(folder / "data" / "secret.key") in said
        assert "is there already" in hullmark(running, "backup", "--to", str(made.backup), status=2)
        hullmark(running, "backup", "--to", str(made.file), "--with-secret-key")
        assert "serves from" in hullmark(running, "restore", str(made.backup), "--force", status=2)
        assert answers(client) == made.before
        assert running.stop() == {"all": 0}
        hullmark(running, "backup", "--to", str(made.at_rest), "--with-secret-key")  # while it does not run
        shutil.move(folder / "data" / "secret.key", made.key)
        shutil.rmtree(folder / "data")
        yield made


@pytest.fixture
def empty_place(kept: Kept) -> Iterator[Kept]:
    """The same, for a test that puts data where there are none; they are gone again afterwards."""
    yield kept
    kept.running.stop()
    shutil.rmtree(kept.running.folder / "data", ignore_errors=True)


def cookie_of(running: Server) -> str:
    """What a browser keeps that somebody signs in with."""
    page = f"http://127.0.0.1:{running.port}/console/signin"
    opener = build_opener(HTTPCookieProcessor(jar := CookieJar()))
    with opener.open(page, timeout=60) as answer:
        found = re.search(rb'name="_csrf" value="([^"]+)"', answer.read())
    assert found
    fields = {"_csrf": found[1].decode(), "name": "admin", "password": PASSWORD, "next": "/console/admin/profile"}
    with opener.open(page, urlencode(fields).encode(), timeout=60) as answer:
        assert answer.url.endswith("/console/admin/profile")
    return next(f"{kept.name}={kept.value}" for kept in jar if kept.name.endswith("session"))


def is_signed_in(running: Server, cookie: str) -> bool:
    """Whether the cookie still opens a page."""
    page = f"http://127.0.0.1:{running.port}/console/admin/profile"
    opener = build_opener()
    opener.addheaders = [("Cookie", cookie)]
    with opener.open(page, timeout=60) as answer:
        return bool(answer.url == page)


def start(running: Server, **settings: str) -> None:
    running.start(**settings)
    running.ready()


def test_what_a_server_knew_it_knows_again_after_its_folder_was_lost(
    registry: tuple[str, str], empty_place: Kept
) -> None:
    kept, running = empty_place, empty_place.running
    assert not (kept.backup / "secret.key").exists()
    assert (kept.backup.stat().st_mode & 0o777, (kept.backup / "database.dump").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    said = hullmark(running, "restore", str(kept.backup), status=2)
    assert "holds no secret key" in said
    shutil.rmtree(running.folder / "data")
    hullmark(running, "restore", str(kept.backup), settings={"HULLMARK_SECRET_KEY_FILE": str(kept.key)})
    start(running, HULLMARK_SECRET_KEY_FILE=str(kept.key))
    assert answers(kept.client) == kept.before
    assert not is_signed_in(running, kept.cookie)  # a session that was ended since the backup must not work again
    assert password_in(running, kept.key) == "of-the-registry"
    assert kept.client.add(registry[1]) in kept.client.verdicts()
    assert running.stop() == {"all": 0}
    assert "Traceback" not in running.logs()


@pytest.mark.slow
def test_a_target_that_is_not_empty_is_replaced_only_by_force(empty_place: Kept) -> None:
    kept, running = empty_place, empty_place.running
    hullmark(running, "restore", str(kept.at_rest))
    start(running)
    assert answers(kept.client) == kept.before
    assert password_in(running, running.folder / "data" / "secret.key") == "of-the-registry"
    kept.client.must("POST", "/api/v1/keys", {"name": "later", "role": "viewer"})
    assert answers(kept.client) != kept.before
    assert running.stop() == {"all": 0}
    assert "not empty" in hullmark(running, "restore", str(kept.file), status=2)
    hullmark(running, "restore", str(kept.file), "--force")
    start(running)
    assert answers(kept.client) == kept.before
    assert password_in(running, running.folder / "data" / "secret.key") == "of-the-registry"
    assert running.stop() == {"all": 0}

    (running.folder / "other.key").write_bytes(b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n")
    other = {"HULLMARK_SECRET_KEY_FILE": str(running.folder / "other.key")}
    said = hullmark(running, "restore", str(kept.backup), "--force", status=2, settings=other)
    assert "another secret key" in said


def test_backups_that_are_none_or_not_whole_are_refused_before_the_database_is_touched(empty_place: Kept) -> None:
    whole, running = empty_place.file, empty_place.running
    folder = running.folder
    cut = folder / "cut.tar"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    (folder / "text").write_text("no backup")
    (folder / "nothing").mkdir()
    for name, words in (
        ("cut.tar", ("not a whole backup", "cannot be read")),
        ("text", ("cannot be read",)),
        ("nothing", ("is not a backup",)),
        ("missing", ("there is no backup",)),
    ):
        said = hullmark(running, "restore", str(folder / name), status=2)
        assert any(word in said for word in words), said
    bad = folder / "newer.tar"
    with tarfile.open(whole) as source, tarfile.open(bad, "w") as target:
        for entry in source:
            content = source.extractfile(entry)
            assert content is not None
            if entry.name == "backup.json":
                told = json.loads(content.read())
                (folder / "told").write_text(json.dumps({**told, "form": "9999"}))
                target.add(folder / "told", "backup.json")
            else:
                target.addfile(entry, content)
    assert "a newer hullmark made" in hullmark(running, "restore", str(bad), status=2)


@pytest.mark.slow
def test_over_a_postgresql_and_a_bucket_objects_are_listed_or_copied(registry: tuple[str, str]) -> None:
    if debian_programs() is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can run Debian's PostgreSQL as its user")
    host, reference = registry
    with place() as folder, debian_postgres(folder / "postgres") as database, s3_bucket() as bucket:
        settings = {**bucket, "HULLMARK_DATABASE_URL": database.url(), "HULLMARK_OBJECTS": "s3://marks/all"}
        with forked_server(folder, **settings) as running:
            running.migrate()
            for name in ("api", "worker", "scheduler"):
                running.start(name)
            running.ready()
            client = fill(running, host, reference)
            before = answers(client)
            listed, copied = folder / "listed", folder / "copied.tar"
            assert "their bucket must keep them" in hullmark(running, "backup", "--to", str(listed))
            hullmark(running, "backup", "--to", str(copied), "--objects", "copy")
            assert "the server runs" in hullmark(running, "restore", str(listed), "--force", status=2)
            assert set(running.stop().values()) == {0}

            hullmark(running, "restore", str(listed), "--force")
            for name in ("api", "worker", "scheduler"):
                running.start(name)
            running.ready()
            assert answers(client) == before
            assert set(running.stop().values()) == {0}

            elsewhere = {"HULLMARK_OBJECTS": "s3://marks/elsewhere"}
            said = hullmark(running, "restore", str(listed), "--force", status=2, settings=elsewhere)
            assert "are not in" in said
            hullmark(running, "restore", str(copied), "--force", settings=elsewhere)
            running.settings |= elsewhere
            running.start("api")
            running.ready()
            assert answers(client) == before
            assert running.stop()["api"] == 0


def test_a_backup_of_an_earlier_form_comes_back_in_the_newest(database_server: str, tmp_path: Path) -> None:
    old, new = (Settings(data=tmp_path / name, database_url=empty(database_server, name)) for name in ("old", "new"))
    for settings in (old, new):
        settings.data.mkdir()
    form, _ = "0006", open_vault(old.key_path)  # which makes a key
    assert migrate(old.database_url, form) == form
    with psycopg.connect(old.database_url) as connection:
        assert connection.execute("SELECT to_regclass('image_exempt') IS NOT NULL").fetchone() == (True,)
        connection.execute("INSERT INTO image (digest) VALUES ('sha256:1')")
    made = back_up(old, {}, tmp_path / "backup.tar", with_key=True)
    assert made.told.form == form
    restored = restore(new, {}, tmp_path / "backup.tar")
    assert (restored.told.form, restored.form) == (form, newest_form())
    with psycopg.connect(new.database_url) as connection:
        assert connection.execute("SELECT digest FROM image").fetchall() == [("sha256:1",)]
        assert connection.execute("SELECT to_regclass('image_exempt') IS NULL").fetchone() == (True,)


def empty(server: str, name: str) -> str:
    """The URL of an empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"backup_{name}")))
    return named(server, f"backup_{name}")
