"""Pages of the console over a million images: `python -m bench.console` writes `bench/console.md`.

It fills a database of its own with the world of `bench.stored_world` and `bench.console_world`, which takes most of an hour;
`--kept FOLDER` keeps it there for the next time. One real API process; an image of the corpus is uploaded, so that pages about what is
inside one have something to show. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg
from playwright.sync_api import Page

from bench.console_world import add_places_and_causes
from bench.markdown import table
from bench.needed import demand
from bench.sections import replace_section
from bench.serving import key_of
from bench.speed import machine
from bench.stored_world import digest_of_image, repository_of, store
from bench.world import Size, scaled
from hullmark.server.objects.objects import open_objects
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.stories.advisories.advisories import publish_file
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.migrate import migrate
from tests.support.browser import PROGRAMS, chromium
from tests.support.places import REPOSITORY
from tests.support.processes import Client, Server, server, until

PAGE = Path(__file__).parent / "console.md"
VAR = REPOSITORY / "var"
BOUND, PAINT = 300.0, 1500.0
"""Milliseconds: the server's for 19 of 20 requests of every page, and until something is seen in a browser."""
SCRIPTS = 150_000
"""Bytes of all scripts but the editor's, compressed."""
_STATIC = REPOSITORY / "src" / "hullmark" / "server" / "console" / "static"
_ARCHIVE = VAR / "corpus" / "docker" / "nginx.tar"
_EDITOR = ("codemirror.js", "editor.js", "schema-completion.js")
_ACCOUNT = "team-1"
_SEEN = ("now", "images", "fleet", "image, verdicts")


class Question(NamedTuple):
    """A page by its name, and the addresses that are asked for in turn."""

    name: str
    paths: Sequence[str]


def main() -> None:
    """Fill, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--images", type=int, default=Size.images)
    parser.add_argument("--requests", type=int, default=60, help="of each page")
    parser.add_argument(
        "--kept", type=Path, help="a folder in which the world is kept; default: one that goes afterwards"
    )
    wanted = parser.parse_args()
    demand("|".join(PROGRAMS))
    if wanted.kept is not None:
        _filled(wanted.kept, wanted.images, wanted.requests)
        return
    VAR.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="hm-console-", dir=VAR) as folder:
        Path(folder).chmod(0o755)
        _filled(Path(folder), wanted.images, wanted.requests)


def _filled(folder: Path, images: int, requests: int) -> None:
    """Measure the world of a folder, which is made where it is not there."""
    is_new = not (folder / "server").exists()
    with EmbeddedPostgres(folder / "server") as cluster:
        if is_new:
            store(cluster.url, folder / "world", scaled(images), accounts=1)
        migrate(cluster.url)
        _measure(cluster.url, folder / "world", requests)


def _measure(database: str, world: Path, requests: int) -> None:
    with _prepared(database, world) as (running, key, connection):
        row = connection.execute("SELECT count(*) FROM image").fetchone()
        images = int(row[0]) if row else 0
        digest = _uploaded(running, key)
        questions = _questions(connection, digest, images - 1)
        rows = [_row(question, _asked(running.port, key, question, requests)) for question in questions]
        seen = _in_browser(running.port, key, {question.name: question.paths[0] for question in questions})
    replace_section(PAGE, "Pages over a million images", _written(images, rows, seen, requests))
    print(PAGE.read_text())


@contextlib.contextmanager
def _prepared(database: str, world: Path) -> Iterator[tuple[Server, str, psycopg.Connection[Any]]]:
    # What was uploaded stays beside the database that knows of it.
    folder = world.with_name("served")
    folder.mkdir(exist_ok=True)
    with (
        psycopg.connect(database) as connection,
        server(folder, HULLMARK_DATABASE_URL=database, HULLMARK_RATE="10000000") as running,
    ):
        connection.execute(
            "UPDATE matching SET at = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), carried_out_id = snapshot_id"
        )
        add_places_and_causes(connection)
        key = key_of(connection)
        connection.autocommit = True
        settings = Settings(data=running.folder / "data", database_url=database)
        settings.data.mkdir(exist_ok=True)
        objects = open_objects(settings.objects_url, {})
        publish_file(objects, world / "previous", (world / "previous.digest").read_text())
        running.start("api")
        running.ready()
        yield running, key, connection


def _uploaded(running: Server, key: str) -> str:
    """The digest of an image with all that is inside it, which a worker read."""
    client = Client("127.0.0.1", running.port, key, account=_ACCOUNT, wait=600)
    answer = client.upload(_ARCHIVE.read_bytes(), "registry.example/bench/nginx:1")
    assert answer.status < 300, answer.body[:300]
    digest = str(answer.document["digest"])
    worker = running.start("worker")

    def is_read() -> bool:
        found = client.must("GET", f"/api/v1/images/{digest}")
        assert found["state"] != "failed", found
        return bool(found["state"] == "analysed")

    until(is_read, 900, "the uploaded image", 1.0)
    # What is counted by jobs is there before it is asked for.
    until(
        lambda: all(_is_counted(running.port, key, name) for name in ("advisories", "rebuild", "fleet")),
        3600,
        "the counts",
        10.0,
    )
    time.sleep(20)
    worker.end()
    client.must("PUT", f"/api/v1/images/{digest}/deployments", {"environment": "production", "place": "here"})
    return digest


def _is_counted(port: int, key: str, name: str) -> bool:
    """Whether a page has counts to show."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
        path = f"/console/{_ACCOUNT}/{name}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}", "Accept": "text/html"})
        return b"for the first time" not in connection.getresponse().read()


def _questions(connection: psycopg.Connection[Any], digest: str, images: int) -> list[Question]:
    base = f"/console/{_ACCOUNT}"
    found = connection.execute("SELECT id FROM cause WHERE key LIKE 'bench-%' ORDER BY id LIMIT 20").fetchall()
    causes = [int(number) for (number,) in found]
    places = [
        int(number)
        for (number,) in connection.execute("SELECT id FROM placement WHERE told = 'here' AND until IS NULL").fetchall()
    ]
    names = [str(name) for (name,) in connection.execute("SELECT name FROM advisory ORDER BY id LIMIT 20").fetchall()]
    row = connection.execute("SELECT name FROM package ORDER BY id LIMIT 1").fetchone()
    package = str(row[0]) if row else "x"
    others = [digest_of_image(images * number // 50) for number in range(20)]
    inside = f"{base}/images/{digest}"
    tabs = ("verdicts", "packages", "vulnerabilities", "files", "layers", "settings", "licences", "secrets", "lineage", "places",
            "signatures", "history")  # fmt: skip
    return [
        Question("now", [f"{base}/now"]),
        Question("cause", [f"{base}/causes/{number}" for number in causes]),
        Question("images", [f"{base}/images"]),
        Question("images of a repository", [f"{base}/images?q={quote(repository_of(number))}" for number in range(20)]),
        Question("images that stop", [f"{base}/images?verdict=stop"]),
        Question("image of many, where it runs", [f"{base}/images/{digest}?tab=places" for digest in others]),
        Question("image of many, its history", [f"{base}/images/{digest}?tab=history" for digest in others]),
        *(Question(f"image, {tab}", [f"{inside}?tab={tab}"]) for tab in tabs),
        Question("minimality", [f"{inside}/minimality"]),
        Question("diff", [f"{base}/diff?before={digest}&after={digest}"]),
        Question("fleet", [f"{base}/fleet"]),
        Question("places of a cluster", [f"{base}/fleet?tab=places&cluster=cluster-{n:02}" for n in range(1, 11)]),
        Question("place", [f"{base}/fleet/places/{number}" for number in places]),
        Question("applications", [f"{base}/applications"]),
        Question("advisories", [f"{base}/advisories"]),
        Question("advisories, narrowed", [f"{base}/advisories?q={quote(name)}&in=live" for name in names]),
        Question("advisory", [f"{base}/advisories/{quote(name, safe='')}" for name in names]),
        Question("policies", [f"{base}/policies"]),
        Question("policy", [f"{base}/policies/baseline"]),
        Question("trials", [f"{base}/trials"]),
        Question("time machine", [f"{base}/time"]),
        Question("time machine, known then", [f"{base}/time?known=today", f"{base}/time?known=today&ran=1"]),
        Question("time machine, what ran", [f"{base}/time?ran=1", f"{base}/time?before=warn&after=go"]),
        Question("rebuild plan", [f"{base}/rebuild"]),
        Question("exceptions", [f"{base}/exceptions"]),
        Question("search", [f"{base}/search?q={quote(word)}" for word in (package, "app-12", digest[7:16], names[0])]),
        Question("operations", [f"{base}/operations"]),
        Question("add", [f"{base}/add"]),
        *(
            Question(f"admin, {name}", [f"{base}/admin/{name}"])
            for name in ("people", "keys", "registries", "channels", "subscriptions", "silences", "collectors", "audit")
        ),
    ]


def _asked(port: int, key: str, question: Question, requests: int) -> list[float]:
    """Milliseconds of each answer, after three that warm up."""
    taken: list[float] = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=300)) as connection:
        for number in range(requests + 3):
            path = question.paths[number % len(question.paths)]
            began = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}", "Accept": "text/html"})
            answer = connection.getresponse()
            body = answer.read()
            if number >= 3:
                taken.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, (path, answer.status, body[-600:])
    return sorted(taken)


def _row(question: Question, taken: list[float]) -> tuple[str, float, float, float]:
    row = (question.name, taken[len(taken) // 2], taken[int(len(taken) * 0.95)], taken[-1])
    print(*(f"{value:.0f}" if isinstance(value, float) else value for value in row), flush=True)
    return row


def _in_browser(port: int, key: str, paths: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """When something, and the largest part, of pages was painted; bytes of their scripts as they were sent."""
    found = []
    with chromium() as browser:
        for name in _SEEN:
            context = browser.new_context(extra_http_headers={"authorization": f"Bearer {key}"})
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}{paths[name]}", wait_until="networkidle")
            found.append((name, *(f"{value:.0f}" for value in _paints(page))))
            context.close()
    return [(name, first, largest, size) for name, first, largest, size in found]


def _paints(page: Page) -> tuple[float, float, float]:
    page.evaluate(
        "() => { window.largest = 0; new PerformanceObserver(list => { for (const entry of list.getEntries())"
        " window.largest = entry.startTime; }).observe({type: 'largest-contentful-paint', buffered: true}); }"
    )
    page.wait_for_timeout(200)
    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
    largest = page.evaluate("window.largest")
    size = page.evaluate(
        "performance.getEntriesByType('resource').filter(each => each.initiatorType === 'script')"
        ".reduce((sum, each) => sum + each.decodedBodySize, 0)"
    )
    return float(first), float(largest), float(size)


def _compressed() -> tuple[int, int]:
    """Bytes of all scripts but the editor's, and of the editor's, each compressed by itself."""
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in _STATIC.rglob("*.js")}
    editor = sum(size for name, size in sizes.items() if name in _EDITOR)
    return sum(sizes.values()) - editor, editor


def _written(
    images: int,
    rows: Sequence[tuple[str, float, float, float]],
    seen: Sequence[tuple[str, str, str, str]],
    requests: int,
) -> str:
    worst = max(row[2] for row in rows)
    first = max(float(row[1]) for row in seen)
    others, editor = _compressed()
    return (
        f"{images:,} images of one account, {len(rows)} pages, {requests} requests of each, one after the other, to one API process with"
        f" PostgreSQL on the same two cores ({machine()}). Milliseconds at the client. The bound of {BOUND:.0f} ms for 19 of 20 requests"
        f" of every page {'is kept' if worst <= BOUND else 'is not kept'}.\n\n"
        + table(
            ("page", "p50 ms", "p95 ms", "most"), [(row[0], *(f"{value:.0f}" for value in row[1:])) for row in rows]
        )
        + f"\nIn Chromium on the same machine: the bound of {PAINT:.0f} ms until something is seen"
        f" {'is kept' if first <= PAINT else 'is not kept'}.\n\n"
        + table(("page", "first paint ms", "largest paint ms", "scripts, bytes"), seen)
        + f"\nAll scripts but the editor: {others:,} bytes compressed (bound {SCRIPTS:,}); the editor: {editor:,}.\n"
    )


if __name__ == "__main__":
    main()
