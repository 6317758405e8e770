"""From verdicts to every file of an image: whether it is reached, from where, and why."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.limit import Limit
from hullmark.model.reach import REACHES
from hullmark.model.reached_files import FIRST, FROM_START, NOT_REACHED, ReachedFiles
from hullmark.reach.verdicts import Verdicts

_MOST = Limit(1_000_000, "files of an image of which it is kept whether its start reaches them", "shortened")
_MOST_REASONS = Limit(100_000, "different reasons why files are reached that are kept", "shortened")
_LONGEST_REASON = Limit(300, "characters of a reason why a file is reached that are kept", "shortened")
_BYTE = 255


def reached_files(verdicts: Verdicts) -> ReachedFiles:
    """The files of the image, each with its verdict. Of a file that several packages hold, the one that its record names has it, as in
    the shares of bytes."""
    files, found = verdicts.scene.tree.files, verdicts.scene.walk.found
    every = sorted(path for path, record in files.items() if record.type == "file" or path in found)
    paths = every[:_MOST]
    owner_of = {path: purl for purl, paths_of in verdicts.owners.items() for path in paths_of}
    places = {path: place for place, path in enumerate(paths)}
    purls, reasons = _Words(), _Words(_MOST_REASONS)
    sources, whys = [], []
    for path in paths:
        step = found.get(path)
        if step is None:
            sources.append(NOT_REACHED)
        else:
            sources.append(FIRST + places[step.source] if step.source in places else FROM_START)
        whys.append(reasons.place(step.why[:_LONGEST_REASON] if step is not None else ""))
    shared, rest = _compress_paths(paths)
    return ReachedFiles(
        shared=shared,
        rest=rest,
        sizes=tuple(max(files[path].size, 0) if files[path].type == "file" else -1 for path in paths),
        reaches=bytes(REACHES.index(verdicts.of(path)) for path in paths),
        owners=tuple(purls.place(files[path].owner or owner_of.get(path, "")) for path in paths),
        sources=tuple(sources),
        whys=tuple(whys),
        purls=purls.all,
        reasons=reasons.all,
        left_out=len(every) - len(paths),
    )


class _Words:
    """Texts, each once, by their places; the first is "". One that comes when there are `most` already is taken for that."""

    def __init__(self, most: int = 1 << 31) -> None:
        self._places = {"": 0}
        self._most = most

    def place(self, text: str) -> int:
        """Where a text is."""
        place = self._places.get(text)
        if place is None:
            if len(self._places) >= self._most:
                return 0
            place = self._places[text] = len(self._places)
        return place

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, by place."""
        return tuple(self._places)


def _compress_paths(paths: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
    """Sorted paths, each as what it has in common with the one before and the rest."""
    shared, rest, before = bytearray(), [], ""
    for path in paths:
        common = 0
        for one, other in zip(before[:_BYTE], path, strict=False):
            if one != other:
                break
            common += 1
        shared.append(common)
        rest.append(path[common:])
        before = path
    return bytes(shared), tuple(rest)
