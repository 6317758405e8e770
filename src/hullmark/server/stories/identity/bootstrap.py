"""The first start: somebody must be able to sign in."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.identity.passwords import Passwords, check_password
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.identity import accounts

ADMIN = "admin"
"""The name of the first account, and of the first person, who is its admin and an operator."""

_LOCK = 7_310_579_304
_FILE = "admin.password"


class _Bootstrap(msgspec.Struct, frozen=True, kw_only=True):
    account_id: int
    name: str = "system:bootstrap"


async def bootstrap(services: Services, passwords: Passwords | None = None) -> Path | None:
    """Make the first account and person, if there is no account yet. Processes that do it at the same time wait for one another.

    The password is the settings', else a random one; returns the file that it was written to then, which only its owner reads,
    else None. Raises HullmarkError for a password that will not do, or if the file cannot be written.
    """
    given = services.settings.admin_password
    async with services.database.system() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if not await accounts.is_empty(connection):
            return None
        if given:
            check_password(given, ADMIN)
        password = given or secrets.token_urlsafe(18)
        hash_ = await (passwords or Passwords()).hash(password)
        account = await accounts.add_account(connection, ADMIN, "")
        wanted = accounts.NewPerson(name=ADMIN, password_hash=hash_, is_operator=True)
        person = await accounts.add_person(connection, wanted)
        if account is None or person is None:
            raise HullmarkError("a person of the name admin is there without an account", advice="restore the backup")
        await accounts.add_membership(connection, account.id, person.id, "admin")
        me = _Bootstrap(account_id=account.id)
        after = {"account": ADMIN, "person": ADMIN, "role": "admin", "operator": True}
        await audit.record(connection, me, "account.create", "account", ADMIN, None, after, audit.RequestOrigin())
        # Written before the commit: a password that nobody can read would be worse than a file that is of no use.
        return None if given else _write(services.settings.data / _FILE, password)


def _write(path: Path, password: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
    except OSError as error:
        raise HullmarkError(
            f"the first password cannot be written to {path}: {error.strerror}",
            advice="make the data folder writable, or set HULLMARK_ADMIN_PASSWORD",
        ) from error
    return path
