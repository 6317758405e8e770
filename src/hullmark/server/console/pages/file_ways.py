"""The ways from an image's start to its files, as a graph.

A package is one node, opened by a click into its files, and where these are many into folders, which open in their turn. Files of no
package stand in their folders.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence, Set
from urllib.parse import urlencode

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.reach import PackageReach
from hullmark.model.reached_files import FROM_START, NOT_REACHED
from hullmark.server.console.charts.graph import Graph, Node, fold
from hullmark.server.console.charts.svg import Tone
from hullmark.server.console.files_by_reach import FilesByReach, common_folder

MANY = 40
"""So many files of one package, or of one folder, are shown by themselves; more are shown by folder."""
MOST_OPEN = Limit(50, "nodes of a graph that are open at a time", "shortened")
_DEEPEST = 40


class OpenNode(msgspec.Struct, frozen=True):
    """A node that was opened: what it is called, and the address of the page without it."""

    label: str
    href: str


class _Part(msgspec.Struct):
    """A node that stands for several files: its key in the address, its words, and its files."""

    key: str
    label: str
    places: list[int]


def file_ways(
    files: FilesByReach, packages: Sequence[PackageReach], opened: Set[str], address: str
) -> tuple[Graph, list[OpenNode]]:
    """The graph of at most 400 nodes, the nearest to the start, and what is open in it. `address` is that of the page."""
    names = {package.purl: f"{package.name} {package.version}" for package in packages}
    members: dict[str, list[int]] = {}
    for place, source in enumerate(files.kept.sources):
        if source != NOT_REACHED:
            members.setdefault(files.package(place), []).append(place)
    stands_for: dict[int, str] = {}
    nodes: dict[str, Node] = {}
    opens: list[OpenNode] = []
    for purl, places in sorted(members.items()):
        part = _Part(purl, names.get(purl, purl) if purl else "", places)
        parts = _open_part(files, part, opened, opens, address) if purl in opened or not purl else iter((part,))
        for each in parts:
            name = f"\0{each.key}" if each.label else files.paths[each.places[0]]
            nodes[name] = _node(files, each, name, address, opened)
            stands_for |= dict.fromkeys(each.places, name)
    edges = dict.fromkeys((stands_for[start], stands_for[end]) for start, end in files.edges() if start in stands_for)
    return fold(Graph(tuple(nodes.values()), tuple(edges)), {}), opens


def _open_part(
    files: FilesByReach, part: _Part, opened: Set[str], opens: list[OpenNode], address: str, depth: int = 0
) -> Iterator[_Part]:
    """What a part is made of: its files (parts without a label), or folders of them."""
    if part.label:
        opens.append(OpenNode(part.label, _toggle_address(part.key, opened, address)))
    if len(part.places) <= MANY or depth >= _DEEPEST:
        yield from (_Part(part.key, "", [place]) for place in part.places)
        return
    base = common_folder([files.paths[place] for place in part.places])
    start = len(base) if base.endswith("/") else len(base) + 1
    folders: dict[str, list[int]] = {}
    for place in part.places:
        folder, below, _ = files.paths[place][start:].partition("/")
        folders.setdefault(folder if below else "", []).append(place)
    purl = part.key.partition("\n")[0]
    for folder, places in folders.items():
        path = posixpath.join(base, folder) if folder else posixpath.join(base, "*")
        inner = _Part(f"{purl}\n{path}", path, places)
        if len(places) == 1 or (not folder and inner.key in opened):
            if len(places) > 1:
                opens.append(OpenNode(path, _toggle_address(inner.key, opened, address)))
            yield from (_Part(part.key, "", [place]) for place in places)
        elif inner.key in opened:
            yield from _open_part(files, inner, opened, opens, address, depth + 1)
        elif not folder and len(places) <= MANY:
            yield from (_Part(part.key, "", [place]) for place in places)
        else:
            yield inner


def _node(files: FilesByReach, part: _Part, name: str, address: str, opened: Set[str]) -> Node:
    is_root = any(files.kept.sources[place] == FROM_START for place in part.places)
    tone: Tone = "go" if any(files.reach(place) == "reachable" for place in part.places) else "unknown"
    if part.label:
        return Node(
            name,
            part.label,
            tone,
            href=_toggle_address(part.key, opened, address),
            root=is_root,
            members=len(part.places),
        )
    path, why = files.paths[part.places[0]], files.kept.reasons[files.kept.whys[part.places[0]]]
    href = f"{address}?{urlencode({'tab': 'files', 'file': path})}#files"
    return Node(name, path.rpartition("/")[2] or path, tone, href=href, tip=f"{path}: {why}", root=is_root)


def _toggle_address(key: str, opened: Set[str], address: str) -> str:
    """The address of the page with a node opened, or closed with all that was opened in it."""
    within = f"{key}\n"
    wanted = sorted(
        (each for each in opened if each != key and not each.startswith(within)) if key in opened else {*opened, key}
    )
    return f"{address}?{urlencode([('tab', 'ways'), *(('open', each) for each in wanted)])}#ways"
