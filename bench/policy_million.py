"""A threshold that changes at a million images: `python -m bench.policy_million` writes its section of `bench/notify.md`.

It fills a database of its own with the world of `bench.stored_world`, which takes most of an hour; `--database URL --world DIR` takes one
that is filled already, as of the day before. Real processes: the API, two workers (as the compose file starts them), a scheduler, and a
receiver of webhooks here, which the account's default subscription tells of all images. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from bench.markdown import table
from bench.notify import PAGE, Mark, drained, prepared, receiver
from bench.sections import replace_section
from bench.serving import key_of
from bench.speed import machine
from bench.stored_world import POLICY, store
from bench.world import Size, scaled
from hullmark.server.postgres.embedded import EmbeddedPostgres
from tests.support.processes import Client, Server, server

TITLE = "A threshold that changes at a million images"
VAR = Path(__file__).parent.parent / "var"
ALL, FIRST = 600.0, 5.0
"""Bounds in seconds: all verdicts by the newer version, and the first message."""
_LONG = 7200.0
_CHANGE = ("severity: critical", "severity: high")


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.policy_million", description=__doc__)
    parser.add_argument("--images", type=int, default=Size.images)
    parser.add_argument("--database", help="a filled one; default: one of its own")
    parser.add_argument("--world", type=Path, help="the folder that it was filled from")
    wanted = parser.parse_args()
    if (wanted.database is None) is not (wanted.world is None):
        parser.error("--database and --world go together")
    if wanted.database is not None:
        _measure(wanted.database, wanted.world)
        return
    VAR.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="hm-policy-", dir=VAR) as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "server") as cluster:
            store(cluster.url, Path(folder) / "world", scaled(wanted.images), accounts=1)
            _measure(cluster.url, Path(folder) / "world")


def _measure(database: str, world: Path) -> None:
    with TemporaryDirectory(prefix="hm-policy-") as folder, receiver() as (address, arrived):
        Path(folder).chmod(0o755)
        with (
            psycopg.connect(database, autocommit=True) as connection,
            server(Path(folder), HULLMARK_DATABASE_URL=database) as running,
        ):
            # It was matched today: another day would be carried into all verdicts first.
            connection.execute("UPDATE matching SET at = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
            prepared(connection, running, world, address)
            running.start("worker-2")
            before = _counts(connection)
            marks = _measured(connection, running, POLICY.replace(*_CHANGE), arrived)
            replace_section(PAGE, TITLE, _written(connection, before, marks, arrived))
    print(PAGE.read_text())


def _measured(connection: psycopg.Connection[Any], running: Server, text: str, arrived: dict[str, float]) -> list[Mark]:
    client = Client("127.0.0.1", running.port, key_of(connection))
    kept = client.must("POST", "/api/v1/policies", {"text": text})
    arrived.clear()
    began = time.time()
    client.must("POST", "/api/v1/activations", {"policy": kept["name"], "version": kept["version"]})
    marks = [Mark("it is in force", time.time() - began)]
    while time.time() - began < _LONG:
        row = connection.execute(_IS_DONE).fetchone()
        if row == (True,):
            marks.append(Mark("all verdicts are by it", time.time() - began))
            break
        time.sleep(0.5)
    drained(connection)
    moments = sorted(arrived.values())
    if moments:
        marks.append(Mark("the first message has arrived", moments[0] - began))
        marks.append(Mark("the last message has arrived", moments[-1] - began))
    return sorted(marks, key=lambda mark: mark.seconds)


_IS_DONE = """
SELECT NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
    AND task_name IN ('carry', 'rejudge', 'judge', 'judge_some') AND priority >= 0 AND attempts = 0)
"""
"""What nobody waits for, as writing whole documents, comes later. An image that has to be judged as a whole has no document in this world:
that job fails, and is tried again."""


def _counts(connection: psycopg.Connection[Any]) -> tuple[int, ...]:
    """How many verdicts, by word, and transitions there are."""
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE verdict = 'go'), count(*) FILTER (WHERE verdict = 'warn'),"
        " count(*) FILTER (WHERE verdict = 'stop'), (SELECT count(*) FROM transition) FROM verdict"
    ).fetchone()
    return tuple(row or ())


def _written(
    connection: psycopg.Connection[Any], before: Sequence[int], marks: Sequence[Mark], arrived: dict[str, float]
) -> str:
    after = _counts(connection)
    left = connection.execute(
        "SELECT count(*) FROM verdict JOIN verdict_history history ON history.id = history_id JOIN policy_version version"
        " ON version.account_id = history.account_id AND version.policy_id = history.policy_id"
        " WHERE version.version = (SELECT max(version) FROM policy_version) AND history.policy_version <> version.version"
    ).fetchone()
    sizes = connection.execute("SELECT (SELECT count(*) FROM image), (SELECT count(*) FROM package_set)").fetchone()
    images, sets = sizes or (0, 0)
    bounds = {"all verdicts are by it": ALL, "the first message has arrived": FIRST}
    shown = [(mark.what, f"{mark.seconds:.1f}", _bound(mark.seconds, bounds.get(mark.what))) for mark in marks]
    words = "/".join(f"{count:,}" for count in before[:3]), "/".join(f"{count:,}" for count in after[:3])
    return (
        f"{images:,} images of {sets:,} package sets (`bench/world.py`) in an account; the rule `critical-with-fix` asks for"
        f" `{_CHANGE[1]}` where it asked for `{_CHANGE[0]}`. Of go/warn/stop there were {words[0]}, and are"
        f" {words[1]}; {after[3] - before[3]:,} transitions, {len(arrived):,} messages to a webhook; verdicts that"
        f" are not by the newer version: {left[0] if left else '?'} (an image that has to be judged as a whole has no document in this"
        f" world). Seconds from the request, with real processes (API, scheduler, two"
        f" workers) and PostgreSQL on the same two cores ({machine()}).\n\n"
        + table(("stage", "s", "bound"), shown)
        + "\n\nMade by `make prove-policy`."
    )


def _bound(seconds: float, bound: float | None) -> str:
    if bound is None:
        return ""
    return f"{bound:.0f}: {'holds' if seconds <= bound else '**does not hold**'}"


if __name__ == "__main__":
    main()
