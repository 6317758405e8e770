"""What a scan costs beside an earlier commit, on one thread and on two, and beside others: `python -m bench.threads --before DIR`.

DIR is a checkout of the earlier commit with an environment of its own (`.venv`). All read the same OCI layout from disk and list its
packages, as a table; then, on one thread, as JSON, for which we alone look for licences in texts and for what needs what. Nothing is kept,
the page cache is warm, and the commands take turns. The part goes into results.md.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.markdown import table
from bench.measure import Taken, measure, median
from bench.peers import LIST_WITH_OSV, pushed
from bench.places import BENCH, HULLMARK, add_corpus, image_folders
from bench.sections import replace_section
from bench.speed import machine, warm_up

RESULTS = BENCH / "results.md"
TITLE = "Threads"
IMAGES = ("debian-slim", "nginx", "python-app", "node-app", "java-app", "big")
ROUNDS = 11
"""One round is worth a twentieth on a machine that others share, and the bounds are as narrow."""

_MOST_ROUNDS = {"JSON before": 5, "JSON": 5, "trivy": 2, "osv": 2}
"""Of what has no bound to keep; other scanners take longest."""

# The bounds.
_OF_BEFORE = 1.05
_OF_ONE_THREAD = 1.12
_WALL_OF_CPU = 0.65
_BY_THE_CLOCK = ("python-app", "big")

_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "", "HTTPS_PROXY": "http://127.0.0.1:9"}
"""As installed, and nothing outside this machine answers."""

_MAY_FAIL = "trivy"
"""It gives up an image with a Java archive where it has no database of them."""

Runs = Mapping[str, Sequence[Taken]]


@dataclass(frozen=True, slots=True)
class Others:
    """Other scanners: the program of trivy, and an interpreter that has osvpy, which reads images from a registry on this machine."""

    trivy: Path | None = None
    osv: Path | None = None
    registry: str = ""


def commands(layout: Path, out: Path, before: Path, others: Others) -> dict[str, list[str]]:
    """Every contender's command for one image."""
    earlier = before / ".venv" / "bin" / "hullmark"
    found = {"before": _scan(earlier, layout, out, 1)}
    found |= {str(threads): _scan(HULLMARK, layout, out, threads) for threads in (1, 2)}
    found |= {"JSON before": _scan(earlier, layout, out, 1, "json"), "JSON": _scan(HULLMARK, layout, out, 1, "json")}
    if others.trivy is not None:
        quietly = ["--offline-scan", "--skip-java-db-update", "--cache-backend", "memory", "--quiet"]
        places = ["--cache-dir", str(out / "trivy"), "--input", str(layout), "--output", str(out / "trivy.json")]
        found["trivy"] = [str(others.trivy), "image", *quietly, "--format", "cyclonedx", *places]
    if others.osv is not None:
        found["osv"] = [str(others.osv), "-c", LIST_WITH_OSV, pushed(layout, others.registry, layout.name)]
    return found


def _scan(program: Path, layout: Path, out: Path, threads: int, form: str = "table") -> list[str]:
    output = f"{form}={out / 'hullmark'}.{form}"
    return [str(program), "scan", f"oci-dir:{layout}", "-o", output, "--no-cache", "--jobs", str(threads)]


def taken(layout: Path, before: Path, others: Others, rounds: int) -> dict[str, list[Taken]]:
    """What each run of each contender took. Every other round goes backwards, so that nobody always follows the same one."""
    warm_up(layout)
    with tempfile.TemporaryDirectory() as folder:
        contenders = commands(layout, Path(folder), before, others)
        for name, command in list(contenders.items()):
            try:
                measure(command, _ENVIRONMENT)
            except SystemExit:
                if name != _MAY_FAIL:
                    raise
                del contenders[name]
        runs: dict[str, list[Taken]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, command in list(contenders.items())[:: -1 if number % 2 else 1]:
                if number < _MOST_ROUNDS.get(name, rounds):
                    runs[name].append(measure(command, _ENVIRONMENT))
    return runs


def ratio(runs: Runs, one: str, other: str) -> float:
    """CPU seconds of one over another's: the median of the rounds, in which both had the same machine."""
    return statistics.median(a.cpu / b.cpu for a, b in zip(runs[one], runs[other], strict=True))


def wall_of_cpu(runs: Runs) -> float:
    """By the clock over CPU seconds, on two threads: the median of the rounds."""
    return statistics.median(each.wall / each.cpu for each in runs["2"])


_HEAD = (
    "image", "rounds", "before: CPU s", "1 thread", "of before", "2 threads", "of 1 thread", "wall s, 1", "wall s, 2", "wall of CPU, 2",
    "MB, before", "MB, 1", "MB, 2", "JSON: CPU s", "of before", "trivy: CPU s", "wall s", "MB", "osv-scanner: CPU s", "MB",
)  # fmt: skip


def row(image: str, runs: Runs) -> tuple[object, ...]:
    """An image's line."""
    each = {name: median(found) for name, found in runs.items()}
    trivy, osv = each.get("trivy"), each.get("osv")
    return (
        image,
        len(runs["1"]),
        f"{each['before'].cpu:.2f}",
        f"{each['1'].cpu:.2f}",
        f"{ratio(runs, '1', 'before'):.2f}",
        f"{each['2'].cpu:.2f}",
        f"{ratio(runs, '2', '1'):.2f}",
        f"{each['1'].wall:.2f}",
        f"{each['2'].wall:.2f}",
        f"{wall_of_cpu(runs):.2f}",
        *(f"{each[name].peak:.0f}" for name in ("before", "1", "2")),
        f"{each['JSON'].cpu:.2f}",
        f"{ratio(runs, 'JSON', 'JSON before'):.2f}",
        *((f"{trivy.cpu:.2f}", f"{trivy.wall:.2f}", f"{trivy.peak:.0f}") if trivy is not None else ("-",) * 3),
        *((f"{osv.cpu:.2f}", f"{osv.peak:.0f}") if osv is not None else ("-",) * 2),
    )


def bounds(measured: Mapping[str, Runs]) -> list[tuple[str, str, str, str]]:
    """Rows (what, bound, measured, whether it holds)."""
    rows = [
        (f"{image}: {what}", most, found)
        for image, runs in measured.items()
        for what, most, found in (
            ("CPU on 1 thread, of the commit before", _OF_BEFORE, ratio(runs, "1", "before")),
            ("CPU on 2 threads, of 1 thread", _OF_ONE_THREAD, ratio(runs, "2", "1")),
        )
    ]
    rows += [
        (f"{image}: wall of CPU, 2 threads", _WALL_OF_CPU, wall_of_cpu(measured[image]))
        for image in _BY_THE_CLOCK
        if image in measured
    ]
    return [(what, f"{most}", f"{found:.2f}", "yes" if found <= most else "**no**") for what, most, found in rows]


def section(measured: Mapping[str, Runs], before: Path) -> str:
    """The part of the results."""
    commit = subprocess.run(
        ["git", "-C", str(before), "log", "-1", "--format=%h, %s"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return "\n".join(
        (
            f"{machine()}. Medians; ratios are medians of the rounds' own. `before` is\n"
            f"{commit}: a dozen catalogers where there are some forty now; it looks for no program without a package,\n"
            "and counts none that nothing explains; its JSON has no relations, and no licences from texts. Both hash each layer as\n"
            "it is stored and as it is inflated. Trivy 0.59.1 writes what it finds as CycloneDX, offline, without a database (-:\n"
            "without one it gives up an image with Java archives); it hashes no file. osv-scanner 2.7.0 (the library of PyPI's\n"
            "osvpy 0.3.0; its program, which reads archives, is not to be had there) takes the image from a registry on this\n"
            "machine, whose time does not count, and lists packages; it hashes no file either. It asks a service about them, which\n"
            "does not answer: some 20 s of waiting, so that its time by the clock says nothing. Both\n"
            f"took at most {_MOST_ROUNDS['osv']} rounds, JSON {_MOST_ROUNDS['JSON']}.\n",
            table(_HEAD, (row(image, runs) for image, runs in measured.items())),
            table(("what", "at most", "measured", "holds"), bounds(measured)),
            "`python -m bench.threads --before DIR --trivy PROGRAM --osv PYTHON --registry ADDRESS` makes this part anew.\n",
        )
    )


def main() -> int:
    """Measure, and put the part into the results; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_corpus(parser, IMAGES)
    parser.add_argument(
        "--before", type=Path, required=True, metavar="DIR", help="a checkout of the earlier commit, with its .venv"
    )
    parser.add_argument("--trivy", type=Path, metavar="PROGRAM", help="trivy 0.59.1")
    parser.add_argument("--osv", type=Path, metavar="PYTHON", help="an interpreter with PyPI's osvpy 0.3.0")
    parser.add_argument(
        "--registry", default="127.0.0.1:5000", help="a registry on this machine without TLS, for osv-scanner"
    )
    parser.add_argument("--runs", type=int, default=ROUNDS, help=f"rounds for each image (default: {ROUNDS})")
    parser.add_argument("--dry", action="store_true", help="print it only")
    arguments = parser.parse_args()
    others = Others(arguments.trivy, arguments.osv, arguments.registry)
    measured: dict[str, Runs] = {}
    for image, layout in image_folders(arguments).items():
        measured[image] = taken(layout, arguments.before, others, arguments.runs)
        print(table(_HEAD, [row(image, measured[image])]), flush=True)
    part = section(measured, arguments.before)
    if not arguments.dry:
        replace_section(RESULTS, TITLE, part)
    print(part)
    return 0 if all(held == "yes" for *_, held in bounds(measured)) else 1


if __name__ == "__main__":
    sys.exit(main())
