"""`hullmark serve` with real processes: from nothing to verdicts, alone and over a PostgreSQL and a bucket; stopped and started."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator

import pytest

from tests.support.buckets import s3_bucket
from tests.support.places import layouts
from tests.support.processes import (
    Client,
    Server,
    debian_postgres,
    debian_programs,
    docker_registry,
    place,
    processes_of,
    push,
    server,
    until,
)

TEN = (
    "debian-slim",
    "nginx",
    "nginx-zstd",
    "node-app",
    "python-app",
    "ruby-app",
    "apk-image",
    "rpm-image",
    "rpm-ndb",
    "distroless",
)
FEW = ("apk-image", "debian-slim", "rpm-ndb", "distroless")
"""The smallest of them."""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A real registry: HOST:PORT."""
    if shutil.which("docker-registry") is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not installed")
    with place("hm-registry-") as folder, docker_registry(folder / "registry") as host:
        yield host


def pushed(host: str, names: Iterable[str]) -> dict[str, str]:
    """Those of these images of the corpus that were built, in the registry: digests by reference."""
    digests = {}
    for name, layout in layouts(names, 3).items():
        index = json.loads((layout / "index.json").read_bytes())
        digests[push(layout, host, f"corpus/{name}:1")] = index["manifests"][0]["digest"]
    return digests


def add_all(client: Client, digests: dict[str, str]) -> None:
    for reference, digest in digests.items():
        assert client.add(reference) == digest


def all_judged(client: Client, digests: dict[str, str]) -> None:
    """Wait until every image is analysed and has a verdict, and see that each was analysed once."""
    count = len(digests)
    until(lambda: [image["state"] for image in client.images()] == ["analysed"] * count, 300, "the analyses")
    until(lambda: set(client.verdicts()) == set(digests.values()), 60, "the verdicts")
    told = client.must("GET", "/api/v1/events?kind=image.analysed&limit=200")["items"]
    assert sorted(event["resource"] for event in told) == sorted(digests.values())
    for image in client.images():
        assert image["package_count"] > 0
        found = client.must("GET", f"/api/v1/images/{image['digest']}/packages?limit=5")["items"]
        assert found


def no_job_is_left(running: Server) -> None:
    until(lambda: running.rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)], 30, "the end of all jobs")


def test_from_an_empty_folder_to_verdicts_and_all_is_still_there_after_a_restart(registry: str) -> None:
    digests = pushed(registry, FEW)
    with place() as folder, server(folder) as running:
        running.start()
        running.ready()
        client = running.client.signed_in()
        client.prepare(registry)
        first = next(iter(digests))
        client.add(first)
        until(lambda: digests[first] in client.verdicts(), 60, "the first verdict")
        add_all(client, digests)
        all_judged(client, digests)
        no_job_is_left(running)
        before = (client.images(), client.verdicts())
        assert running.stop() == {"all": 0}
        assert processes_of(folder) == []
        running.start()
        running.ready()
        assert (client.images(), client.verdicts()) == before
        no_job_is_left(running)
        assert running.stop() == {"all": 0}
        assert "Traceback" not in running.logs(), running.logs()


@pytest.mark.slow
def test_ten_images_over_a_postgresql_and_a_bucket_with_two_workers(registry: str) -> None:
    if debian_programs() is None:
        pytest.skip("Debian's PostgreSQL is not installed")
    digests = pushed(registry, TEN)
    with place() as folder, debian_postgres(folder / "postgres") as database, s3_bucket() as bucket:
        settings = {
            **bucket,
            "HULLMARK_DATABASE_URL": database.url(),
            "HULLMARK_OBJECTS": "s3://marks/all",
        }
        with server(folder, **settings) as running:
            running.migrate()
            for name in ("api", "worker-1", "worker-2", "scheduler"):
                running.start(name)
            running.ready()
            client = running.client.signed_in()
            client.prepare(registry)
            add_all(client, digests)
            all_judged(client, digests)
            no_job_is_left(running)
            workers = {name: running.processes[name].log.read_text() for name in ("worker-1", "worker-2")}
            assert all('"event": "analysed"' in log for log in workers.values())
            assert not (folder / "data" / "objects").exists()
            before = (client.images(), client.verdicts())
            assert running.stop() == dict.fromkeys(("api", "worker-1", "worker-2", "scheduler"), 0)
            for name in ("api", "worker-1", "worker-2", "scheduler"):
                running.start(name)
            running.ready()
            assert (client.images(), client.verdicts()) == before
            assert set(running.stop().values()) == {0}
            assert "Traceback" not in running.logs(), running.logs()
