"""Images made to break whoever reads them: each ends with packages, or as failed with a reason, and the worker goes on."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import Blobs
from tests.support.places import corpus
from tests.support.processes import forked_server, place, processes_of, role_of, until
from tests.support.registry import FakeRegistry
from tests.support.small_images import archive_of, numbered

PEAK_MIB = 900
"""More than a worker ever needs for them."""


_LEFT_OUT = ("bomb-gzip", "bomb-gzip-database", "bomb-zstd", "cases.json")
"""Gigabytes of zeros are read to their end, with every digest and facet: minutes of a worker, which `make test-slow` takes."""


@pytest.fixture
def cases() -> list[Path]:
    """The hostile images: OCI layouts in folders, and archives."""
    return sorted(path for path in corpus("hostile").iterdir() if path.name not in _LEFT_OUT)


def archived(layout: Path) -> bytes:
    """A layout as an archive, or the archive that it is."""
    if layout.is_file():
        return layout.read_bytes()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(layout, arcname=".")
    return out.getvalue()


def served(layouts: list[Path]) -> FakeRegistry:
    """A registry that gives out all of them as they are, by their names as tags."""
    blobs, tags = Blobs(), {}
    for layout in layouts:
        for path in (layout / "blobs").rglob("*"):
            if path.is_file():
                blobs.held.setdefault(f"{path.parent.name}:{path.name}", path.read_bytes())
        manifests = json.loads((layout / "index.json").read_bytes()).get("manifests") or []
        if manifests:
            tags[layout.name] = manifests[0]["digest"]
    return FakeRegistry(blobs, tags)


def workers(folder: Path) -> Iterator[int]:
    return (pid for pid in processes_of(folder) if role_of(pid) == "worker")


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.slow
def test_every_hostile_image_comes_to_an_end_and_the_worker_lives(cases: list[Path]) -> None:
    layouts = [path for path in cases if (path / "index.json").is_file()]
    with place() as folder, served(layouts).running() as registry, forked_server(folder) as running:
        running.start()
        running.ready()
        client = running.client.signed_in()
        client.prepare(registry.host)
        until(lambda: len(list(workers(folder))) == 1, 30, "the worker")
        [worker] = workers(folder)
        for name in registry.tags:
            answer = client.ask("POST", "/api/v1/images", {"reference": f"{registry.host}/shop:{name}"})
            assert answer.status in (202, 404, 422, 502), (name, answer)
            if answer.status != 202:
                assert answer.document["detail"], name
        for case in cases:
            answer = client.upload(archived(case), f"hostile.example/{case.name.replace('.', '-')}:1")
            assert answer.status in (201, 422), (case.name, answer)
        blobs, descriptor = numbered(1)
        assert client.upload(archive_of(blobs, descriptor), "good.example/good:1").status == 201

        def ended() -> bool:
            return all(image["state"] in ("analysed", "failed") for image in client.images())

        until(ended, 300, "the end of all analyses")
        images = {image["digest"]: image for image in client.images()}
        assert images[descriptor["digest"]]["state"] == "analysed"
        assert len(images) > len(layouts) / 2
        for image in images.values():
            assert (image["state"] == "failed") == bool(image["reason"]), image
            assert image["state"] == "analysed" or image["advice"], image
            assert "broke" not in image["reason"], image
        until(lambda: running.rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)], 60, "the end of all jobs")
        assert list(workers(folder)) == [worker]
        assert peak_mib(worker) < PEAK_MIB
        assert running.stop() == {"all": 0}
        assert "Traceback" not in running.logs()
