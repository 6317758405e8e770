"""The server with real processes: `python -m bench.server` measures the way to a first verdict and what a second worker brings.

It writes its own sections of `bench/server.md` and leaves the others as they are. `--kills FILE` adds what a run of
`HULLMARK_KILLS=200 HULLMARK_KILLS_REPORT=FILE pytest tests/service/test_kills.py` wrote. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import resource
import signal
import statistics
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.markdown import table
from bench.places import CORPUS
from bench.speed import machine
from tests.support.images import LAYER, MANIFEST, Blobs, Json, layout_files, tagged, tar_of, to_json
from tests.support.processes import Server, debian_postgres, docker_registry, place, push, server, until

RESULTS = Path(__file__).parent / "server.md"
FIRST_BOUND = 20.0
SPEED_UP_BOUND = 1.8
_FIRST = "First verdict"
_TWO = "Two workers"
_KILLS = "Kills"
_LONG = "600"


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.server", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS, metavar="DIR", help="the built corpus")
    parser.add_argument(
        "--image", default="debian-slim", help="the image that is analysed, and that variants are made of"
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--images", type=int, default=24, help="how many variants there are")
    parser.add_argument("--parts", nargs="+", choices=("first", "two"), default=["first", "two"])
    parser.add_argument("--kills", type=Path, help="what the test of kills wrote")
    wanted = parser.parse_args()
    layout = wanted.corpus / "oci" / wanted.image
    if not (layout / "index.json").exists():
        raise SystemExit(f"{layout} is not there; `make corpus` builds it")
    if "first" in wanted.parts:
        put_section(_FIRST, first_written([first_verdict(layout) for _ in range(wanted.turns)], wanted.image))
    if "two" in wanted.parts:
        with place("hm-bench-archives-") as folder:
            archives = make_variants(folder, layout, wanted.images)
            runs = [(analyse_all(archives, 1), analyse_all(archives, 2)) for _ in range(wanted.turns)]
        put_section(_TWO, two_written(runs, wanted.image, wanted.images))
    if wanted.kills:
        put_section(_KILLS, kills_written(json.loads(wanted.kills.read_bytes())))
    print(RESULTS.read_text())


def put_section(name: str, body: str) -> None:
    """Put a section into the page, in place of what was said under its name."""
    page = RESULTS.read_text() if RESULTS.exists() else "# The server\n"
    head, *sections = re.split(r"(?m)^(?=## )", page)
    kept = [section for section in sections if not section.startswith(f"## {name}\n")]
    mine = f"## {name}\n\n{body.strip()}\n\n"
    RESULTS.write_text("".join((head.rstrip() + "\n\n", mine, *kept)).rstrip() + "\n")


# The way to a first verdict


@dataclass(frozen=True)
class First:
    """Seconds on the clock until the server answered and until the verdict; CPU seconds of all processes from start to stop."""

    ready: float
    verdict: float
    cpu: float


def first_verdict(layout: Path) -> First:
    """From an empty folder to a verdict over HTTP, and to the end of all processes."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-bench-"))
        registry = stack.enter_context(docker_registry(folder / "registry"))
        reference = push(layout, registry, "bench/first:1")
        running = stack.enter_context(server(folder))
        began, took = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        process = running.start()
        running.ready()
        ready = time.monotonic() - began
        client = running.client.signed_in()
        client.prepare(registry)
        digest = client.add(reference)
        until(lambda: client.ask("GET", f"/api/v1/verdicts/{digest}").status == 200, 120, "the verdict", 0.05)
        verdict = time.monotonic() - began
        process.end()
        all_took = resource.getrusage(resource.RUSAGE_CHILDREN)
        return First(ready, verdict, all_took.ru_utime + all_took.ru_stime - took.ru_utime - took.ru_stime)


def first_written(runs: Sequence[First], image: str) -> str:
    """The section."""
    cpu = statistics.median(run.cpu for run in runs)
    return "\n".join(
        (
            f"`hullmark serve` on an empty folder, until the verdict of `policies/baseline.yaml` on `{image}` from a registry came over "
            f"HTTP: **{cpu:.1f} s** of CPU (user and system of all processes, PostgreSQL's too, from the start to the end of the last one; "
            f"bound {FIRST_BOUND:.0f} s: {_holds(cpu <= FIRST_BOUND)}). Median of {len(runs)} ({machine()}).\n",
            table(
                ("run", "CPU s", "s until it answers", "s until the verdict"),
                [(n, f"{run.cpu:.1f}", f"{run.ready:.1f}", f"{run.verdict:.1f}") for n, run in enumerate(runs, 1)],
            ),
        )
    )


# What a second worker brings


def make_variants(folder: Path, layout: Path, count: int) -> list[Path]:
    """Archives of images that are like one, and share no layer with it or with each other."""
    manifest, blobs = _image_of(layout)
    plain = [_inflated(blobs[layer["digest"]]) for layer in manifest["layers"]]
    config = json.loads(blobs[manifest["config"]["digest"]])
    archives = []
    for number in range(count):
        made = Blobs()
        layers, diff_ids = [], []
        for place_, (layer, whole) in enumerate(zip(manifest["layers"], plain, strict=True)):
            own = _own_part(number, place_)
            layers.append(made.put(gzip.compress(own, mtime=0) + blobs[layer["digest"]], LAYER))
            diff_ids.append("sha256:" + hashlib.sha256(own + whole).hexdigest())
        told = {**config, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        whole_manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": made.put(to_json(told), "application/vnd.oci.image.config.v1+json"),
            "layers": layers,
        }
        entry = tagged(made.put(to_json(whole_manifest), MANIFEST), "latest")
        archives.append(folder / f"{number}.tar")
        archives[-1].write_bytes(tar_of(layout_files(made, [entry])))
    return archives


def _image_of(layout: Path) -> tuple[Json, dict[str, bytes]]:
    blobs = {f"sha256:{path.name}": path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}
    index = json.loads((layout / "index.json").read_bytes())
    manifest: Json = json.loads(blobs[index["manifests"][0]["digest"]])
    return manifest, blobs


def _inflated(blob: bytes) -> bytes:
    return gzip.decompress(blob)


def _own_part(number: int, layer: int) -> bytes:
    """The beginning of a tar that no other layer has: a package of Python's kind. It has no end, what follows goes on."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        name = f"own-{number}-{layer}"
        body = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.{number}\n".encode()
        info = tarfile.TarInfo(f"usr/lib/python3/dist-packages/{name.replace('-', '_')}-1.{number}.dist-info/METADATA")
        info.size = len(body)
        tar.addfile(info, io.BytesIO(body))
        end = tar.offset
    return out.getvalue()[:end]


@dataclass(frozen=True)
class Spent:
    """Seconds of some processes: on a processor, and able to run but without one."""

    ran: float
    queued: float

    def since(self, before: Spent) -> Spent:
        """What came to it."""
        return Spent(self.ran - before.ran, self.queued - before.queued)


@dataclass(frozen=True)
class Run:
    """All images analysed and judged. Seconds on the clock; those of the workers, and CPU seconds of the machine as a whole."""

    workers: int
    wall: float
    spent: Spent
    machine: float


def analyse_all(archives: Sequence[Path], workers: int) -> Run:
    """Have all images analysed and judged by so many workers, which begin when everything is there."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-bench-"))
        database = stack.enter_context(debian_postgres(folder / "postgres"))
        settings = {"HULLMARK_DATABASE_URL": database.url(), "HULLMARK_SILENCE": _LONG, "HULLMARK_LEASE": _LONG}
        running = stack.enter_context(server(folder, **settings))
        running.migrate()
        names = [f"worker-{number}" for number in range(workers)]
        for name in ("api", *names):
            running.start(name)
        running.ready()
        client = running.client.signed_in()
        client.prepare("registry.example")
        _all_working(running, names)
        pids = [running.processes[name].pid for name in names]
        with _standing_still(pids):
            for archive in archives:
                answer = client.upload(archive.read_bytes(), f"registry.example/bench/{archive.stem}:1")
                if answer.status != 201:
                    raise SystemExit(f"an upload is answered with {answer.status}: {answer.body!r}")
            before, idle = _spent(pids), _machine_cpu()
            began = time.monotonic()
        with psycopg.connect(database.url(), autocommit=True) as connection:
            until(lambda: _is_done(connection, len(archives)), 1200, "the analyses", 0.05)
        wall = time.monotonic() - began
        return Run(workers, wall, _spent(pids).since(before), _machine_cpu() - idle)


def _all_working(running: Server, names: Sequence[str]) -> None:
    until(lambda: all('"working"' in running.processes[name].log.read_text() for name in names), 60, "the workers")
    time.sleep(1.0)


@contextlib.contextmanager
def _standing_still(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def _is_done(connection: psycopg.Connection[Any], count: int) -> bool:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM image WHERE state = 'analysed'), (SELECT count(*) FROM verdict), "
        "(SELECT count(*) FROM procrastinate_jobs)"
    ).fetchone()
    return row == (count, count, 0)


def _spent(pids: Sequence[int]) -> Spent:
    """What these processes have taken: on processors with all threads and children, waiting for one those threads that still are."""
    ran, queued = 0.0, 0
    for pid in pids:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ran += sum(map(int, numbers[11:15])) / os.sysconf("SC_CLK_TCK")
        for path in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                queued += int((path / "schedstat").read_text().split()[1])
    return Spent(ran, queued / 1e9)


def _machine_cpu() -> float:
    """CPU seconds that the whole machine has spent, since it started, on anything."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, irq, softirq, *_ = map(int, words[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def two_written(runs: Sequence[tuple[Run, Run]], image: str, count: int) -> str:
    """The section."""
    speed_up = statistics.median(one.wall / two.wall for one, two in runs)
    cpu = statistics.median(two.spent.ran / one.spent.ran for one, two in runs)
    others = max((run.machine - run.spent.ran) / run.wall for pair in runs for run in pair)
    rows = [
        (
            f"{turn}, {run.workers} worker{'s' if run.workers > 1 else ''}",
            f"{run.wall:.1f}",
            f"{run.spent.ran:.1f}",
            f"{run.spent.queued:.1f}",
            f"{run.spent.ran / run.wall / run.workers:.0%}",
            f"{(run.machine - run.spent.ran) / run.wall:.2f}",
        )
        for turn, pair in enumerate(runs, 1)
        for run in pair
    ]
    head = ("turn", "s on the clock", "workers' CPU s", "s without a processor", "busy", "processors used by others")
    return "\n".join(
        (
            f"{count} variants of `{image}` that share no layer, sent in as archives, then analysed and judged over Debian's "
            f"PostgreSQL and a folder. Two workers are **{speed_up:.2f} times** as fast as one (bound {SPEED_UP_BOUND}: "
            f"{_holds(speed_up >= SPEED_UP_BOUND)}), and take {cpu:.2f} times the CPU for the same work. Medians of {len(runs)} turns, one "
            f"and two workers in turn ({machine()}). Others (PostgreSQL, the API, and whatever else the machine did) used up to "
            f"{others:.2f} processors meanwhile; `s without a processor` are seconds in which a worker's thread could have run.\n",
            table(head, rows),
        )
    )


def kills_written(found: dict[str, Any]) -> str:
    """The section."""
    rows = [(name, count) for name, count in found["by"].items()]
    return "\n".join(
        (
            f"`HULLMARK_KILLS={found['kills']} HULLMARK_KILLS_SEED={found['seed']} pytest tests/service/test_kills.py`: **{found['kills']} "
            f"SIGKILLs** in {found['seconds']:.0f} s while {found['uploaded']} archives were uploaded ({found['tries']} tries) and "
            f"{found['added']} images added by reference. {found['settled']:.0f} s after the last one all "
            f"{found['uploaded'] + found['added']} were analysed: one row, one event `image.analysed` and one verdict each; no job, no "
            "upload and no object was left that nothing names, and none was missing.\n",
            table(("what was killed", "times"), rows),
        )
    )


def _holds(is_so: bool) -> str:
    return "holds" if is_so else "**does not hold**"


if __name__ == "__main__":
    main()
