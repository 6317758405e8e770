"""What installed distributions say of themselves (importlib.metadata): their descriptions, and the plugins that they announce."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.reach.python_names import entry_points_in
from hullmark.reach.scene import Scene

_DESCRIPTIONS = (
    ".dist-info/METADATA",
    ".dist-info/entry_points.txt",
    ".egg-info/PKG-INFO",
    ".egg-info/entry_points.txt",
)


class Distributions:
    """The distributions of an image."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._described: set[str] = set()
        self._by_owner: dict[str, list[str]] | None = None

    def describe(self, path: str) -> None:
        """Reach what the distribution of a module says of itself: its modules ask for their own version."""
        record = self._scene.tree.files.get(path)
        owner = record.owner if record is not None else None
        if owner and owner not in self._described:
            self._described.add(owner)
            for place in self._descriptions().get(owner, ()):
                self._scene.walk.reach(place, "says what the distribution is", path)

    def _descriptions(self) -> dict[str, list[str]]:
        if self._by_owner is None:
            self._by_owner = {}
            for place, record in self._scene.tree.files.items():
                if record.owner and place.endswith(_DESCRIPTIONS):
                    self._by_owner.setdefault(record.owner, []).append(place)
        return self._by_owner

    def entry_points(self, folders: Iterable[str], wanted: str) -> Iterator[tuple[str, str]]:
        """The groups and modules of the entry points (entry_points.txt) in these folders: of one group, or of all ("")."""
        for base in folders:
            for name in sorted(self._scene.tree.names(base)):
                if not name.endswith("-info"):
                    continue
                text = self._scene.facts.texts.get(f"{base}/{name}/entry_points.txt", "")
                yield from ((group, target) for group, target in entry_points_in(text) if wanted in ("", group))
