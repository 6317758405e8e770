"""What looking for secrets costs beside a scan, in one run: `python -m bench.secrets`, into results.md.

An OCI layout in, JSON out, nothing kept. The two commands take turns, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.markdown import table
from bench.measure import Taken, measure, median
from bench.places import BENCH, HULLMARK, add_corpus, image_folders
from bench.speed import warm_up

RESULTS = BENCH / "results.md"
HEADING = "## Secrets"
IMAGES = ("nginx", "java-app", "node-app", "python-app", "big")
MOST = 1.6
ROUNDS = 3

# One that finds secrets ends with 1.
_RUN = ("sh", "-c", '"$@" || test $? = 1', "sh")
_VERBS = ("scan", "secrets")
_AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Installers compile what they install; to compile it anew in each run would be measured for both verbs."""


def taken(layout: Path, rounds: int) -> dict[str, Taken]:
    """What each of the two verbs takes, the median of some rounds with the page cache warm."""
    warm_up(layout)
    runs: dict[str, list[Taken]] = {verb: [] for verb in _VERBS}
    for _ in range(rounds):
        for verb in _VERBS:
            command = (*_RUN, str(HULLMARK), verb, f"oci-dir:{layout}", "--no-cache", "--jobs", "1", "-o", "json")
            runs[verb].append(measure(command, _AS_INSTALLED))
    return {verb: median(run) for verb, run in runs.items()}


def ratio(each: dict[str, Taken]) -> float:
    """CPU seconds with secrets over those without."""
    return each["secrets"].cpu / each["scan"].cpu


def section(measured: dict[str, dict[str, Taken]], rounds: int) -> str:
    """The part of the results about secrets."""
    rows = [
        (
            image,
            *(f"{each[verb].cpu:.2f}" for verb in _VERBS),
            f"{ratio(each):.2f}",
            *(f"{each[verb].peak:.0f}" for verb in _VERBS),
            "yes" if ratio(each) <= MOST else "**no**",
        )
        for image, each in measured.items()
    ]
    mean = statistics.geometric_mean(ratio(each) for each in measured.values())
    return "\n".join(
        (
            f"{HEADING}\n",
            "CPU seconds of `hullmark scan` and of `hullmark secrets`, which reads the same and looks into every file of every layer\n"
            f"besides; nothing is kept, the page cache is warm, medians of {rounds} rounds in which the two take turns; peak is resident\n"
            f"memory in MB. With hyperscan installed. Bound: {MOST} times the scan's CPU; geometric mean here: {mean:.2f}.\n",
            table(("image", "scan CPU s", "secrets CPU s", "ratio", "scan MB", "secrets MB", "holds"), rows),
            "`python -m bench.secrets` makes this part anew.\n",
        )
    )


def placed(known: str, part: str) -> str:
    """The results with this part in the place of the one of its heading, else before the last one."""
    parts = list(_parts(known))
    at = next((i for i, part in enumerate(parts) if part.startswith(HEADING)), None)
    if at is None:
        at = len(parts) - 1 if len(parts) > 1 else len(parts)
        parts.insert(at, "")
    parts[at] = part
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _parts(text: str) -> Iterator[str]:
    head, *rest = text.split("\n## ")
    yield head
    yield from (f"## {each}" for each in rest)


def main() -> int:
    """Measure, and put the part into the results; 1 if the bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_corpus(parser, IMAGES)
    parser.add_argument("--runs", type=int, default=ROUNDS, help=f"rounds for each image (default: {ROUNDS})")
    arguments = parser.parse_args()
    measured = {image: taken(layout, arguments.runs) for image, layout in image_folders(arguments).items()}
    part = section(measured, arguments.runs)
    RESULTS.write_text(placed(RESULTS.read_text("utf-8"), part), "utf-8")
    print(part)
    return 0 if all(ratio(each) <= MOST for each in measured.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
