"""What an account says of its places: their environments, whether images that nobody added are analysed, and when a collector is silent."""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection


class EnvironmentRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places that fit `selector` (model.selector) are in `environment`, as activations name it."""

    selector: str
    environment: str


class PlaceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account says. The first rule that fits a place counts; where none does its environment is "". A collector that says
    nothing for `silent_after` seconds is told of (0: never)."""

    environments: tuple[EnvironmentRule, ...] = ()
    analyses_unknown: bool = False
    silent_after: int = 3600


async def place_settings(connection: Connection, account_id: int) -> PlaceSettings:
    """What an account says, or what holds where it says nothing."""
    cursor = await connection.execute(
        "SELECT environments, analyses_unknown, silent_after FROM place_setting WHERE account_id = %s", (account_id,)
    )
    row = await cursor.fetchone()
    if row is None:
        return PlaceSettings()
    rules = msgspec.convert(row[0], tuple[EnvironmentRule, ...])
    return PlaceSettings(environments=rules, analyses_unknown=row[1], silent_after=row[2])


async def put_place_settings(connection: Connection, account_id: int, wanted: PlaceSettings) -> None:
    """Keep what an account says."""
    rules: list[Any] = msgspec.to_builtins(wanted.environments)
    await connection.execute(
        """
        INSERT INTO place_setting (account_id, environments, analyses_unknown, silent_after) VALUES (%s, %s, %s, %s)
        ON CONFLICT (account_id) DO UPDATE SET environments = EXCLUDED.environments, analyses_unknown = EXCLUDED.analyses_unknown,
            silent_after = EXCLUDED.silent_after
        """,
        (account_id, Jsonb(rules), wanted.analyses_unknown, wanted.silent_after),
    )
