"""Reverse matching at scale: `python -m bench.rematch [--images N]` writes `bench/results-rematch.md`.

One process makes a world (`bench.world`) and keeps it in files; another one, which holds nothing else, takes the stored set and
both snapshots and follows the changed advisories to all images that they affect.
"""

from __future__ import annotations

import argparse
import gc
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.markdown import table
from bench.speed import machine
from bench.world import Size, changed, fleet_of, names_of, records_of, scaled, snapshot_of
from hullmark.advisorydb.compare import compare
from hullmark.advisorydb.snapshot import Snapshot
from hullmark.app.rematch import Rematching, ended
from hullmark.match.fleet import Fleet

RESULTS = Path(__file__).parent / "results-rematch.md"
BOUND = 1.0
_ROUNDS = 5
_STORED, _WHOLE = "the stored set", "peak of the whole process"


class Seconds(msgspec.Struct, order=True):
    """What a stage took: of the CPU (user and system), and on the clock."""

    cpu: float
    wall: float


class Measured(msgspec.Struct):
    """Seconds by stage, what was found by name, and memory in MB (10^6 bytes)."""

    seconds: dict[str, Seconds] = {}
    counts: dict[str, int] = {}
    memory: dict[str, float] = {}


def main() -> None:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.rematch", description=__doc__)
    parser.add_argument("--images", type=int, default=Size.images)
    parser.add_argument("--world", type=Path, help="a folder in which the world is kept (made if it is not there)")
    parser.add_argument("--stage", choices=("make", "measure"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.stage:
        stage = make if wanted.stage == "make" else measure
        sys.stdout.buffer.write(msgspec.json.encode(stage(scaled(wanted.images), wanted.world)))
        return
    with tempfile.TemporaryDirectory(prefix="hullmark-bench-") as scratch:
        folder = wanted.world or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"made-{wanted.images}.json"
        if not made.exists():
            made.write_bytes(_stage("make", wanted.images, folder))
        first = msgspec.json.decode(made.read_bytes(), type=Measured)
        second = msgspec.json.decode(_stage("measure", wanted.images, folder), type=Measured)
    page = written(scaled(wanted.images), first, second)
    RESULTS.write_text(page)
    print(page)


def _stage(name: str, images: int, folder: Path) -> bytes:
    command = [sys.executable, "-m", "bench.rematch", f"--images={images}", f"--world={folder}", f"--stage={name}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def make(size: Size, folder: Path) -> Measured:
    """Make the world and keep it in the folder."""
    found = Measured()
    names = names_of(size)
    with _timed(found, "make the stored set"):
        fleet = fleet_of(size, names)
    found.memory["peak while the stored set is made"] = _peak()
    (folder / "fleet").write_bytes(pickle.dumps(fleet, protocol=5))
    del fleet
    records = records_of(size, names)
    for name, each in (("previous", records), ("next", changed(size, records))):
        (folder / name).unlink(missing_ok=True)
        with _timed(found, f"build the {name} snapshot"):
            (folder / f"{name}.digest").write_text(snapshot_of(folder / name, each))
    return found


def measure(size: Size, folder: Path) -> Measured:
    """Follow the changes to the images; the round in the middle of some, stage by stage."""
    del size
    found = Measured()
    before = _resident()
    fleet: Fleet = pickle.loads((folder / "fleet").read_bytes())  # noqa: S301 - made by this very program
    gc.collect()
    gc.freeze()
    found.memory[_STORED] = _resident() - before
    rounds = [_round(fleet, folder) for _ in range(_ROUNDS)]
    for name in rounds[0].seconds:
        found.seconds[name] = sorted(each.seconds[name] for each in rounds)[_ROUNDS // 2]
    found.counts = rounds[0].counts
    found.memory[_WHOLE] = _peak()
    with _opened(folder) as (previous, _), _timed(found, "compare a snapshot with an equal one"):
        compare(previous, Snapshot(previous.path, "another"))
    return found


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Snapshot, Snapshot]]:
    digests = [(folder / f"{name}.digest").read_text() for name in ("previous", "next")]
    with Snapshot(folder / "previous", digests[0]) as previous, Snapshot(folder / "next", digests[1]) as following:
        yield previous, following


def _round(fleet: Fleet, folder: Path) -> Measured:
    found = Measured()
    with _opened(folder) as (previous, following):
        with _timed(found, "compare the snapshots"):
            difference = compare(previous, following)
        with _timed(found, "changed advisories to coordinates to be matched"):
            work = Rematching(previous, following, fleet, at="2026-02-01", difference=difference)
        with work:
            with _timed(found, "match them with both snapshots"):
                events = [event for batch in work.batches() for event in batch.events]
            coordinates = {event.coordinate for event in events}
            with _timed(found, "coordinates to package sets"):
                sets = fleet.sets_of(coordinates)
            with _timed(found, "coordinates to images"):
                images = fleet.images_of(coordinates)
        with _timed(found, "releases that have ended"):
            ended(previous, following, fleet, at="2026-02-01")
    found.counts = {
        "images in all": fleet.image_count,
        "package sets in all": fleet.set_count,
        "coordinates in all": fleet.coordinate_count,
        "changed advisories": len(difference.advisories),
        "coordinates matched again": len(work.coordinates),
        "events": len(events),
        "coordinates with an event": len(coordinates),
        "package sets that hold one": len(sets),
        "images that hold one": len(images),
    }
    return found


_IN_ONE = (
    "changed advisories to coordinates to be matched",
    "match them with both snapshots",
    "coordinates to images",
)


def written(size: Size, made: Measured, measured: Measured) -> str:
    """The page."""
    cpu, wall = (sum(getattr(measured.seconds[name], unit) for name in _IN_ONE) for unit in ("cpu", "wall"))
    comparison = measured.seconds["compare the snapshots"]
    memory = measured.memory
    parts = [
        "# Reverse matching\n",
        f"Made by `python -m bench.rematch` ({machine()}).\n",
        f"A seeded world of {size.images:,} images (`bench/world.py`). One process, one thread; it holds the stored set and opens both "
        f"snapshots anew in each of {_ROUNDS} rounds; files are in the page cache. Medians. CPU is user + system seconds, memory is "
        "resident MB (10^6 bytes).\n",
        f"From {measured.counts['changed advisories']:,} changed advisories to all affected images: **{wall:.2f} s**, {cpu:.2f} s of "
        f"CPU (bound {BOUND:.0f} s: {'holds' if wall <= BOUND else '**does not hold**'}). To find what has changed, by comparing the "
        f"snapshots, takes {comparison.wall:.2f} s before that. The stored set takes {memory[_STORED]:,.0f} MB, the whole process "
        f"{memory[_WHOLE]:,.0f} MB at its peak.\n",
        table(("what", "count"), [(name, f"{count:,}") for name, count in measured.counts.items()]),
        table(
            ("stage", "CPU s", "wall s"),
            [(name, f"{each.cpu:.3f}", f"{each.wall:.3f}") for name, each in (measured.seconds | made.seconds).items()],
        ),
        table(("memory", "MB"), [(name, f"{value:,.0f}") for name, value in (memory | made.memory).items()]),
    ]
    return "\n".join(parts)


@contextmanager
def _timed(found: Measured, name: str) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    found.seconds[name] = Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
