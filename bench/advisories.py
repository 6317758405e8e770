"""Advisories: what each feed gives, what updating and matching take: `python -m bench.advisories`, into results-advisories.md."""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.markdown import table
from bench.measure import Taken, measure
from bench.places import BENCH, HULLMARK, REPOSITORY, add_corpus, image_folders
from bench.speed import machine

IMAGES = ("debian-slim", "nginx", "python-app", "node-app", "java-app", "ruby-app", "go-tools")
DATA = REPOSITORY.parent / "shared" / "advisories"

_KEV = Path("www.cisa.gov", "sites", "default", "files", "feeds", "known_exploited_vulnerabilities.json")
_ROUNDS = 30
_RUNS = 5
_PACKAGES = 500
_MOST_MS = 10.0
_MOST_WALL_MS = 300.0

EXPLAINED = {
    "almalinux": "37 errata have a file for each of two or three releases: each is one advisory",
    "alpine": "counted are fixes of a CVE in a package of a release; given is one record a CVE",
    "azurelinux": "counted are definitions of both releases; a CVE in both is one advisory",
    "debian": "the lists are read for the ids that announce a fix; debian-lists gives their advisories",
    "debian-support": "the mirror has its four files under another host",
    "distro-info": "the mirror has its two files under another host: 23 and 46 lines, of which 2 are heads",
    "endoflife": "counted are products; given is one record a release",
    "epss": "the mirror has the file under its date: 360,142 scores",
    "friendsofphp": "one file tells the repository's own checks what to do",
    "github-api": "counted are (advisory, package) pairs in pages; given is one record an advisory",
    "haskell": "37 files are links to those published, 5 are reserved ids without content",
    "osv": "the exports that have feeds of their own (PyPI, crates.io) are left to them",
    "retirejs": "entries of both files that say the same are one",
    "vexhub": "counted are documents; given is one record a statement",
}
"""Why a feed gives another number than the manifest counts."""


class Fed(NamedTuple):
    """One feed: what it gave and what the manifest counts in the files it was read from (-1: it names none of them)."""

    feed: str
    records: int
    counted: int


class Matched(NamedTuple):
    """One image: packages, matches, milliseconds of matching alone, and wall milliseconds of the command with known layers."""

    image: str
    packages: int
    matches: int
    core: float
    first: float
    wall: float


def fed(folder: Path, manifest: Sequence[dict[str, Any]]) -> list[Fed]:
    """What every feed gave, beside the manifest."""
    from hullmark.advisories.database.shelf import Shelf

    shelf = Shelf(folder)
    counts = {source["file"].removeprefix("www/"): source["count"] for source in manifest}
    rows = []
    for name in shelf.feeds():
        state = shelf.state(name)
        files = [document.url.partition("://")[2].partition("#")[0] for document in state.documents]
        known = [count for file in files for path, count in counts.items() if path in (file, f"{file}.gz")]
        rows.append(Fed(name, state.records, sum(known) if known else -1))
    return rows


def matched(image: str, layout: Path, database: Path, cache: Path) -> Matched:
    """Match one image: in this process, and as a command."""
    from hullmark import scan
    from hullmark.advisories.database.shelf import Shelf
    from hullmark.advisories.match.find import find
    from hullmark.app.advisories import open_snapshot

    inventory = scan(f"oci-dir:{layout}", cache_dir=cache)
    times, found = [], 0
    with open_snapshot(Shelf(database), None, None) as snapshot:
        for _ in range(_ROUNDS):
            gc.collect()
            begin = time.perf_counter()
            result = find(inventory, snapshot, at="2026-08-22")
            times.append((time.perf_counter() - begin) * 1000)
            found = len(result.matches)
    command = [str(HULLMARK), "vulns", f"oci-dir:{layout}", "--db-dir", str(database), "--cache-dir", str(cache)]
    wall = statistics.median(measure([*command, "-o", "json", "--quiet"]).wall for _ in range(_RUNS)) * 1000
    return Matched(image, len(inventory.packages), found, statistics.median(times), times[0], wall)


def update(mirror: Path, database: Path, *more: str) -> tuple[Taken, str]:
    """Update from a mirror; answers what it took and the snapshot's digest."""
    command = [str(HULLMARK), "db", "update", "--from", str(mirror), "--db-dir", str(database), "--quiet", *more]
    taken = measure(command)
    status = subprocess.run(
        [str(HULLMARK), "db", "status", "--db-dir", str(database), "-o", "json"], capture_output=True, check=True
    )
    return taken, str(json.loads(status.stdout)["digest"])


def changed(mirror: Path, place: Path) -> Path:
    """A copy of the mirror in which one record of a small feed says something else."""
    shutil.copytree(mirror, place)
    path = place / _KEV
    catalogue = json.loads(path.read_bytes())
    catalogue["vulnerabilities"][0]["dueDate"] = "2030-01-01"
    path.write_text(json.dumps(catalogue), "utf-8")
    return place


def report(
    feeds: Sequence[Fed], updates: Sequence[tuple[str, Taken, str]], images: Sequence[Matched], size: int
) -> str:
    """The whole document."""
    rows = [
        (name, f"{taken.cpu:.1f}", f"{taken.wall:.1f}", f"{taken.peak:.0f}", digest[7:19])
        for name, taken, digest in updates
    ]
    return "\n".join(
        (
            "# Advisories\n",
            f"Made by `python -m bench.advisories` ({machine()}).\n",
            "## Updating\n",
            f"From a folder that mirrors the upstreams, all feeds. The snapshot is {size / 1e6:.0f} MB.\n",
            table(("update", "CPU s", "wall s", "peak MB", "snapshot"), rows),
            "## What the feeds give\n",
            "PeerComparison what the mirror's manifest counts in the files that each was read from.\n",
            table(("feed", "records", "counted", "why they differ"), map(_fed_row, feeds)),
            "## Matching\n",
            "Milliseconds. `core` is matching alone on an open snapshot (median of 30, garbage collector as Python has it), `first`\n"
            "the first call after opening, `per 500` core scaled to 500 packages, `command` the whole `hullmark vulns -o json` with\n"
            f"known layers (median of {_RUNS}). Bounds: {_MOST_MS:.0f} ms for {_PACKAGES} packages, {_MOST_WALL_MS:.0f} ms\n"
            "for the command.\n",
            table(
                ("image", "packages", "matches", "core", "first", "per 500", "command"),
                (
                    (
                        image.image,
                        image.packages,
                        image.matches,
                        f"{image.core:.1f}",
                        f"{image.first:.1f}",
                        f"{image.core / image.packages * _PACKAGES:.1f}",
                        f"{image.wall:.0f}",
                    )
                    for image in images
                ),
            ),
        )
    )


def _fed_row(each: Fed) -> tuple[object, ...]:
    is_equal = each.records == each.counted
    counted = "not counted by file" if each.counted < 0 else f"{each.counted:,}"
    return each.feed, f"{each.records:,}", counted, "" if is_equal else EXPLAINED.get(each.feed, "")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.advisories", description=__doc__)
    add_corpus(parser, IMAGES)
    parser.add_argument(
        "--mirror", type=Path, metavar="DIR", help="the unpacked mirror (default: unpacked for the run)"
    )
    parser.add_argument("--out", type=Path, default=BENCH / "results-advisories.md", help="where the report goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        mirror = arguments.mirror or _unpacked(place / "advisories")
        database = place / "db"
        updates = [(name, *update(mirror, database, *more)) for name, more in _UPDATES]
        mended = changed(mirror, place / "changed")
        updates.append(("one record of kev", *update(mended, database)))
        (database / "ledger").unlink()
        (database / "recipe").unlink()
        updates.append(("the same, made whole", *update(mended, database)))
        manifest = json.loads((mirror.parent / "MANIFEST.json").read_bytes())["sources"]
        size = max(path.stat().st_size for path in (database / "snapshots").iterdir())
        images = [matched(name, layout, database, place / "cache") for name, layout in image_folders(arguments).items()]
        text = report(fed(database, manifest), updates, images, size)
    print(text)
    arguments.out.write_text(text)


_UPDATES: tuple[tuple[str, tuple[str, ...]], ...] = (("first", ()), ("again", ()), ("everything anew", ("--anew",)))


def _unpacked(place: Path) -> Path:
    shutil.copytree(DATA, place)
    subprocess.run([sys.executable, str(place / "pack.py"), "unpack"], check=True, cwd=place, stdout=subprocess.DEVNULL)
    return place / "www"


if __name__ == "__main__":
    main()
