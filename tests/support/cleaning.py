"""Databases of tests that are used again: what a test did to one is undone, which takes a fraction of what a new one takes.

What is looked at is the database itself, not what a test says: rows, sequences, and its form. One whose form was touched is used no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

_USES = 30
"""How often one is used: rows that were deleted stay where they were, and are read over."""

_TABLES = """
SELECT relname::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0"""
_SEQUENCES = """
SELECT seqrelid::regclass::text, pg_sequence_last_value(seqrelid), seqstart FROM pg_sequence
WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"""
_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL (%s)"""
_NOW = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_CATALOGS = ("pg_class", "pg_constraint", "pg_trigger", "pg_policy", "pg_proc", "pg_attrdef", "pg_namespace")
_IS_CHANGED = " UNION ALL ".join(f"SELECT 1 FROM {each} WHERE xmin::text::bigint >= %(since)s" for each in _CATALOGS)


@dataclass
class CleanDatabase:
    """A database that was made for tests, at `url`, and what it held then."""

    url: str
    connection: psycopg.Connection[tuple[object, ...]]
    since: int = 0
    uses: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, url: str) -> CleanDatabase:
        """What is there now is what it will hold again."""
        made = cls(url, psycopg.connect(url, autocommit=True))
        made.connection.execute("SET session_replication_role = replica")
        for table in made._column(_TABLES):
            copied = sql.SQL("CREATE TEMP TABLE {} AS TABLE public.{}")
            made.rows[table] = made.connection.execute(copied.format(_kept(table), sql.Identifier(table))).rowcount
        made.sequences = {str(row[0]): int(str(row[1])) for row in made.connection.execute(_SEQUENCES)}
        made.since = int(str(made._column(_NOW)[0]))
        return made

    def clean(self, kept: list[int]) -> bool:
        """Whether it is as it was, and may be used again. Connections to it are ended, but those of these backends."""
        self.uses += 1
        try:
            return self.uses < _USES and self._is_undone(kept)
        except psycopg.OperationalError:
            return False

    def _is_undone(self, kept: list[int]) -> bool:
        self.connection.execute(_OTHERS, [kept])
        if self.connection.execute(_IS_CHANGED + " LIMIT 1", {"since": self.since}).fetchone():
            return False
        undone = [*self._rows_back(), *self._sequences_back()]
        if undone:
            self.connection.execute(sql.SQL(";").join([sql.SQL("BEGIN"), *undone, sql.SQL("COMMIT")]))
        self.since = int(str(self._column(_NOW)[0]))
        return True

    def _rows_back(self) -> list[sql.Composable]:
        count = sql.SQL("SELECT {}, count(*), count(*) FILTER (WHERE xmin::text::bigint >= {}) FROM {}")
        each = (count.format(table, self.since, sql.Identifier(table)) for table in self.rows)
        counted = self.connection.execute(sql.SQL(" UNION ALL ").join(each))
        changed = {str(name) for name, rows, new in counted if new or rows != self.rows[str(name)]}
        filled = changed | (set(self._column(_TABLES)) - self.rows.keys())
        put = sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE TABLE {}")
        return [
            *(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in sorted(filled)),
            *(put.format(sql.Identifier(table), _kept(table)) for table in sorted(changed)),
        ]

    def _sequences_back(self) -> list[sql.Composable]:
        back: list[sql.Composable] = []
        for name, last, start in self.connection.execute(_SEQUENCES):
            at = self.sequences.get(str(name))
            if at != last:
                back.append(
                    sql.SQL("SELECT setval({}, {}, {})").format(name, start if at is None else at, at is not None)
                )
        return back

    def _column(self, question: str) -> list[str]:
        return [str(row[0]) for row in self.connection.execute(question.encode())]


def _kept(table: str) -> sql.Composable:
    return sql.Identifier("pg_temp", f"kept_{table}")
