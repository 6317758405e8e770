"""What would make an image pass: changes to it, what they fix, and what no change here fixes."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Finding, Verdict

ChangeKind = Literal["setting", "file", "update", "removal", "copy", "base"]
"""What is changed: a setting of the image, a file's mode or presence, packages to newer versions, packages that go, all layers for one, the
base image."""

CHANGE_KINDS: tuple[ChangeKind, ...] = ("setting", "file", "update", "removal", "copy", "base")
"""The mildest first: of two sets of as many changes the milder one is taken."""

Proof = Literal["judged", "cover", "greedy"]
"""How it is known that no smaller set will do. `judged`: every smaller set of the changes was judged, and none passes. `cover`: no
smaller set mends all findings, as far as each change mends what it mends alone; each change of the set was judged to be needed.
`greedy`: only the latter is known; there may be a smaller set of other changes."""


Unset = tuple[str, str]
"""A setting that goes: EXPOSE, ENV or LABEL, and its name."""


class FileChange(msgspec.Struct, frozen=True, order=True):
    """A file that loses bits of its mode (`clears`), or is removed altogether (0). `path` is absolute."""

    path: str
    clears: int = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One possible change.

    `subject` is what is changed: a source package, a path, an instruction, a reference; `summary` describes the change as a sentence
    without its full stop. `updates` are of one source package, installed by the package manager `tool`. `removed` are the packages that are
    removed together. `setting` is an instruction and its arguments as in a Dockerfile. `unset` are settings to remove, which requires
    copying the image. `base` is the reference of the new base image. `reason` is why the change is allowed, `caution` what cannot be known
    here: clauses.
    """

    kind: ChangeKind
    subject: str
    summary: str
    updates: tuple[PackageUpdate, ...] = ()
    tool: str = ""
    removed: tuple[Package, ...] = ()
    files: tuple[FileChange, ...] = ()
    setting: tuple[str, str] | None = None
    unset: tuple[Unset, ...] = ()
    base: str = ""
    reason: str = ""
    caution: str = ""


class PlannedChange(msgspec.Struct, frozen=True):
    """A change of the set, and the findings that exist without it but not with it (with all other changes of the set made)."""

    change: Change
    mends: tuple[Finding, ...]


class Remainder(msgspec.Struct, frozen=True):
    """A finding, or something undecided (`finding` is None), that no change here fixes; the reason is a clause."""

    subject: str
    reason: str
    finding: Finding | None = None


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest set of changes that makes an image pass, or that leaves the fewest findings.

    `goal` is the verdict to reach: `go`, or `warn` (go or warn). `before` is the verdict on the image, `after` the predicted one on the
    image with the changes. `candidates` is how many changes were considered, `judged` how many sets of them were judged. `dockerfile` makes
    the changes. `assumed` lists what the prediction assumes, as sentences. `problems` say what kept changes from being found.
    """

    source: InventorySource
    goal: Literal["go", "warn"]
    before: Verdict
    after: Verdict
    changes: tuple[PlannedChange, ...] = ()
    remains: tuple[Remainder, ...] = ()
    proof: Proof = "judged"
    candidates: int = 0
    judged: int = 0
    dockerfile: str = ""
    assumed: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_reached(self) -> bool:
        """Whether the predicted verdict reaches the goal."""
        return self.after.verdict == "go" or (self.goal == "warn" and self.after.verdict == "warn")
