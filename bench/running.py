"""Lists of a million places, and who runs an image: `python -m bench.running` writes its section of `bench/places.md`.

It fills a database of its own with placements as reports would have left them, and asks one API process over a connection, one question
after the other. Besides, a whole list of one cluster that brings nothing new is reported. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString, NamedTuple
from urllib.parse import quote

import msgspec
import psycopg

from bench.markdown import table
from bench.sections import replace_section
from bench.serving import key_of
from bench.speed import machine
from hullmark.model.isolation import Isolation
from hullmark.model.place import InventoryReport, Place, RunningContainer, RunningImage
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.stories.places.reported import read_report
from hullmark.server.tables.migrate import migrate
from tests.support.processes import Client, server

PAGE = Path(__file__).parent / "places.md"
VAR = Path(__file__).parent.parent / "var"
PLACES, IMAGES, CLUSTERS = 1_000_000, 100_000, 10
BOUND = 100.0
"""Milliseconds: the p99 of every question."""
_PART = 2000
_AT = datetime(2026, 3, 1, tzinfo=UTC)
_LABELS = 200_000
_GRADED = [
    Isolation(
        privileged=number % 50 == 0,
        boundary="vm" if number % 10 == 0 else "process",
        user=str(number),
        host_network=False,
        host_pid=False,
        host_ipc=False,
        unmasked_proc=False,
        seccomp="runtime-default",
    )
    for number in range(200)
]


class World(NamedTuple):
    """How much there is."""

    places: int
    images: int
    clusters: int

    @property
    def in_cluster(self) -> int:
        """Places of a cluster."""
        return self.places // self.clusters


class Question(NamedTuple):
    """A kind of request, and its path."""

    name: str
    path: Callable[[random.Random, World], str]


def digest_of(number: int) -> str:
    """The digest of an image, as the database makes it too."""
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


def container(world: World, cluster: int, number: int) -> RunningContainer:
    """A container of a cluster, as its row is made by `_STORED` too: number from 1."""
    whole = (cluster - 1) * world.in_cluster + number
    image = 1 + whole % world.images
    return RunningContainer(
        id=f"c{number}",
        place=Place(
            platform="kubernetes",
            cluster=f"cluster-{cluster:02}",
            namespace=f"team-{number % 200:03}",
            workload=f"Deployment/service-{number}",
            container="main",
        ),
        image=RunningImage(reference=f"registry.example.org/team/app-{image}:1", digest=digest_of(image)),
        since=_AT,
        isolation=_GRADED[whole % len(_GRADED)],
        labels=labels_of(whole),
        node=f"node-{number % 500}",
    )


def labels_of(whole: int) -> dict[str, str]:
    """The labels of a place."""
    kind = whole % _LABELS
    environment = ("prod", "staging", "test")[kind % 3]
    return {"app": f"app-{kind}", "env": environment, "team": f"team-{kind % 200}", "tier": f"tier-{kind % 5}"}


QUESTIONS = (
    Question("what runs, 50 a page", lambda rng, world: "/places?limit=50"),
    Question("what runs in a cluster", lambda rng, world: f"/places?limit=50&cluster={_cluster(rng, world)}"),
    Question(
        "what runs in a namespace of a cluster",
        lambda rng, world: f"/places?limit=50&cluster={_cluster(rng, world)}&namespace={_namespace(rng)}",
    ),
    Question("what runs in a namespace of all", lambda rng, world: f"/places?limit=50&namespace={_namespace(rng)}"),
    Question("who runs this image", lambda rng, world: f"/images/{digest_of(rng.randint(1, world.images))}/places"),
    Question("who runs the most common image", lambda rng, world: f"/images/{digest_of(0)}/places"),
    Question("labels, few fit", lambda rng, world: f"/places?selector={quote(f'app=app-{rng.randrange(200_000)}')}"),
    Question("labels, many fit", lambda rng, world: f"/places?selector={quote('env in (prod,staging),!canary')}"),
    Question(
        "labels in a namespace",
        lambda rng, world: f"/places?selector={quote('env=prod,tier=tier-2')}&namespace={_namespace(rng)}",
    ),
    Question("kept apart worst", lambda rng, world: "/places?grade=host"),
    Question("of images with the verdict stop", lambda rng, world: "/places?verdict=stop"),
    Question("of images with the verdict unknown", lambda rng, world: "/places?verdict=unknown"),
    Question("of images that nobody judged", lambda rng, world: "/places?verdict=none"),
    Question(
        "what ran on a day, in a cluster", lambda rng, world: f"/places?{_then(rng)}&cluster={_cluster(rng, world)}"
    ),
    Question(
        "who ran an image on a day",
        lambda rng, world: f"/images/{digest_of(rng.randint(1, world.images))}/places?{_then(rng)}",
    ),
    Question("collectors", lambda rng, world: "/collectors"),
)


def _cluster(rng: random.Random, world: World) -> str:
    return f"cluster-{rng.randint(1, world.clusters):02}"


def _namespace(rng: random.Random) -> str:
    return f"team-{rng.randrange(200):03}"


def _then(rng: random.Random) -> str:
    return f"at={quote((_AT + timedelta(days=rng.randrange(-30, 30))).isoformat())}"


def main() -> None:
    """Fill, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.running", description=__doc__)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--clusters", type=int, default=CLUSTERS)
    parser.add_argument("--requests", type=int, default=300, help="of each kind")
    wanted = parser.parse_args()
    world = World(wanted.places, wanted.images, wanted.clusters)
    VAR.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="hm-places-", dir=VAR) as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "postgres") as cluster:
            migrate(cluster.url)
            (Path(folder) / "served").mkdir(mode=0o755)
            with server(
                Path(folder) / "served", HULLMARK_DATABASE_URL=cluster.url, HULLMARK_RATE="10000000"
            ) as running:
                with psycopg.connect(cluster.url) as connection:
                    _store(connection, world)
                    key = key_of(connection)
                running.start("api")
                running.ready()
                text = _measured(running.port, key, world, wanted.requests)
    replace_section(PAGE, "Server", text)
    print(text)


def _store(connection: psycopg.Connection[Any], world: World) -> None:
    began = time.monotonic()
    values = {**world._asdict(), "each": world.in_cluster, "at": _AT}
    for name, statement in _STORED.items():
        connection.execute(statement, values)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    # What reports would name is kept by its digests: those of this program.
    report = InventoryReport(
        platform="kubernetes",
        collector="cluster-01",
        sequence=1,
        at=_AT,
        running=tuple(container(world, 1, number) for number in range(1, 201)),
    )
    parts = read_report(report, datetime.now(UTC))
    kept = {told.place.workload: told for told in parts.containers}
    for number in range(1, 201):
        told = kept[f"Deployment/service-{number}"]
        facts = parts.isolations[told.isolation]
        connection.execute(
            "UPDATE isolation SET digest = %s, facts = %s, grade = %s WHERE id = %s",
            (facts.digest, msgspec.json.encode(facts.graded.facts).decode(), facts.graded.grade, 1 + number % 200),
        )
    with connection.cursor() as cursor:
        _keys(cursor, world)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.autocommit = False


def _keys(cursor: psycopg.Cursor[Any], world: World) -> None:
    """The digests of images and sets of labels, as reports would have them."""
    cursor.execute("CREATE TEMPORARY TABLE key_of (id bigint PRIMARY KEY, key bytea) ON COMMIT DROP")
    for table_name, column, count, key in (
        ("running_image", "key", world.images, _image_key),
        ("label_set", "digest", _LABELS, _label_key),
    ):
        cursor.execute("TRUNCATE key_of")
        with cursor.copy("COPY key_of FROM STDIN (FORMAT text)") as copy:
            for number in range(count):
                copy.write_row((number + 1, key(number)))
        cursor.execute(f"UPDATE {table_name} SET {column} = key_of.key FROM key_of WHERE key_of.id = {table_name}.id")  # noqa: S608


def _image_key(number: int) -> bytes:
    """Of the image with the number below its row's."""
    image = RunningImage(reference=f"registry.example.org/team/app-{number + 1}:1", digest=digest_of(number + 1))
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.astuple(image), order="sorted")).digest()


def _label_key(number: int) -> bytes:
    return hashlib.sha256(msgspec.json.encode(labels_of(number), order="sorted")).digest()


_STORED: dict[str, LiteralString] = {
    "account": "INSERT INTO account (name) VALUES ('bench')",
    "functions": """
        CREATE FUNCTION digest_of(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
            $$ SELECT 'sha256:' || encode(sha256(convert_to(number::text, 'UTF8')), 'hex') $$""",
    "images": """
        INSERT INTO image (digest, state, platform) SELECT digest_of(n), 'analysed', 'linux/amd64'
            FROM generate_series(1, %(images)s * 9 / 10) n""",
    "held": "INSERT INTO account_image (account_id, image_id) SELECT 1, id FROM image",
    "aliases": "INSERT INTO image_alias (digest, image_id, kind) SELECT digest, id, 'manifest' FROM image",
    "policy": "INSERT INTO policy (account_id, name) VALUES (1, 'baseline')",
    "verdicts": """
        INSERT INTO verdict (account_id, image_id, policy_id, history_id, verdict, reason, stops, warns, judged_at)
        SELECT 1, id, (SELECT max(id) FROM policy), id, CASE WHEN id %% 100 = 0 THEN 'stop' WHEN id %% 10 = 0 THEN 'unknown' ELSE 'go' END,
            'x', 0, 0, %(at)s FROM image""",
    "collectors": """
        INSERT INTO collector (account_id, platform, name, sequence, listed_at, reported_at, places)
        SELECT 1, 'kubernetes', 'cluster-' || lpad(n::text, 2, '0'), 1, %(at)s, %(at)s, %(each)s FROM generate_series(1, %(clusters)s) n""",
    "isolation facts": """
        INSERT INTO isolation (account_id, digest, facts, grade) SELECT 1, sha256(convert_to(n::text, 'UTF8')), '{}', n %% 3
        FROM generate_series(1, 200) n""",
    "labels": """
        WITH made AS (
            INSERT INTO label_set (account_id, digest, labels)
            SELECT 1, sha256(convert_to('labels ' || n, 'UTF8')), jsonb_build_object('app', 'app-' || n,
                'env', (ARRAY['prod', 'staging', 'test'])[n %% 3 + 1], 'team', 'team-' || n %% 200, 'tier', 'tier-' || n %% 5)
            FROM generate_series(0, 200000 - 1) n ORDER BY n RETURNING id, labels
        )
        INSERT INTO label (label_set_id, account_id, key, value) SELECT id, 1, each.key, each.value
        FROM made, jsonb_each_text(labels) each""",
    "images that run": """
        INSERT INTO running_image (account_id, image_id, key, reference, digest, config_digest, architecture, is_inferred)
        SELECT 1, (SELECT image.id FROM image WHERE image.digest = digest_of(n)), sha256(convert_to(n::text, 'UTF8')),
            'registry.example.org/team/app-' || n || ':1', digest_of(n), '', '', false
        FROM generate_series(1, %(images)s) n ORDER BY n""",
    "places": """
        INSERT INTO placement (account_id, collector_id, platform, cluster, namespace, workload, container, running_image_id,
            isolation_id, label_set_id, containers, since, seen_at)
        SELECT 1, c, 'kubernetes', 'cluster-' || lpad(c::text, 2, '0'), 'team-' || lpad((n %% 200)::text, 3, '0'),
            'Deployment/service-' || n, 'main', 1 + ((c - 1) * %(each)s + n) %% %(images)s, 1 + ((c - 1) * %(each)s + n) %% 200,
            1 + ((c - 1) * %(each)s + n) %% 200000, 1, %(at)s, %(at)s
        FROM generate_series(1, %(clusters)s) c, generate_series(1, %(each)s) n""",
    "containers": """
        INSERT INTO running_container (collector_id, id, account_id, placement_id, node, since)
        SELECT collector_id, 'c' || substring(workload FROM '[0-9]+$'), 1, id,
            'node-' || substring(workload FROM '[0-9]+$')::integer %% 500, since FROM placement""",
    "what ran before": """
        INSERT INTO placement (account_id, collector_id, platform, cluster, namespace, workload, container, running_image_id,
            isolation_id, label_set_id, containers, since, until, seen_at)
        SELECT 1, collector_id, platform, cluster, namespace, workload, container, 1 + (id * 7) %% %(images)s, isolation_id, label_set_id,
            1, %(at)s::timestamptz - interval '30 days', %(at)s, %(at)s FROM placement WHERE id %% 2 = 0""",
    "the most common image": """
        WITH common AS (
            INSERT INTO running_image (account_id, key, reference, digest, config_digest, architecture, is_inferred)
            VALUES (1, sha256('common'), 'registry.example.org/pause:3', digest_of(0), '', '', false) RETURNING id
        )
        INSERT INTO placement (account_id, collector_id, platform, cluster, namespace, workload, container, running_image_id,
            isolation_id, label_set_id, containers, since, seen_at)
        SELECT 1, c, 'kubernetes', 'cluster-' || lpad(c::text, 2, '0'), 'team-' || lpad((n %% 200)::text, 3, '0'),
            'Deployment/service-' || n, 'pause', common.id, 1, 1, 1, %(at)s, %(at)s
        FROM common, generate_series(1, %(clusters)s) c, generate_series(1, %(each)s / 50) n""",
}
"""The tables, in their order. Images of the numbers above nine tenths are those that nobody added."""


def _measured(port: int, key: str, world: World, requests: int) -> str:
    rng = random.Random(1)  # noqa: S311 - the same questions each time
    rows, worst = [], 0.0
    for question in QUESTIONS:
        taken = sorted(_asked(port, key, question, world, (rng, requests)))
        p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        worst = max(worst, p99)
        rows.append((question.name, f"{p50:.0f}", f"{p99:.0f}"))
        print(rows[-1], flush=True)
    seconds, first = _listed(port, key, world)
    verdict = "is kept" if worst <= BOUND else "is not kept"
    return (
        f"{world.places:,} places of {world.images:,} images in {world.clusters} clusters run, half as many ran before; an image of a"
        f" tenth of them nobody added. One API process, one question after the other, {requests} of each kind ({machine()})."
        f" The bound of {BOUND:.0f} ms for every p99 {verdict}.\n\n"
        + table(("question", "p50 ms", "p99 ms"), rows)
        + f"\nA whole list of a cluster's {world.in_cluster:,} containers, in parts of {_PART:,}, that brings nothing new is taken in"
        f" {seconds:.1f} s (the first part in {first:.2f} s); it writes no place again.\n"
    )


def _asked(port: int, key: str, question: Question, world: World, how: tuple[random.Random, int]) -> list[float]:
    """Milliseconds of each answer, after some that warm up."""
    rng, requests = how
    taken: list[float] = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        for number in range(requests + 5):
            path = f"/api/v1{question.path(rng, world)}"
            began = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
            if number >= 5:
                taken.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, (path, answer.status, body[:300])
    return taken


def _listed(port: int, key: str, world: World) -> tuple[float, float]:
    """Seconds that a whole list of the first cluster takes the server, and its first part."""
    client = Client("127.0.0.1", port, key, wait=600)
    running = [container(world, 1, number) for number in range(1, world.in_cluster + 1)]
    seconds: list[float] = []
    for start in range(0, len(running), _PART):
        report = InventoryReport(
            platform="kubernetes",
            collector="cluster-01",
            sequence=2 + start // _PART,
            at=datetime.now(UTC),
            list="again",
            last=False,
            running=tuple(running[start : start + _PART]),
        )
        body = msgspec.to_builtins(report)
        began = time.perf_counter()
        client.must("POST", "/api/v1/inventories", body)
        seconds.append(time.perf_counter() - began)
    return sum(seconds), seconds[0]


if __name__ == "__main__":
    main()
