"""How many packages have no relation at all, by ecosystem: orphans, which no chain explains, into bench/relations.md.

python -m bench.relations
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from bench.markdown import table
from bench.places import BENCH, HULLMARK, add_corpus, image_folders
from bench.truth import IMAGES

_HEAD = ("image", "type", "packages", "relations", "nobody needs", "orphans", "share")
_SYFT = {"gem": "100 %", "maven": "31 %", "npm": "18 %", "deb": "0.8 %"}
"""What is stated in public of syft's graph, on images of its users."""


class Counted(NamedTuple):
    """One type in one image: packages, relations to them, packages that none needs, packages that need none either."""

    image: str
    type: str
    packages: int
    relations: int
    unneeded: int
    orphans: int

    @property
    def share(self) -> str:
        """Orphans among the packages."""
        return f"{100 * self.orphans / self.packages:.1f} %"


def count(image: str, document: dict[str, Any]) -> list[Counted]:
    """The counts of one inventory, by type."""
    relations = document["relationships"] or ()
    needed = Counter(each["to"] for each in relations)
    needing = {each["from"] for each in relations}
    found = []
    for type in sorted({package["type"] for package in document["packages"]}):
        purls = [package["purl"] for package in document["packages"] if package["type"] == type]
        unneeded = [purl for purl in purls if purl not in needed]
        orphans = [purl for purl in unneeded if purl not in needing]
        edges = sum(needed[purl] for purl in set(purls))
        found.append(Counted(image, type, len(purls), edges, len(unneeded), len(orphans)))
    return found


def report(rows: list[Counted]) -> str:
    """The page."""
    sums = []
    for type in sorted({row.type for row in rows}):
        of = [row for row in rows if row.type == type]
        packages, orphans = sum(row.packages for row in of), sum(row.orphans for row in of)
        sums.append((type, packages, orphans, f"{100 * orphans / packages:.1f} %", _SYFT.get(type, "not stated")))
    return (
        "# Relations\n\nMade by `make relations`. An orphan is a package without any relation: none needs it, and it needs none. What is\n"
        "there for itself (a program, a default gem of Ruby, a font) is one too, so no ecosystem comes to 0 everywhere.\n"
        "The rpm images of the corpus record no requirements.\n\n"
        "## By ecosystem\n\n"
        "The last column is what is stated in public of syft's graph, on other images.\n\n"
        + table(("type", "packages", "orphans", "share", "syft"), sums)
        + "\n## By image\n\n"
        + table(_HEAD, ((*row, row.share) for row in rows))
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.relations", description=__doc__.partition("\n")[0])
    add_corpus(parser, IMAGES)
    parser.add_argument("--out", type=Path, default=BENCH / "relations.md", help="where the report goes")
    arguments = parser.parse_args()
    rows: list[Counted] = []
    for name, layout in image_folders(arguments).items():
        command = [str(HULLMARK), "scan", "--no-cache", "-o", "json", f"oci-dir:{layout}"]
        rows += count(name, json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
    arguments.out.write_text(report(rows))


if __name__ == "__main__":
    main()
