"""How soon people know, at a million images: `python -m bench.notify --database URL --world DIR` writes `bench/notify.md`.

The database is one that `bench.stored_world` filled: it is as of the day before, and afterwards as of the next. Real processes: the API, a
worker, and a receiver of webhooks here, which the first account's default subscription tells of all its images.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

import psycopg

from bench.markdown import table
from bench.sections import replace_section
from bench.serving import key_of
from bench.speed import machine
from bench.stored_world import POLICY
from bench.world import Size, changed, names_of, records_of, scaled, snapshot_of
from hullmark.model.advisory import Advisory, AffectedPackage, KevEntry, Range
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.stories.advisories.advisories import publish, publish_file
from hullmark.server.stories.services import services_for
from hullmark.server.stories.settings import Settings
from tests.support.processes import Client, Server, server

PAGE = Path(__file__).parent / "notify.md"
WRITTEN, FIRST, DELIVERED = 60.0, 5.0, 3.0
"""Bounds in seconds: all transitions of a thousand advisories, the first message of them, and the p99 of one advisory on 300 images."""
_REACHED = 300
_LONG = 900.0


class Mark(NamedTuple):
    """What was reached, after how many seconds."""

    what: str
    seconds: float


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.notify", description=__doc__)
    parser.add_argument("--images", type=int, default=Size.images)
    parser.add_argument("--database", required=True)
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5, help="how often one advisory hits 300 images")
    wanted = parser.parse_args()
    if not PAGE.exists():
        PAGE.write_text("# Notice\n")
    with TemporaryDirectory(prefix="hm-notify-") as folder, receiver() as (address, arrived):
        Path(folder).chmod(0o755)
        with (
            psycopg.connect(wanted.database, autocommit=True) as connection,
            server(Path(folder), HULLMARK_DATABASE_URL=wanted.database) as running,
        ):
            place = prepared(connection, running, wanted.world, address)
            marks = thousand_measured(connection, place, wanted.world / "next", arrived)
            replace_section(PAGE, "A thousand advisories", thousand_written(connection, marks, arrived))
            seconds = one_measured(connection, place, wanted.world, scaled(wanted.images), wanted.rounds)
            replace_section(PAGE, "One advisory, 300 images", one_written(seconds, wanted.rounds))
    print(PAGE.read_text())


# Who is told


@contextmanager
def receiver() -> Iterator[tuple[str, dict[str, float]]]:
    """A receiver of webhooks: its address, and when (time.time) each message came, by id; but for those that advisories are old."""
    arrived: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = json.loads(body)
            if message.get("type") != "io.hullmark.data.stale":
                arrived.setdefault(str(message.get("id")), time.time())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is shown."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/", arrived
    finally:
        listening.shutdown()
        listening.server_close()


class Place(NamedTuple):
    """Where snapshots go: the server's settings and its folder of objects."""

    settings: Settings
    objects: Objects


def prepared(connection: psycopg.Connection[Any], running: Server, wanted: Path, address: str) -> Place:
    """Have processes run on the database, the snapshot of the day before at hand, and the first account told of everything."""
    settings = Settings(data=running.folder / "data", database_url=running.settings["HULLMARK_DATABASE_URL"])
    settings.data.mkdir(exist_ok=True)
    objects = open_objects(settings.objects_url, {})
    publish_file(objects, wanted / "previous", (wanted / "previous.digest").read_text())
    connection.execute("UPDATE matching SET carried_out_id = snapshot_id")
    running.start("api")
    running.ready()
    client = Client("127.0.0.1", running.port, key_of(connection))
    client.must("POST", "/api/v1/channels", {"name": "bench", "kind": "webhook", "settings": {"url": address}})
    connection.execute("UPDATE subscription SET scope = 'all' WHERE account_id = 1")
    running.start("worker")
    running.start("scheduler")
    return Place(settings, objects)


def _publish(place: Place, path: Path) -> int:
    """Have a snapshot count; answers its number."""

    async def told() -> int:
        services = services_for(place.settings, {})
        async with services.database:
            return await publish(services, path, path.with_name(f"{path.name}.digest").read_text())

    return asyncio.run(told())


# A thousand advisories


_STATE = """
SELECT NOT EXISTS (SELECT FROM rematch) AND (SELECT is_weighed AND snapshot_id = %(id)s FROM matching),
    NOT EXISTS (SELECT FROM match_change) AND NOT EXISTS (SELECT FROM finding_change WHERE snapshot_id = %(id)s AND stage < 2
        AND (wave_id IS NULL OR wave_id IN (SELECT id FROM wave))),
    (SELECT carried_out_id = %(id)s FROM matching)
"""


def thousand_measured(
    connection: psycopg.Connection[Any], place: Place, path: Path, arrived: dict[str, float]
) -> list[Mark]:
    """Publish a snapshot, and wait until all of it is carried out; when what was reached."""
    began = time.time()
    number = _publish(place, path)
    marks = [Mark("the snapshot is published", time.time() - began)]
    names = ("everything is matched with it", "all transitions are written", "all verdicts are written")
    while len(marks) < 1 + len(names) and time.time() - began < _LONG:
        row = connection.execute(_STATE, {"id": number}).fetchone() or ()
        known = {mark.what for mark in marks}
        for is_reached, name in zip(row, names, strict=True):
            if is_reached and name not in known and (name == names[0] or names[0] in {mark.what for mark in marks}):
                marks.append(Mark(name, time.time() - began))
        time.sleep(0.2)
    first = connection.execute(
        "SELECT extract(epoch FROM min(recorded_at)), extract(epoch FROM max(recorded_at)) FROM transition WHERE account_id = 1"
    ).fetchone()
    if first is not None and first[0] is not None:
        marks.append(Mark("the first transition is stored", float(first[0]) - began))
    if arrived:
        marks.append(Mark("the first message has arrived", min(arrived.values()) - began))
    return sorted(marks, key=lambda mark: mark.seconds)


def thousand_written(connection: psycopg.Connection[Any], marks: Sequence[Mark], arrived: dict[str, float]) -> str:
    """The section."""
    count = connection.execute(
        "SELECT count(*), count(DISTINCT cause_id), count(DISTINCT image_id) FROM transition"
    ).fetchone()
    images = connection.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = 'image'").fetchone()
    assert count is not None
    assert images is not None
    seconds = {mark.what: mark.seconds for mark in marks}
    told = (
        f"{images[0]:,} images of a seeded world (`bench/world.py`) in four accounts, judged by the policy below; a snapshot in which a "
        f"thousand advisories are new, changed or gone brings about **{count[0]:,} transitions** of {count[1]:,} causes on {count[2]:,} "
        f"images. Seconds from the moment at which it is published; {len(arrived):,} messages came to the first account's webhook. "
        f"Real processes (API, scheduler, one worker) and PostgreSQL on the same two cores ({machine()}).\n"
    )
    bounds = {"all transitions are written": WRITTEN, "the first message has arrived": FIRST}
    rows = [(mark.what, f"{mark.seconds:.1f}", _bound(mark.seconds, bounds.get(mark.what))) for mark in marks]
    missing = [name for name in bounds if name not in seconds]
    note = f"\nNot reached: {', '.join(missing)}.\n" if missing else ""
    return f"{told}\n{table(('stage', 's', 'bound'), rows)}{note}\n```yaml{POLICY}```"


def _bound(seconds: float, bound: float | None) -> str:
    if bound is None:
        return ""
    return f"{bound:.0f}: {'holds' if seconds <= bound else '**does not hold**'}"


# One advisory


def one_measured(
    connection: psycopg.Connection[Any], place: Place, world: Path, size: Size, rounds: int
) -> list[float]:
    """From stored to delivered, in seconds, of each transition that an advisory on 300 images brings about."""
    drained(connection)
    held = connection.execute(_HELD, (_REACHED, _REACHED + 20, rounds)).fetchall()
    records = changed(size, records_of(size, names_of(size)))
    found: list[float] = []
    for turn, (name, version) in enumerate(held):
        cve = f"CVE-2026-{90_000 + turn}"
        part = AffectedPackage(
            namespace="npm", name=name, scheme="npm", ranges=(Range(low=version, high=version, high_open=False),)
        )
        records += [
            Advisory(id=f"GHSA-bench-{turn}", source="ghsa", aliases=(cve,), severity="low", affected=(part,)),
            KevEntry(cve=cve, source="kev", added="2026-02-01"),
        ]
        path = world / "one"
        path.unlink(missing_ok=True)
        path.with_name("one.digest").write_text(snapshot_of(path, records))
        number = _publish(place, path)
        found += _delivered(connection, cve, number)
    return sorted(found)


def drained(connection: psycopg.Connection[Any]) -> None:
    """Wait until all is told that was to be told before."""
    ends = time.time() + _LONG
    while time.time() < ends:
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM transition WHERE routed_at IS NULL)"
            " OR EXISTS (SELECT FROM message WHERE state IN ('gathering', 'waiting'))"
        ).fetchone()
        if row == (False,):
            return
        time.sleep(1)


_HELD = """
SELECT package.name, package.version FROM package CROSS JOIN LATERAL (
    SELECT count(DISTINCT image_id) AS count FROM set_member JOIN image_set USING (set_id) JOIN account_image USING (image_id)
    WHERE set_member.package_id = package.id AND account_id = 1
) AS held WHERE type = 'npm' AND package.id %% 97 = 7 AND held.count BETWEEN %s AND %s LIMIT %s
"""


def _delivered(connection: psycopg.Connection[Any], cve: str, number: int) -> list[float]:
    """Wait until all is carried out, and delivered."""
    ends = time.time() + _LONG
    rows: list[tuple[Any, ...]] = []
    while time.time() < ends:
        row = connection.execute("SELECT carried_out_id = %s FROM matching", (number,)).fetchone()
        rows = connection.execute(
            "SELECT extract(epoch FROM message.delivered_at - transition.recorded_at) FROM cause"
            " JOIN transition ON transition.cause_id = cause.id LEFT JOIN message_item ON message_item.transition_id = transition.id"
            " LEFT JOIN message ON message.id = message_item.message_id WHERE cause.account_id = 1 AND cause.subject = %s",
            (cve,),
        ).fetchall()
        if row == (True,) and rows and all(seconds is not None for (seconds,) in rows):
            break
        time.sleep(0.2)
    return [float(seconds) for (seconds,) in rows if seconds is not None]


def one_written(seconds: Sequence[float], rounds: int) -> str:
    """The section."""
    if not seconds:
        return "Nothing was delivered."
    at = [seconds[min(len(seconds) - 1, int(len(seconds) * share))] for share in (0.5, 0.99)]
    return (
        f"An advisory on a package that some {_REACHED} images of the first account hold, {rounds} times: {len(seconds):,} transitions, "
        f"each from the moment at which it is stored until the message that tells of it is delivered ({machine()}).\n\n"
        + table(("", "s", "bound"), [("p50", f"{at[0]:.2f}", ""), ("p99", f"{at[1]:.2f}", _bound(at[1], DELIVERED))])
    )


if __name__ == "__main__":
    main()
