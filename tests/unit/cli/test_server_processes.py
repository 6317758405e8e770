"""`hullmark migrate`, `restore` and `worker`: what they say of a server's database, and which role they begin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hullmark.server.process import process
from hullmark.server.stories import services
from hullmark.server.stories.backup import restore
from hullmark.server.tables import forms, migrate
from tests.support.in_process import CommandLine

DATABASE = {"HULLMARK_DATABASE_URL": "postgresql://db.example/hullmark", "HULLMARK_OBJECTS": "objects"}


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A database in some form. `written` is the file with a first person's password."""
    found = SimpleNamespace(form="", written=None)

    async def first_start(served: object) -> object:
        return found.written

    def migrated(url: str) -> str:
        assert url == DATABASE["HULLMARK_DATABASE_URL"]
        found.form = newest = forms.newest_form()
        return newest

    monkeypatch.setattr(forms, "form_of", lambda url: found.form)
    monkeypatch.setattr(migrate, "migrate", migrated)
    monkeypatch.setattr(process, "first_start", first_start)
    monkeypatch.setattr(services, "services_for", lambda settings, environment, connections: None)
    return found


def test_a_database_is_brought_into_the_newest_form_or_only_looked_at(
    hullmark: CommandLine, database: SimpleNamespace
) -> None:
    """Where it only is to be said, status 1 says that it is not in that form."""
    newest = forms.newest_form()
    ran = hullmark("migrate", "--check", env=DATABASE)
    assert (ran.status, ran.text) == (1, f"the database has the form (empty); the newest is {newest}\n")
    database.written = "data/first"
    ran = hullmark("migrate", env=DATABASE)
    assert (ran.status, ran.text.splitlines()) == (
        0,
        [
            f"the database had the form (empty) and has {newest} now",
            "the first person is admin; the password is in data/first",
        ],
    )
    database.written = None
    assert hullmark("migrate", env=DATABASE).text == f"the database had the form {newest} and has {newest} now\n"
    ran = hullmark("migrate", "--check", env=DATABASE)
    assert (ran.status, ran.text) == (0, f"the database has the form {newest}; the newest is {newest}\n")


def test_a_server_of_one_machine_has_no_database_to_migrate(hullmark: CommandLine, database: SimpleNamespace) -> None:
    ran = hullmark("migrate", "--data", "data")
    assert ran.refusal == ("there is no database to migrate", "set HULLMARK_DATABASE_URL=postgresql://…")


@pytest.mark.parametrize("words", [(), ("--unmuted",)])
def test_a_restored_server_says_nothing_until_it_is_told_to_unless_its_original_is_gone(
    hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    asked: dict[str, Any] = {}

    def restored(settings: object, environment: object, backup: object, **more: Any) -> Any:
        asked.update(more)
        written = SimpleNamespace(objects=1200, bytes=34567)
        return SimpleNamespace(told=SimpleNamespace(made_at="2026-03-01"), written=written, form="7")

    monkeypatch.setattr(restore, "restore", restored)
    ran = hullmark("restore", "backup", *words, "--force", env=DATABASE)
    back = "backup of 2026-03-01 is back: 1,200 objects of 34,567 bytes, the database in form 7"
    muted = "it is muted: it sends, watches and fetches nothing until you say `hullmark system unmute`"
    assert ran.text.splitlines() == [back, *(() if words else (muted,))]
    assert asked == {"force": True, "unmuted": bool(words)}


def test_a_worker_is_a_server_of_that_role_alone(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, Any]] = []
    monkeypatch.setattr(process, "run_role", lambda role, settings: begun.append((role, settings)))
    assert hullmark("worker", "--data", "snapshots", env=DATABASE).status == 0
    ((role, settings),) = begun
    assert (role, settings.data.name, settings.database_url) == (
        "worker",
        "snapshots",
        DATABASE["HULLMARK_DATABASE_URL"],
    )
