"""Hard links of one layer → the files that they name: each is resolved when it is read, as link(2) does it when a layer is unpacked.

So a link names what stood under its target's name until then (a later entry of that name is another file), a link to a link names the same
file, however many there are, and links in a circle name nothing of their layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.rootfs.entry import Entry

File = int | bytes
"""An entry's position in its layer, or the path of a file that lies in a layer below."""


def resolve_hard_links(entries: Sequence[Entry]) -> tuple[dict[int, File], dict[bytes, File]]:
    """What each hard link of a layer names, by its position, and what each path of it names in the end."""
    links: dict[int, File] = {}
    names: dict[bytes, File] = {}
    for position, entry in enumerate(entries):
        kind = entry.kind
        if kind == "h":
            names[entry.path] = links[position] = names.get(entry.link, entry.link)
        elif kind not in "wo":
            names[entry.path] = position
    return links, names
