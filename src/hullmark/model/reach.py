"""What of an image its start can reach, what it cannot, and what is not known."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem
from hullmark.model.seccomp import SyscallProfile

Reach = Literal["reachable", "unknown", "unreachable"]
"""Whether what is started can come to use something: a way to it is known; nobody can tell; all ways were followed, none leads there."""

AttackKind = Literal["root", "setuid", "capability", "start-up"]

REACHES: tuple[Reach, ...] = ("reachable", "unknown", "unreachable")


class WitnessStep(msgspec.Struct, frozen=True, order=True, gc=False):
    """A file on the path to another file, and why the previous file leads to it, as a clause."""

    path: str
    why: str


class OpenEnd(msgspec.Struct, frozen=True, order=True, gc=False):
    """A file whose references cannot be determined: `path` ("": the image's settings) and the reason, as a clause."""

    path: str
    reason: str


class PackageReach(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a package is reached, which is the case if any of its files is.

    `bytes` are those of its files, `reached_bytes` those of its files that are not unreachable. `witness` is the shortest path to one of
    them; empty if the package is unreachable. `reason` is why it is unknown, or unreachable; then `examples` are some of its files,
    programs first.
    """

    purl: str
    type: str
    name: str
    version: str
    reach: Reach
    bytes: int
    reached_bytes: int
    witness: tuple[WitnessStep, ...] = ()
    reason: str = ""
    examples: tuple[str, ...] = ()


class MatchReach(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the package of a match is reached: the shortest path to it, or the reason. For an unreachable package, `evidence` states in
    sentences what was followed, and which of its files are not reached.
    """

    reach: Reach
    reason: str = ""
    witness: tuple[WitnessStep, ...] = ()
    evidence: str = ""


class ProgramReach(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an executable is reached. `layer` is the layer that added it (-1: not known), `package` the purl of its owner ("": none),
    `kinds` what makes it interesting: setuid, setgid, shell, package-manager, network, living-off-the-land.
    """

    path: str
    reach: Reach
    bytes: int
    layer: int = -1
    package: str = ""
    kinds: tuple[str, ...] = ()
    witness: tuple[WitnessStep, ...] = ()
    reason: str = ""


class ImageReach(msgspec.Struct, frozen=True, kw_only=True):
    """What of an image is reached from `roots`; packages are sorted by package URL, programs by path.

    `unseen` is a clause for why nothing can be called unreachable: something was not read, or not followed. "": everything was.
    """

    roots: tuple[str, ...]
    packages: tuple[PackageReach, ...]
    programs: tuple[ProgramReach, ...]
    unseen: str = ""

    def by_purl(self) -> dict[str, PackageReach]:
        """The packages that have a package URL, by that URL."""
        return {package.purl: package for package in self.packages if package.purl}


class ReachCount(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers for one state of reach: packages, executables, ELF files (including libraries), all files, and their bytes."""

    packages: int = 0
    programs: int = 0
    elves: int = 0
    files: int = 0
    bytes: int = 0


class ReachShare(msgspec.Struct, frozen=True, order=True, gc=False):
    """The bytes of a package's files in one state of reach (`purl`, "": no package)."""

    purl: str
    reach: Reach
    bytes: int


class AdvisoryReach(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """An advisory that matches a package, and whether that package is reached."""

    advisory: str
    severity: str
    purl: str
    reach: Reach


class AttackStep(msgspec.Struct, frozen=True, order=True, gc=False):
    """A file that gives more rights than the service has; an unreachable one can be left out of the image."""

    path: str
    reach: Reach


class AttackPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path from a port (`80/tcp`; none: the image exposes none) to the service behind it, the user the service runs as (`uid` None: not
    known), the files that lead further, and what is gained.

    `kind`: root (the service has all rights already), setuid or capability (programs that the user may start), start-up (files that the
    start runs and the user may write to). `count` is how many files there are, `through` the first of them.
    """

    kind: AttackKind
    ports: tuple[str, ...]
    service: str
    user: str
    uid: int | None
    through: tuple[AttackStep, ...] = ()
    count: int = 0
    gain: str = ""


class ObservedUse(msgspec.Struct, frozen=True, kw_only=True):
    """What was actually opened, compared with what is reached: `opened` files of the image, and those of them that had been called
    unreachable (`missed`) or unknown; `unopened` files, and packages (`idle`, by package URL), that are reachable but of which nothing
    was opened. `elsewhere` paths are not in the image; `unclear` places do not name a file for certain.
    """

    opened: int
    missed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unopened: int = 0
    idle: tuple[str, ...] = ()
    elsewhere: int = 0
    unclear: int = 0


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How to leave out what is not reached: packages that the package manager can remove (`purge`, with the command `command`), unreached
    packages that others need (`kept`, each with one that needs it), and a Dockerfile that copies the rest into an empty image.
    """

    command: str = ""
    purge: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    dockerfile: str = ""


class ReachAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to whether one file, or one package, is reached. `needed_by` are packages that declare that they need it."""

    subject: str
    reach: Reach
    witness: tuple[WitnessStep, ...] = ()
    reason: str = ""
    needed_by: tuple[str, ...] = ()


class Minimality(msgspec.Struct, frozen=True, kw_only=True):
    """What of an image is reached from `roots`. Tuples are sorted; `matches` is None if there are no advisories.

    `kept` are the paths of all files and links that are not unreachable. `answers` are those to the questions asked, `attack_paths` what an
    attacker who takes over the service can gain. Whatever was `observed` counts as reached too (None: nothing was observed). `shares`
    divide the bytes of `counts` among the packages. `syscalls` is None if they were not requested. `unseen` is as in `ImageReach`.
    """

    source: InventorySource
    roots: tuple[str, ...]
    packages: tuple[PackageReach, ...]
    programs: tuple[ProgramReach, ...]
    counts: dict[Reach, ReachCount]
    open_ends: tuple[OpenEnd, ...]
    matches: tuple[AdvisoryReach, ...] | None
    recipe: Recipe
    answers: tuple[ReachAnswer, ...] = ()
    attack_paths: tuple[AttackPath, ...] = ()
    observed: ObservedUse | None = None
    kept: tuple[str, ...] = ()
    syscalls: SyscallProfile | None = None
    shares: tuple[ReachShare, ...] = ()
    problems: tuple[Problem, ...] = ()
    unseen: str = ""

    @property
    def vanish(self) -> tuple[str, ...] | None:
        """The advisories that match only unreachable packages, sorted; None if there are no advisories."""
        if self.matches is None:
            return None
        staying = {match.advisory for match in self.matches if match.reach != "unreachable"}
        return tuple(sorted({match.advisory for match in self.matches} - staying))
