"""Hard links of one layer → the files that they name: each is resolved when it is read, as link(2) does it when a layer is unpacked.

So a link names what stood under its target's name until then (a later entry of that name is another file), a link to a link names the same
file, however many there are, and links in a circle name nothing of their layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hullmark.rootfs.entry import Entry

File = int | bytes
"""An entry's position in its layer, or the path of a file that lies in a layer below."""


def resolve_hard_links(entries: Sequence[Entry]) -> dict[int, File]:
    """What each hard link of a layer names, by its position."""
    # Few files are linked to, and only their names are kept: a name for each of 100,000 files costs more than to look for them.
    targets = {entry.link for entry in entries if entry.kind == "h"}
    links: dict[int, File] = {}
    names: dict[bytes, File] = {}
    for position, entry in enumerate(entries) if targets else ():
        kind, path = entry.kind, entry.path
        if kind == "h":
            names[path] = links[position] = names.get(entry.link, entry.link)
        elif path in targets and kind not in "wo":
            names[path] = position
    return links


def find_last_files(entries: Sequence[Entry], links: Mapping[int, File]) -> dict[bytes, File]:
    """What each path of a layer names in the end; `links` are its hard links, resolved."""
    return {
        entry.path: links.get(position, position) for position, entry in enumerate(entries) if entry.kind not in "wo"
    }
