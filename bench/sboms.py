"""Bills of materials of every image of the corpus, by what others have to say of them: `python -m bench.sboms`, into sboms.md.

Each image is written in every format and version as a user would. The libraries of the formats' makers validate each document
(cyclonedx-python-lib, strictly; spdx-tools; spdx-python-model, which is made of SPDX 3's model), license-expression reads each licence
expression in it, and Hullmark reads it back: packages and relations are to be those of the image.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bills import VALIDATORS, unread_expressions
from bench.markdown import table
from bench.places import BENCH, HULLMARK, add_corpus, image_folders
from bench.truth import IMAGES

_VERSIONS = ("1.4", "1.5", "1.6", "1.7")
_OF_EACH_VERSION = ("cyclonedx-json", "cyclonedx-xml")
_ONCE = ("spdx-json", "spdx-tag-value", "spdx3-json")
_SHOWN = 20
"""Complaints of one document that the page names."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One document, and what is wrong with it: what the validator says, expressions that cannot be read, what does not read back."""

    image: str
    format: str
    version: str
    invalid: tuple[str, ...]
    unread: tuple[str, ...]
    different: tuple[str, ...]

    @property
    def complaints(self) -> tuple[str, ...]:
        """All that is wrong."""
        return (*self.invalid, *self.unread, *self.different)


@dataclass(frozen=True, slots=True)
class Image:
    """One image: how much there is to read back, its different licence expressions, and its documents. `unread`: those expressions of
    our JSON that cannot be read."""

    name: str
    packages: int
    relations: int
    expressions: int
    unread: tuple[str, ...]
    bills: tuple[Bill, ...]


def examine(name: str, layout: Path, jobs: int = 1) -> Image:
    """Write, validate and read back every document of an image; `jobs` documents beside each other."""
    with tempfile.TemporaryDirectory(prefix="hullmark-sboms-") as folder:
        place = Path(folder)
        files = _written(layout, place)
        scanned = json.loads((place / "json").read_bytes())
        with ProcessPoolExecutor(jobs) as pool:
            waiting = [pool.submit(_bill, name, *of, file, scanned, place) for of, file in files.items()]
            bills = tuple(each.result() for each in waiting)
    told = {
        package[field] for package in scanned["packages"] for field in ("license_expression", "license_concluded")
    } - {""}
    sizes = (len(scanned["packages"]), len(scanned["relationships"]), len(told))
    return Image(name, *sizes, tuple(unread_expressions(told)), bills)


def _written(layout: Path, place: Path) -> dict[tuple[str, str], Path]:
    """The documents by format and version, and beside them `json`. Layers are read once; the rest is done anew for each version."""
    files = {(format, version): place / f"{format}-{version}" for version in _VERSIONS for format in _OF_EACH_VERSION}
    files |= {(format, ""): place / format for format in _ONCE}
    for version in _VERSIONS:
        outputs = {format: file for (format, of), file in files.items() if of == version}
        _hullmark("scan", f"oci-dir:{layout}", place, outputs, "--spec-version", version)
    outputs = {format: file for (format, of), file in files.items() if not of} | {"json": place / "json"}
    _hullmark("scan", f"oci-dir:{layout}", place, outputs)
    return files


def _hullmark(verb: str, source: str, place: Path, outputs: Mapping[str, Path], *options: str) -> None:
    written = [f"-o{format}={file}" for format, file in outputs.items()]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [str(HULLMARK), verb, source, *written, "--cache-dir", str(place / "cache"), "-q", *options]
    subprocess.run(command, check=True, env=environment)


def _bill(image: str, format: str, version: str, file: Path, scanned: dict[str, Any], place: Path) -> Bill:
    invalid, expressions = VALIDATORS[format](file, version)
    again = place / f"{file.name}-again"
    _hullmark("scan", f"sbom:{file}", place, {"json": again})
    read = json.loads(again.read_bytes())
    return Bill(
        image,
        format,
        version,
        tuple(invalid),
        tuple(unread_expressions(expressions)),
        tuple(_differences(scanned, read)),
    )


def _differences(scanned: dict[str, Any], read: dict[str, Any]) -> Iterable[str]:
    """What a document says otherwise than the image: packages and relations, each with what it is."""
    for what, facts in (("package", _packages), ("relation", _relations)):
        before, after = facts(scanned), facts(read)
        yield from (f"{what} is lost: {each}" for each in sorted(before - after))
        yield from (f"{what} is new: {each}" for each in sorted(after - before))
    if len(scanned["packages"]) != len(read["packages"]):
        yield f"{len(read['packages'])} packages are read of {len(scanned['packages'])}"


def _packages(inventory: dict[str, Any]) -> set[str]:
    """What every format carries of a package."""
    return {
        json.dumps(
            [package["type"], package["name"], package["version"], package["purl"], package["arch"], package["source"], package["owned_by"],
             sorted(location["path"] for location in package["locations"])]
        )
        for package in inventory["packages"]
    }  # fmt: skip


def _relations(inventory: dict[str, Any]) -> set[str]:
    return {
        json.dumps([relationship["from"], relationship["kind"], relationship["to"]])
        for relationship in inventory["relationships"]
    }


_HEAD = (
    "image", "packages", "relations", "licence expressions", "documents", "valid", "all expressions read", "read back as it was",
)  # fmt: skip


def _row(image: Image) -> tuple[object, ...]:
    return (
        image.name,
        image.packages,
        image.relations,
        image.expressions,
        len(image.bills),
        sum(not bill.invalid for bill in image.bills),
        sum(not bill.unread for bill in image.bills),
        sum(not bill.different for bill in image.bills),
    )


def report(images: list[Image]) -> str:
    """The page."""
    bills = [bill for image in images for bill in image.bills]
    wrong = [bill for bill in bills if bill.complaints]
    unread = [(image.name, each) for image in images for each in image.unread]
    parts = [
        "# Bills of materials\n",
        "Made by `make prove-sboms`. Each image of the corpus is written as CycloneDX 1.4 to 1.7, JSON and XML, as SPDX 2.3, JSON\n"
        "and tags and values, and as SPDX 3: eleven documents. CycloneDX is validated by cyclonedx-python-lib, strictly (and each\n"
        "`bom-ref` is looked for); SPDX 2.3 by spdx-tools; SPDX 3 by spdx-python-model, which is made of SPDX's own model (nothing\n"
        "that it does not know, nothing without what it must have, nothing named that is not there). license-expression reads every\n"
        "licence expression: names are on SPDX's list, or `LicenseRef-`s. Hullmark reads each document back: type, name, version,\n"
        "package URL, architecture, source, owner and places of each package, and each relation, are to be those of the image.\n",
        f"Documents: **{len(bills)}**. With a complaint: **{len(wrong)}**. Licence expressions in our JSON that cannot be read:\n"
        f"**{len(unread)}**.\n",
        table(_HEAD, map(_row, images)),
    ]
    for each in wrong:
        more = len(each.complaints) - _SHOWN
        lines = [*each.complaints[:_SHOWN], *([f"and {more} more"] if more > 0 else ())]
        parts.append(
            f"## {each.image}, {each.format} {each.version}\n\n"
            + "".join(f"- {' '.join(line.split())[:500]}\n" for line in lines)
        )
    parts.extend(f"- {name}, json: {expression}\n" for name, expression in unread)
    return "\n".join(parts)


def main() -> None:
    """The command line: exit status 1 if anything is wrong with any document."""
    parser = argparse.ArgumentParser(prog="python -m bench.sboms", description=__doc__.partition("\n")[0])
    add_corpus(parser, IMAGES)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="documents beside each other (default: 2)")
    parser.add_argument("--out", type=Path, default=BENCH / "sboms.md", help="where the report goes")
    arguments = parser.parse_args()
    images = []
    for name, layout in image_folders(arguments).items():
        images.append(examine(name, layout, arguments.jobs))
        print(table(_HEAD, [_row(images[-1])]), flush=True)
    arguments.out.write_text(report(images))
    is_right = not any(bill.complaints for image in images for bill in image.bills) and not any(
        image.unread for image in images
    )
    raise SystemExit(0 if is_right else 1)


if __name__ == "__main__":
    main()
