"""The files of an image by whether its start reaches them: by folder, by package, as tiles of a map, and the ways between them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.reach import REACHES, Reach, WitnessStep
from hullmark.model.reached_files import FIRST, FROM_START, NOT_REACHED, ReachedFiles
from hullmark.server.console.charts.svg import Tone

MOST_TILES = Limit(80_000, "files that the map of an image shows one by one; smaller ones are summed", "shortened")
_MOST_STEPS = 10_000
TONES: dict[Reach, Tone] = {"reachable": "go", "unknown": "unknown", "unreachable": "warn"}


class ReachedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A folder (`files` below it), or a file (`files` is None). `shares` are its bytes by REACHES; `why` a clause."""

    name: str
    path: str
    shares: tuple[int, ...]
    files: int | None = None
    reach: Reach = "unknown"
    package: str = ""
    why: str = ""

    @property
    def size(self) -> int:
        """All of its bytes."""
        return sum(self.shares)


class Branch(msgspec.Struct):
    """A folder of the map: folders in it, files in it (name, bytes, place in REACHES), and by that place how many files, and bytes, are too
    small to be shown."""

    folders: dict[str, Branch] = {}
    files: list[tuple[str, int, int]] = []
    small: dict[int, tuple[int, int]] = {}


class FilesByReach:
    """What is kept of an image's files, opened. Files are named by their places in the order of paths."""

    def __init__(self, kept: ReachedFiles) -> None:
        self.kept = kept
        self.paths = list(kept.paths)
        sizes = [max(size, 0) for size in kept.sizes]
        self._sizes = sizes
        self._sums = [
            [0, *accumulate(size if of == reach else 0 for size, of in zip(sizes, kept.reaches, strict=True))]
            for reach in range(len(REACHES))
        ]

    def __len__(self) -> int:
        return len(self.paths)

    def place(self, path: str) -> int | None:
        """The place of a file; None where there is none."""
        place = bisect_left(self.paths, path)
        return place if place < len(self.paths) and self.paths[place] == path else None

    def reach(self, place: int) -> Reach:
        """Whether a file is reached."""
        return REACHES[self.kept.reaches[place]]

    def package(self, place: int) -> str:
        """The package URL of the package that a file is of ("": none)."""
        return self.kept.purls[self.kept.owners[place]]

    def size(self, place: int) -> int:
        """A file's bytes; 0 for a link."""
        return self._sizes[place]

    def of_package(self, purl: str) -> list[int]:
        """The regular files of a package ("": of none)."""
        try:
            wanted = self.kept.purls.index(purl)
        except ValueError:
            return []
        return [
            place for place, owner in enumerate(self.kept.owners) if owner == wanted and self.kept.sizes[place] >= 0
        ]

    def below(self, folder: str) -> range:
        """All files below a folder ("/": all there are)."""
        start = folder if folder.endswith("/") else f"{folder}/"
        return range(bisect_left(self.paths, start), bisect_left(self.paths, f"{start[:-1]}0"))

    def rows(self, folder: str) -> list[ReachedRow]:
        """What lies in a folder: folders first."""
        start = folder if folder.endswith("/") else f"{folder}/"
        span = self.below(folder)
        at, folders, files = span.start, [], []
        while at < span.stop:
            name, below, _ = self.paths[at][len(start) :].partition("/")
            if not below:
                files.append(self.row(at, name))
                at += 1
                continue
            inside = self.below(f"{start}{name}")
            shares = tuple(sums[inside.stop] - sums[inside.start] for sums in self._sums)
            folders.append(ReachedRow(name=name, path=f"{start}{name}", shares=shares, files=len(inside)))
            at = max(inside.stop, at + 1)
        return [*folders, *files]

    def row(self, place: int, name: str = "") -> ReachedRow:
        """A file as a row, by its path or another name."""
        of = self.kept.reaches[place]
        return ReachedRow(
            name=name or self.paths[place],
            path=self.paths[place],
            shares=tuple(self._sizes[place] if of == reach else 0 for reach in range(len(REACHES))),
            reach=REACHES[of],
            package=self.package(place),
            why=self.kept.reasons[self.kept.whys[place]],
        )

    def way(self, place: int) -> tuple[WitnessStep, ...]:
        """The shortest way from the start to a file; none where there is none."""
        steps: deque[WitnessStep] = deque()
        while self.kept.sources[place] != NOT_REACHED and len(steps) < _MOST_STEPS:
            steps.appendleft(WitnessStep(self.paths[place], self.kept.reasons[self.kept.whys[place]]))
            if self.kept.sources[place] == FROM_START:
                break
            place = self.kept.sources[place] - FIRST
        return tuple(steps)

    def next(self, place: int) -> list[int]:
        """The files to which the shortest ways lead on from a file."""
        return [other for other, source in enumerate(self.kept.sources) if source == FIRST + place]

    def edges(self) -> Iterator[tuple[int, int]]:
        """Every step of a shortest way that is between files: (from, to)."""
        for place, source in enumerate(self.kept.sources):
            if source >= FIRST:
                yield source - FIRST, place

    def branch(self, places: Sequence[int], base: str = "/", most: int = MOST_TILES) -> Branch:
        """Files as a tree of folders below `base`. The largest `most` are there by themselves."""
        top = Branch(folders={}, files=[], small={})
        least = sorted(self._sizes[place] for place in places)[-most] if len(places) > most else 0
        ties = most - sum(self._sizes[place] > least for place in places) if least else 0
        skipped = len(base) if base.endswith("/") else len(base) + 1
        last, branch = "", top
        for place in places:
            size, reach = self._sizes[place], self.kept.reaches[place]
            if not size:
                continue
            folder, _, name = self.paths[place][skipped:].rpartition("/")
            if folder != last:
                last, branch = folder, _branch_at(top, folder)
            is_tie = size == least and ties > 0
            ties -= is_tie
            if not least or size > least or is_tie:
                branch.files.append((name, size, reach))
            else:
                count, sum_of = branch.small.get(reach, (0, 0))
                branch.small[reach] = count + 1, sum_of + size
        return top


def _branch_at(top: Branch, folder: str) -> Branch:
    """The branch of a folder below the top, made where it is not there."""
    branch = top
    for name in folder.split("/") if folder else ():
        inner = branch.folders.get(name)
        if inner is None:
            inner = branch.folders[name] = Branch(folders={}, files=[], small={})
        branch = inner
    return branch


def common_folder(paths: Sequence[str]) -> str:
    """The innermost folder that all of these paths are below ("/": the top)."""
    if not paths:
        return "/"
    first, last = min(paths).split("/")[:-1], max(paths).split("/")[:-1]
    shared = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        shared.append(one)
    return "/".join(shared) or "/"
