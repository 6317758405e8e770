"""The test cases that are kept beside policies."""

from __future__ import annotations

from hullmark.server.tables.database import Connection


async def tests_of(connection: Connection, account_id: int, name: str) -> str:
    """The text of a policy's test cases; "" where none are kept."""
    cursor = await connection.execute(
        "SELECT tests FROM policy WHERE account_id = %s AND name = %s", (account_id, name)
    )
    row = await cursor.fetchone()
    return str(row[0]) if row is not None else ""


async def keep_tests(connection: Connection, account_id: int, name: str, text: str) -> bool:
    """Keep the test cases of a policy in the place of those before; False if there is no such policy, or nothing changes."""
    cursor = await connection.execute(
        "UPDATE policy SET tests = %(text)s WHERE account_id = %(account)s AND name = %(name)s AND tests <> %(text)s",
        {"text": text, "account": account_id, "name": name},
    )
    return cursor.rowcount == 1
