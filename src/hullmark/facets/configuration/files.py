"""The kept files of an image, as configuration parsers see them."""

from __future__ import annotations

from hullmark.facets.configuration.parser import Status
from hullmark.facets.facet import FacetView
from hullmark.facets.kept import KEPT
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.problem import OPEN, ProblemKind
from hullmark.rootfs.reads import Remark, kind_of

MAX_PROBLEMS = Limit(200, "problems with configuration that are told one by one; the others are counted", "shortened")
"""So many problems are told one by one."""


class KeptFiles:
    """Implements facets.configuration.parser.Files over a view. `used` are the files whose content was requested and given,
    `program` is the one whose parser reads now.
    """

    def __init__(self, view: FacetView) -> None:
        self._view = view
        self._problems = 0
        self._untold: dict[str, list[ProblemKind]] = {}
        self.program = ""
        self.used: set[str] = set()

    @property
    def distro(self) -> Distro | None:
        """The image's distribution, if it says."""
        return self._view.distro

    def matching(self, glob: str) -> list[str]:
        """The paths of files that a glob(7) pattern fits."""
        return ["/" + path for path in self._view.matching(glob)]

    def text(self, path: str) -> str | None:
        """The content of a file, links followed."""
        if self._view.is_null(path):
            return ""
        found = self._view.fact_at(KEPT, path.lstrip("/"))
        if found is None:
            real = self._view.entry(path.lstrip("/"))
            if real is not None and real.kind in "fh":
                self.problem(path, "a configuration file names it, but it was not kept")
            return None
        if found.fact.body is None:
            self.problem(path, found.fact.left_out)
            return None
        self.used.add("/" + found.path)
        return found.fact.body.decode("utf-8", "backslashreplace")

    def layer(self, path: str) -> int:
        """The layer that brought the file at a path, links followed, or the link that masks it; -1 if there is none."""
        if self._view.is_null(path):
            return self._view.layer_of(path)
        found = self._view.fact_at(KEPT, path.lstrip("/"))
        return found.layer if found is not None else -1

    def status(self, path: str) -> Status | None:
        """What is at a path, with links followed."""
        entry = self._view.entry(path.lstrip("/"))
        if entry is None and self._view.is_null(path):
            return Status("c", 0o666, 0, 0, 0)
        if entry is None:
            return Status("d", 0o755, 0, 0, 0) if self._view.resolve(path.lstrip("/")) is not None else None
        kind = "f" if entry.kind == "h" else entry.kind
        return Status(kind, entry.mode, entry.uid, entry.gid, entry.size)

    def real(self, path: str) -> str | None:
        """The path with every link followed inside the root."""
        if self._view.is_null(path):
            return "/dev/null"
        found = self._view.resolve(path.lstrip("/"))
        return None if found is None else "/" + found

    def problem(self, path: str, reason: str, line: int = 0) -> None:
        """Put a Problem into the result; after very many, the others are counted."""
        self._problems += 1
        if self._problems <= MAX_PROBLEMS:
            whole = Remark(f"line {line}: {reason}", kind_of(reason)) if line else reason
            self._view.problem(path.lstrip("/"), whole, (self.program,) if self.program else ())
        else:
            self._untold.setdefault(self.program, []).append(kind_of(reason))

    def tell_the_rest(self) -> None:
        """For each program, add a Problem with the number of problems that are not listed."""
        for program, kinds in self._untold.items():
            reason = f"{len(kinds):,} more problems with configuration are not told"
            worst: ProblemKind = "unseen" if OPEN.intersection(kinds) else "note"
            self._view.problem("", Remark(reason, worst), (program,) if program else ())
