"""What twelve services open while they work, beside what `hullmark minimize` says that they reach: `python -m bench.services.main`.

Each image is made here of Debian's packages, walked, run under podman with a scripted workload, and so is what is left of it. As root. The
page is minimize.md.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from bench.needed import demand
from bench.places import BENCH, CORPUS, HULLMARK, REPOSITORY
from bench.services.history import history
from bench.services.images import ImageStore, checked
from bench.services.page import Measured, page
from bench.services.runs import SERVICES, Run, run
from bench.unpack import unpacked

RESULTS = BENCH / "minimize.md"
_OF_ROOT = re.compile(r"^/(?:s?bin|lib(?:64|32)?)/")
MATERIAL = REPOSITORY.parent / "shared" / "advisories"


def measured(name: str, store: ImageStore, arguments: argparse.Namespace) -> Measured:
    """Make, walk and run one service, and what is left of it."""
    layout = store.layout(SERVICES[name])
    with tempfile.TemporaryDirectory(prefix="hullmark-services-") as folder, unpacked(layout) as root:
        work = Path(folder)
        residue, document = work / "residue", work / "minimality.json"
        command = [
            str(HULLMARK),
            "minimize",
            f"oci-dir:{layout}",
            "--emit",
            str(residue),
            "-o",
            f"json={document}",
            "-q",
        ]
        profile = work / "seccomp.json"
        command += ["--seccomp", str(profile)]
        load, began = os.getloadavg()[0], time.monotonic()
        checked((*command, "-o", "table", "--no-cache"))
        seconds = time.monotonic() - began
        told = msgspec.json.decode(document.read_bytes()) | _matched(layout, arguments.advisories, work)
        before = run(layout, name, root, work / "before")
        opened = _opened(before, root)
        kept = {line[1:] for line in (residue / "files.txt").read_text("utf-8").splitlines()}
        try:
            answers = run(residue, name, root, work / "after").answers
        except SystemExit as error:
            answers = [f"it does not run: {error}"]
        try:
            confined = run(layout, name, root, work / "confined", str(profile)).answers
        except SystemExit as error:
            confined = [f"it does not run: {error}"]
        return Measured(
            name=name,
            document=told,
            seconds=seconds,
            load=load,
            opened=len(opened),
            opened_bytes=sum(opened.values()),
            opened_packages=sorted({name for path, name in owners(root) if path in opened}),
            missed=sorted(opened.keys() - kept),
            asked=len(before.answers),
            differing=_differing(before.answers, answers),
            confined=_differing(before.answers, confined),
            peer=_peer(arguments.startup_sbom, layout, work) if arguments.startup_sbom is not None else None,
        )


def _matched(layout: Path, advisories: Path | None, work: Path) -> dict[str, Any]:
    """What the document says of advisories, asked for apart: what it takes is no part of the measured time."""
    if advisories is None:
        return {}
    document = work / "matched.json"
    words = ("--advisories", str(advisories), "-o", f"json={document}", "-q", "--no-cache")
    checked((str(HULLMARK), "minimize", f"oci-dir:{layout}", *words))
    told = msgspec.json.decode(document.read_bytes())
    return {"matches": told["matches"], "vanish": told["vanish"]}


def _differing(answers: list[str], others: list[str]) -> list[str]:
    """The answers that are others, each beside what it became."""
    pairs = zip_longest(answers, others, fillvalue="nothing")
    return [f"{answer} <> {other}" for answer, other in pairs if answer != other]


def _peer(program: Path, layout: Path, work: Path) -> int:
    """How many packages startup-sbom calls needed by what the container starts."""
    options = ("--offline", "--sources", "none", "--no-epss", "--no-kev", "--no-eol", "--format", "json")
    checked((str(program), "scan", f"oci-dir:{layout}", *options, "--output", str(work / "peer")))
    report = msgspec.json.decode((work / "peer" / "report.json").read_bytes())
    return int(report["summary"]["boot_packages"])


def _opened(found: Run, root: Path) -> dict[str, int]:
    """The files of the image that were opened, with their sizes."""
    files: dict[str, int] = {}
    for path in found.opened:
        real = _real(root, root / path.lstrip("/"))
        if real is not None and real.is_file():
            files["/" + str(real.relative_to(root))] = real.stat().st_size
    return files


def owners(root: Path) -> Iterator[tuple[str, str]]:
    """Files and the Debian package of each, by dpkg's lists; these may still name folders that are links since /usr was merged."""
    for listed in sorted((root / "var/lib/dpkg/info").glob("*.list")):
        name = listed.stem.partition(":")[0]
        for path in listed.read_text("utf-8", "replace").splitlines():
            yield _OF_ROOT.sub(r"/usr\g<0>", path), name


def _real(root: Path, place: Path) -> Path | None:
    """The file that a path in the image means, by the image's own links."""
    done = subprocess.run(
        ["chroot", str(root), "realpath", "-e", "/" + str(place.relative_to(root))],
        capture_output=True,
        text=True,
        check=False,
    )
    return root / done.stdout.strip().lstrip("/") if done.returncode == 0 else None


def main() -> None:
    """Measure the named services, and write the page with these and with what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m bench.services.main", description=__doc__)
    parser.add_argument("--services", nargs="+", default=list(SERVICES), choices=list(SERVICES), metavar="NAME")
    parser.add_argument("--images", type=Path, default=REPOSITORY / "var" / "services", metavar="DIR")
    parser.add_argument("--base", type=Path, default=CORPUS / "oci" / "debian-slim", metavar="DIR")
    parser.add_argument(
        "--advisories",
        type=Path,
        metavar="DIR",
        help="advisories, a folder of OSV JSON (default: what changelogs name)",
    )
    parser.add_argument(
        "--startup-sbom", type=Path, metavar="PROGRAM", help="the peer to put beside, if it is installed"
    )
    arguments = parser.parse_args()
    built = {command[0] for name in arguments.services for command in SERVICES[name].programs.values()}
    demand("buildah", "podman", "strace", "unshare", "umoci", *sorted(built))
    arguments.images.mkdir(parents=True, exist_ok=True)
    if arguments.advisories is None and MATERIAL.exists():
        arguments.advisories = history(MATERIAL, arguments.images / ".work")
    store = ImageStore(arguments.images, arguments.base)
    for name in arguments.services:
        try:
            one = measured(name, store, arguments)
        except SystemExit as error:
            print(f"{name}: {error}", flush=True)
            continue
        (arguments.images / f"{name}.json").write_bytes(msgspec.json.encode(one))
        print(
            f"{name}: opened {one.opened}, missed {len(one.missed)}, asked {one.asked}, differing {len(one.differing)}, "
            f"under its profile {len(one.confined)}",
            flush=True,
        )
    kept = [arguments.images / f"{name}.json" for name in SERVICES]
    found = [msgspec.json.decode(file.read_bytes(), type=Measured) for file in kept if file.exists()]
    RESULTS.write_text(page(found), "utf-8")


if __name__ == "__main__":
    main()
