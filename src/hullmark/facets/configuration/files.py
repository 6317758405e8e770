"""The kept files of an image, as configuration parsers see them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from hullmark.facets.configuration.parser import Parser, Status
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command, Start
from hullmark.facets.facet import FacetView
from hullmark.facets.kept import KEPT
from hullmark.model.configuration import UnsetSetting
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.problem import OPEN, ProblemKind
from hullmark.rootfs.dispatch import compile_globs
from hullmark.rootfs.reads import Remark, kind_of

MAX_PROBLEMS = Limit(200, "problems with configuration that are listed one by one; the others are counted", "shortened")
"""So many problems are listed one by one."""

_PACKAGE_TYPES = frozenset(("alpm", "apk", "bitnami", "deb", "generic", "nix", "rpm"))
"""Types of packages that are the program itself; of a library for a language with its name, the version says nothing."""

_RELEASE = re.compile(r"(?:[0-9]{1,9}:)?([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})").match


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
        self.start = Start()
        self._names: tuple[str, ...] = ()
        self._globs: tuple[str, ...] = ()
        self._used_now: set[str] = set()
        self._real: dict[str, str | None] = {}
        self.unset_settings: dict[str, str] = {}

    def turn_to(self, parser: Parser) -> None:
        """Read for this parser from now on."""
        self.program, self._names = parser.name, parser.programs
        self._globs = tuple(glob for glob in parser.globs if not glob.startswith("**"))
        self._used_now = set()

    @property
    def distro(self) -> Distro | None:
        """The image's distribution, if it says."""
        return self._view.distro

    def releases(self, *names: str) -> frozenset[tuple[int, ...]]:
        """The releases of the installed packages with one of these names."""
        found = (
            _RELEASE(package.version)
            for package in self._view.packages
            if package.type in _PACKAGE_TYPES and is_named(package.name, names)
        )
        return frozenset(tuple(map(int, match[1].split("."))) for match in found if match is not None)

    def unset(self, key: str, reason: str = "") -> None:
        """Tell of a setting that nothing sets that its value is not known, and why."""
        self.unset_settings[key] = reason

    def told_unset(self) -> tuple[UnsetSetting, ...]:
        """All that was told so, sorted."""
        return tuple(UnsetSetting(key, reason) for key, reason in sorted(self.unset_settings.items()))

    def matching(self, glob: str) -> list[str]:
        """The paths of files that a glob(7) pattern fits."""
        return ["/" + path for path in self._view.matching(glob)]

    def named(self, name: str) -> list[str]:
        """The paths of kept files with this name, in whatever folder."""
        return ["/" + found.path for found in self._view.facts(KEPT) if found.path.rpartition("/")[2] == name]

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
        self._used_now |= {path, "/" + found.path}
        return found.fact.body.decode("utf-8", "backslashreplace")

    @property
    def commands(self) -> tuple[Command, ...]:
        """What the image is started with of the program whose parser reads now."""
        return tuple(command for command in self.start.commands if is_named(command.program, self._names))

    def environment(self, name: str) -> StartWord | None:
        """A variable of the environment that the image's programs are started in; its text is None where it is not known."""
        return self.start.environment.get(name)

    def variables(self, beginning: str) -> dict[str, StartWord]:
        """The variables of the environment whose names begin so, in any case, by name, sorted."""
        found = self.start.environment
        return {name: found[name] for name in sorted(found) if name.lower().startswith(beginning.lower())}

    def script(self, path: str) -> str | None:
        """The text of a script, links followed; "" for what was not kept as one, None for a file that is not there or could not be kept."""
        found = self._view.fact_at(KEPT, path.lstrip("/"))
        if found is None:
            return "" if self.exists(path) else None
        if found.fact.body is None:
            return None if found.fact.is_too_large else ""
        return found.fact.body.decode("utf-8", "backslashreplace")

    def exists(self, path: str) -> bool:
        """Whether there is a file, links followed."""
        entry = self._view.entry(path.lstrip("/"))
        return entry is not None and entry.kind in "fh"

    def tell_of_start(self, *, is_there: bool) -> None:
        """Tell what of the start is not known of the program whose parser reads now. `is_there`: it has settings."""
        for untold in self.start.untold:
            is_about = any(is_named(name, self._names) for name in untold.programs)
            if is_about or (not untold.programs and self._names and (is_there or self._is_installed())):
                self.problem(untold.path, f"how the image starts it is not known: {untold.reason}", untold.line)

        fits = compile_globs(self._globs).fullmatch
        for path, (by, line) in sorted(self.start.written.items()) if self._names and is_there else ():
            if path in self._used_now or fits(path.lstrip("/").encode("utf-8", "surrogateescape")):
                self.problem(by, f"{path[:200]} is changed before the image's program is started", line)

    def _is_installed(self) -> bool:
        folders = ("usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin")
        return any(self._view.matching(f"{folder}/{name}") for folder in folders for name in self._names)

    def layer(self, path: str) -> int:
        """The layer that brought the file at a path, links followed, or the link that masks it; -1 if there is none."""
        if not path.startswith("/"):
            return -1
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
        # Files that include each other are asked for again and again.
        if path not in self._real:
            found = "dev/null" if self._view.is_null(path) else self._view.resolve(path.lstrip("/"))
            self._real[path] = None if found is None else "/" + found
        return self._real[path]

    def problem(self, path: str, reason: str, line: int = 0) -> None:
        """Put a Problem into the result; after very many, the others are counted."""
        self._problems += 1
        if self._problems <= MAX_PROBLEMS:
            whole = Remark(f"line {line}: {reason}", kind_of(reason)) if line else reason
            if not path.startswith("/") and path:  # CMD, ENTRYPOINT, ENV: the image itself
                path, whole = "", Remark(f"{path}: {whole}", kind_of(whole))
            self._view.problem(path.lstrip("/"), whole, (self.program,) if self.program else ())
        else:
            self._untold.setdefault(self.program, []).append(kind_of(reason))

    def tell_the_rest(self) -> None:
        """For each program, add a Problem with the number of problems that are not listed."""
        for program, kinds in self._untold.items():
            reason = f"{len(kinds):,} more problems with configuration are not listed"
            worst: ProblemKind = "unseen" if OPEN.intersection(kinds) else "note"
            self._view.problem("", Remark(reason, worst), (program,) if program else ())


def is_named(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a program's name is one of these, in which `*` stands for anything."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
