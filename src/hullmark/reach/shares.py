"""The bytes of an image, divided among its packages and the three verdicts: each file counts once."""

from __future__ import annotations

from hullmark.model.reach import Reach, ReachShare
from hullmark.reach.verdicts import Verdicts


def shares(verdicts: Verdicts) -> tuple[ReachShare, ...]:
    """What each package has of each verdict, sorted. Of a file that several packages hold, the one that its record names has it all."""
    owner_of = {path: purl for purl, paths in verdicts.owners.items() for path in paths}
    bytes_of: dict[tuple[str, Reach], int] = {}
    for path, record in verdicts.scene.tree.files.items():
        if record.type == "file" and record.size > 0:
            key = record.owner or owner_of.get(path, ""), verdicts.of(path)
            bytes_of[key] = bytes_of.get(key, 0) + record.size
    return tuple(ReachShare(purl, reach, size) for (purl, reach), size in sorted(bytes_of.items()))
