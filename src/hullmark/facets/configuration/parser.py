"""What a configuration parser is: the files it reads, and how they become settings in effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start import Command
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting

MAX_INCLUDES = Limit(1000, "files, and patterns, that one program's configuration includes")
"""So many files one program's configuration may consist of; what includes more has a Problem."""

MAX_DEPTH = Limit(20, "files that include each other")
"""So deep may files include each other."""


class Status(msgspec.Struct, frozen=True):
    """What is at a path once links are followed: a key of rootfs.entry.KINDS, permission bits, owner, size in bytes."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int


class Files(Protocol):
    """The finished image's files as a configuration parser sees them. Paths are absolute, with a leading slash."""

    @property
    def distro(self) -> Distro | None:
        """The image's distribution, if it says."""

    def releases(self, *names: str) -> frozenset[tuple[int, ...]]:
        """The releases of the installed packages with one of these names, in which `*` stands for anything: (1, 26, 3) for 1:1.26.3-3."""

    def unset(self, key: str, reason: str = "") -> None:
        """Tell of a setting that nothing sets that its value is not known, and why; without a reason: that the program has none."""

    def matching(self, glob: str) -> list[str]:
        """The paths of files (and of links to files) that a glob(7) pattern fits, sorted by bytes; folders that are links are entered.

        Names that begin with a dot are only found by a pattern that begins with one.
        """

    def named(self, name: str) -> list[str]:
        """The paths of kept files with this name, sorted, in whatever folder. Links are not among them."""

    def text(self, path: str) -> str | None:
        """The content of a file, links followed, as UTF-8 with escapes for other bytes; None if it is missing or was not read.

        An existing file that was not read (too large, binary) is a Problem already. Line ends are kept as they are.
        """

    def status(self, path: str) -> Status | None:
        """What is at a path, with links followed; None if nothing is."""

    def real(self, path: str) -> str | None:
        """The path with every link followed inside the root; None if nothing is there. /dev/null, which masks files, always is."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """What the image is started with of the parser's programs, in the order in which it is found."""

    def environment(self, name: str) -> StartWord | None:
        """A variable of the environment that the image's programs are started in; its text is None where it is not known."""

    def variables(self, beginning: str) -> Mapping[str, StartWord]:
        """Those whose names begin so, in any case, by name, sorted."""

    def problem(self, path: str, reason: str, line: int = 0) -> None:
        """Put a Problem about a file into the result: what in it could not be understood. The rest of the file still counts."""


class Parser(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one program, or of one kind of file.

    `name` is unique and is the first part of its settings' keys. `globs` are the files that are kept for it, as rootfs.reads.Read
    has them (no leading slash; the last segment is a literal name, a suffix as `*.conf`, or `*`). `settings(files)` gives the
    settings in effect, in any order, with `layer` left out. It never raises for bad input. The program's own defaults are among
    them where its configuration is there and nothing sets them. `programs` are the names of the programs that read it, `*` for
    anything: how the image starts them is among what `files` tells, and where that cannot be known, so is what they are set to.
    """

    name: str
    globs: tuple[str, ...]
    settings: Callable[[Files], Iterable[Setting]]
    programs: tuple[str, ...] = ()
