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


class Orphan(NamedTuple):
    """A package without any relation, and what kind of one it is."""

    type: str
    kind: str
    name: str


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
    needed = Counter(relation["to"] for relation in relations)
    needing = {relation["from"] for relation in relations}
    found = []
    for type in sorted({package["type"] for package in document["packages"]}):
        purls = [package["purl"] for package in document["packages"] if package["type"] == type]
        unneeded = [purl for purl in purls if purl not in needed]
        orphans = [purl for purl in unneeded if purl not in needing]
        edges = sum(needed[purl] for purl in set(purls))
        found.append(Counted(image, type, len(purls), edges, len(unneeded), len(orphans)))
    return found


_KINDS = (
    ("part of Ruby", ("/specifications/default/", "/lib/ruby/gems/3.3.0/specifications/")),
    (
        "packed into another package",
        ("/_vendor/", "/vendor/", "/tests/", "/node_modules/npm/node_modules/", "/web_backend/"),
    ),
    ("jar of a translation", ("-i18n-",)),
)
"""Kinds that paths tell."""


def orphans_of(document: dict[str, Any]) -> list[Orphan]:
    """The orphans of one inventory, by kind."""
    relations = document["relationships"] or ()
    ends = {relation[end] for relation in relations for end in ("from", "to")}
    serving = {(package["type"], package["name"]) for package in document["packages"] if package["purl"] in ends}
    found = []
    for package in document["packages"]:
        if package["purl"] not in ends:
            paths = [location["path"] for location in package["locations"]]
            kind = next(
                (kind for kind, marks in _KINDS if any(mark in path for mark in marks for path in paths)), "by itself"
            )
            if (package["type"], package["name"]) in serving:
                kind = "another version of it serves those that need it"
            found.append(Orphan(package["type"], kind, package["name"]))
    return found


_EXPLAINED = """
Each was looked up in the metadata of all packages of its image: none names it for a use that is met here by this copy, and what it names
itself is not there, or is for tests, extras or development alone. So there is nothing to relate:

- deb: `netbase`, `ncurses-base` and `init-system-helpers` depend on nothing, and what relies on them need not say so (Debian Policy 3.5,
  essential packages) or only recommends them; those of distroless are half of what that image has; the two Java libraries came by
  themselves.
- gem: Ruby comes with some ninety gems. Those that need no other one are there for programs, which do not say what they use; where Debian
  has a newer version of one, that is the one which others are given.
- npm: tools and what Debian has for programs (`yarn`, `binary-search`), and packages that an older npm left in its folder, which no
  package.json there names.
- maven: archives without a pom, of which no pom in the image says that it needs them, and whose own poms name only JUnit and the like.
- pypi: what was installed for itself; of the two packed in, one is an example, one is for tests. generic: JDKs, and programs for Windows
  and macOS that npm packages carry along: their records name nothing that they need.
- rpm: the two databases were made without requirements. apk: one small database, of which five entries neither need nor provide anything
  that others ask for.
"""


_OF_LOCKS = """
Lock files (and manifests that pin) in the same images, read as in folders, each image's by themselves. requirements.txt and Pipfile.lock
name no relations at all, and go.mod only what the module itself needs. What is alone in the others was looked up, too: its file says
that nothing needs it but the project itself, and that it needs nothing which is there. Some of these files were written by hand.
"""


class Locked(NamedTuple):
    """What files of one name in one image list: packages, and the names of orphans."""

    image: str
    file: str
    packages: int
    orphans: tuple[str, ...]


def locked_in(image: str, document: dict[str, Any]) -> list[Locked]:
    """The counts of an inventory of lock files, by their name."""
    ends = {each[end] for each in document["relationships"] or () for end in ("from", "to")}
    listed: dict[str, list[tuple[str, bool]]] = {}
    for package in document["packages"]:
        for file in {location["path"].rpartition("/")[2] for location in package["locations"]}:
            listed.setdefault(file, []).append((package["name"], package["purl"] in ends))
    return [
        Locked(image, file, len(found), tuple(sorted(name for name, is_related in found if not is_related)))
        for file, found in sorted(listed.items())
    ]


_WITHOUT_RELATIONS = ("requirements", "Pipfile.lock", "go.mod")
"""How files begin that do not say what needs what."""


def _locked_row(row: Locked) -> tuple[object, ...]:
    names = "(it names no relations)" if row.file.startswith(_WITHOUT_RELATIONS) else ", ".join(row.orphans)
    return (
        row.image,
        row.file,
        row.packages,
        len(row.orphans),
        f"{100 * len(row.orphans) / row.packages:.1f} %",
        names,
    )


def report(rows: list[Counted], orphans: list[Orphan], locked: list[Locked]) -> str:
    """The page."""
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for orphan in orphans:
        kinds.setdefault((orphan.type, orphan.kind), Counter())[orphan.name] += 1
    by_kind = [(type, kind, names.total(), ", ".join(sorted(names))) for (type, kind), names in sorted(kinds.items())]
    sums = []
    for type in sorted({row.type for row in rows}):
        of = [row for row in rows if row.type == type]
        packages, alone = sum(row.packages for row in of), sum(row.orphans for row in of)
        sums.append((type, packages, alone, f"{100 * alone / packages:.1f} %", _SYFT.get(type, "not stated")))
    return (
        "# Relations\n\nMade by `make relations`. An orphan is a package without any relation: none needs it, and it needs none. What is\n"
        "there for itself (a program, a default gem of Ruby, a font) is one too, so no ecosystem comes to 0 everywhere.\n"
        "The rpm images of the corpus record no requirements.\n\n"
        "## By ecosystem\n\n"
        "The last column is what is stated in public of syft's graph, on other images.\n\n"
        + table(("type", "packages", "orphans", "share", "syft"), sums)
        + "\n## What the orphans are\n"
        + _EXPLAINED
        + "\n"
        + table(("type", "kind", "orphans", "names"), (row for row in by_kind if row[0] != "rpm"))
        + "\n## By image\n\n"
        + table(_HEAD, ((*row, row.share) for row in rows))
        + "\n## Of lock files\n"
        + _OF_LOCKS
        + "\n"
        + table(("image", "file", "packages", "orphans", "share", "names"), map(_locked_row, locked))
    )


def scan(layout: Path, catalogers: str = "") -> dict[str, Any]:
    """The inventory of an image, of some catalogers alone or of all that are for images."""
    command = [str(HULLMARK), "scan", "--no-cache", "-o", "json", f"oci-dir:{layout}"]
    command += ["--catalogers", catalogers] if catalogers else []
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def of_lock_files() -> str:
    """The names of the catalogers that are for folders alone."""
    listed = subprocess.run([str(HULLMARK), "catalogers"], capture_output=True, check=True, text=True).stdout
    return ",".join(line.split()[0] for line in listed.splitlines() if "(directory)" in line)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.relations", description=__doc__.partition("\n")[0])
    add_corpus(parser, IMAGES)
    parser.add_argument("--out", type=Path, default=BENCH / "relations.md", help="where the report goes")
    arguments = parser.parse_args()
    rows: list[Counted] = []
    orphans: list[Orphan] = []
    locked: list[Locked] = []
    locks = of_lock_files()
    for name, layout in image_folders(arguments).items():
        document = scan(layout)
        rows += count(name, document)
        orphans += orphans_of(document)
        locked += locked_in(name, scan(layout, locks))
    arguments.out.write_text(report(rows, orphans, locked))


if __name__ == "__main__":
    main()
