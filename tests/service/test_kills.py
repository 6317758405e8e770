"""Whatever is killed, whenever: every image ends analysed once, with its verdict, and nothing is left over.

`HULLMARK_KILLS` says how many kills there are (default 15), `HULLMARK_KILLS_SEED` which, `HULLMARK_KILLS_REPORT` a file to write to.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.retain import sweep_objects
from hullmark.server.stories.images.uploads import sweep_uploads
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from tests.support.kills import QUICK, Keeper, kill, wait_for_jobs
from tests.support.places import layouts
from tests.support.processes import (
    Client,
    Server,
    docker_registry,
    forked_server,
    place,
    push,
    until,
)
from tests.support.small_images import archive_of, numbered, put_image

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("HULLMARK_KILLS", "15"))
SEED = int(os.environ.get("HULLMARK_KILLS_SEED", "1"))
REPORT = os.environ.get("HULLMARK_KILLS_REPORT", "")
CORPUS = ("debian-slim", "nginx", "node-app", "ruby-app", "rpm-image", "distroless", "python-app", "nginx-zstd")


@dataclass
class Fed:
    """What was put in: digests that the server answered for, by how they came."""

    uploaded: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    tries: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def all(self) -> set[str]:
        """All of them."""
        return self.uploaded | self.added


class Feeder(threading.Thread):
    """Puts images in, one after the other, each until it is taken; stops between two of them."""

    def __init__(self, client: Client, registry: str, fed: Fed, first: int, references: list[str]) -> None:
        super().__init__()
        self.client, self.registry, self.fed = client, registry, fed
        self.number, self.references = first, references
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self.stopping.is_set() or self.references:
                self.number += 1
                if self.references:
                    self._add(self.references.pop())
                elif self.number % 2:
                    self._upload()
                else:
                    blobs, descriptor = numbered(self.number)
                    self._add(put_image(self.registry, f"small/{self.number}", blobs, descriptor))
                self.stopping.wait(0.3)
        except (AssertionError, OSError) as error:
            self.fed.errors.append(repr(error))

    def _add(self, reference: str) -> None:
        answer = self.client.insist("POST", "/api/v1/images", {"reference": reference}, 300)
        assert answer.status == 202, answer
        self.fed.added.add(answer.document["digest"])

    def _upload(self) -> None:
        files = 200 if self.number % 5 == 0 else 20
        blobs, descriptor = numbered(self.number, files=files, size=20_000)
        archive = archive_of(blobs, descriptor)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            self.fed.tries += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.client.upload(archive, f"uploaded.example/small/{self.number}:1")
                if answer.status == 201:
                    assert answer.document["digest"] == descriptor["digest"]
                    self.fed.uploaded.add(descriptor["digest"])
                    return
                # An answer that comes late may belong to a time when the database was away; it is never the archive's fault.
                assert answer.status >= 500, answer
            time.sleep(0.1)
        raise AssertionError(f"the upload {self.number} was never taken")


@pytest.fixture
def registry() -> Iterator[tuple[str, list[str]]]:
    """A real registry, and references in it."""
    if shutil.which("docker-registry") is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    built = layouts(CORPUS, 4)
    with place("hm-registry-") as folder, docker_registry(folder / "registry") as host:
        yield host, [push(layout, host, f"corpus/{name}:1") for name, layout in built.items()]


def test_nothing_is_lost_and_nothing_is_done_twice(registry: tuple[str, list[str]]) -> None:
    host, references = registry
    made = random.Random(SEED)  # noqa: S311 - the same kills for a seed
    with place() as folder, forked_server(folder, **QUICK) as running:
        running.start()
        running.ready()
        client = running.client.signed_in()
        client.prepare(host)
        fed = Fed()
        feeders = [Feeder(client, host, fed, start * 100_000, references[start - 1 :: 2]) for start in (1, 2)]
        began = time.monotonic()
        for feeder in feeders:
            feeder.start()
        keeper = Keeper(running)
        keeper.start()
        killed: Counter[str] = Counter()
        try:
            for _ in range(KILLS):
                if made.random() < 0.7:  # else it is hit again while it gets up
                    with contextlib.suppress(AssertionError):
                        running.ready(20)
                time.sleep(made.uniform(0.0, 1.5))
                killed[kill(running, made)] += 1
        finally:
            for feeder in feeders:
                feeder.stopping.set()
            for feeder in feeders:
                feeder.join()
            keeper.finish()
        assert fed.errors == []
        seconds = time.monotonic() - began
        settled = check_settled(running, client, fed)
        check_objects(running)
        assert running.stop() == {"all": 0}
        if REPORT:
            report(Path(REPORT), killed, fed, seconds, settled)


def check_settled(running: Server, client: Client, fed: Fed) -> float:
    """Everything that was taken is analysed, once, and judged; no job is left. Answers how many seconds that took."""
    began = time.monotonic()
    expected = sorted(fed.all)

    def ended() -> bool:
        states = Counter(image["state"] for image in client.images())
        return states["waiting"] + states["analysing"] == 0

    until(ended, 300, "the end of all analyses", 0.5)
    wait_for_jobs(running, 120)
    took = time.monotonic() - began
    images = client.images()
    assert [(image["digest"], image["reason"]) for image in images if image["state"] != "analysed"] == []
    assert sorted(image["digest"] for image in images) == expected
    assert running.rows('SELECT digest FROM image ORDER BY digest COLLATE "C"') == [(digest,) for digest in expected]
    analysed = running.rows("SELECT resource, count(*) FROM event WHERE kind = 'image.analysed' GROUP BY 1")
    assert sorted(analysed) == [(digest, 1) for digest in expected]
    assert running.rows("SELECT count(*) FROM event WHERE kind = 'image.failed'") == [(0,)]
    assert sorted(client.verdicts()) == expected
    history = running.rows("SELECT image_digest, count(*) FROM verdict_history GROUP BY 1")
    assert sorted(history) == [(digest, 1) for digest in expected]
    return took


_MADE_OF_IT = ("layers/", "folders/", "reach/", "reach-files/", "signed/")
"""Rooms of the object store whose documents no column holds as they are called."""


def check_objects(running: Server) -> None:
    """What lies in the object store is what is named, no more and no less."""
    objects = asyncio.run(_swept(running))
    there = {each.key for each in objects.list()}
    named = running.rows(
        "SELECT document FROM image UNION SELECT files FROM image UNION SELECT document FROM verdict_history"
    )
    kept = {key for key in there if not key.startswith(_MADE_OF_IT)}
    rows = running.rows(
        "SELECT image.document, image.reach, holding.account_id || '-' || image.id FROM image"
        " LEFT JOIN account_image holding ON holding.image_id = image.id"
    )
    made = {
        key
        for document, reach, holding in rows
        for key in (
            f"folders/{str(document).rpartition('/')[2]}",
            f"reach/{reach}",
            f"reach-files/{reach}",
            f"signed/{holding}",
        )
    }
    layers = {str(digest).replace(":", "-") for (digest,) in running.rows("SELECT digest FROM image_layer")}
    records = {key for key in there if key.startswith("layers/")}
    assert kept == {key for (key,) in named}
    assert there - kept - records <= made
    assert {key.rpartition("/")[2] for key in records} == layers
    assert running.rows("SELECT count(*) FROM upload") == [(0,)]
    folder = running.folder / "data" / "objects"
    assert [path for path in folder.rglob("*#*") if path.is_file()] == []


async def _swept(running: Server) -> Objects:
    """The store, after what nobody names was removed."""
    settings = Settings(data=running.folder / "data", database_url=running.database_url)
    services: Services = services_for(settings, {}, connections=3)
    async with services.database:
        await sweep_uploads(services, 0.0)
        await sweep_objects(services, 0.0)
    return services.objects


def report(path: Path, killed: Counter[str], fed: Fed, seconds: float, settled: float) -> None:
    """Write down what was done to the server, for the bench."""
    found = {
        "kills": sum(killed.values()),
        "seed": SEED,
        "by": dict(sorted(killed.items())),
        "seconds": round(seconds, 1),
        "settled": round(settled, 1),
        "uploaded": len(fed.uploaded),
        "tries": fed.tries,
        "added": len(fed.added),
    }
    path.write_text(json.dumps(found))
