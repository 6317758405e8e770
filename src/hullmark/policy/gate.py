"""What a gate provides: triggers. A trigger is a question with parameters, and a generator that answers it from facts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from hullmark.model.problem import Fact, ProblemKind
from hullmark.model.verdict import Evidence, Weakness
from hullmark.policy.facts import Facts
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import NameGlob

P = TypeVar("P", bound=msgspec.Struct)


class Params(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Parameters of a trigger; subclass it. The docstring says when the trigger fires, and the fields' Meta explain the parameters.

    `__post_init__` refuses a combination of parameters that can never fire with a ValueError. Parameters called `types` and `except_types`
    are purl types of packages; those called `paths` and `allow` are globs of files. Gaps outside these do not keep a rule from being
    judged.
    """

    @property
    def asked_types(self) -> tuple[str, ...]:
        """Purl types of the packages that the rule is about; all if empty."""
        return getattr(self, "types", ())

    @property
    def left_out_types(self) -> tuple[str, ...]:
        """Purl types of packages that the rule is not about."""
        return getattr(self, "except_types", ())

    @property
    def asked_paths(self) -> tuple[PathGlob, ...]:
        """The files that the rule is about; all if empty."""
        return getattr(self, "paths", ())

    @property
    def left_out_paths(self) -> tuple[PathGlob, ...]:
        """The files that the rule is not about."""
        return tuple(glob for glob in getattr(self, "allow", ()) if isinstance(glob, PathGlob))

    @property
    def asked_programs(self) -> tuple[NameGlob, ...]:
        """The programs whose settings the rule is about, by the first words of their keys; all if empty."""
        return ()


class Need(StrEnum):
    """A fact that a scan collects only if a rule needs it.

    In order: the list of files, files that later layers deleted or replaced, digests compared with those of packages, the contents of some
    files, settings, packages matched with advisories, the settings of programs in the image, secrets, malware, certificates and keys, what
    of the image its start reaches, what others signed about it.
    """

    FILES = "files"
    GHOSTS = "ghosts"
    DIGESTS = "digests"
    CONTENTS = "contents"
    CONFIG = "config"
    MATCHES = "matches"
    CONFIGURATION = "configuration"
    SECRETS = "secrets"
    MALWARE = "malware"
    CERTIFICATES = "certificates"
    REACH = "reach"
    SIGNATURES = "signatures"


FACETS = frozenset((Need.CONFIGURATION, Need.SECRETS, Need.MALWARE, Need.CERTIFICATES))
"""The needs that are facets' results; each is the facet's name."""


class Violation(msgspec.Struct, frozen=True):
    """The trigger fires on a subject (a purl, a path, the name of a setting). `message` is a sentence a person can act on, `weakness` the
    vulnerability that it is about, if any.
    """

    subject: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    weakness: Weakness | None = None


class CannotTell(msgspec.Struct, frozen=True):
    """A missing fact that decides whether the trigger fires. `reason` is a clause: "the file … could not be read".

    `subject` is what an exception names, and the subject of the finding if the policy wants one ("": the path of the evidence). `kind`:
    whether the image hides the fact, or no complete and recent advisories cover it.
    """

    reason: str
    evidence: tuple[Evidence, ...] = ()
    subject: str = ""
    kind: ProblemKind = "unseen"


Answer = Violation | CannotTell


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(Generic[P]):
    """One question about an image.

    `check(params, facts)` yields a Violation for each subject it fires on, and a CannotTell for each fact it lacks; it may yield both, in
    any order. `looks_at` are the facts it looks at: if one of them is incomplete, the rule cannot be judged (None: the facts that its needs
    imply). `needs` are the facts that must have been collected, and `facets` names those that come from facets outside `FACETS`; if one is
    missing, `check` is not called at all. `contents(params)` are the files whose bodies it reads, `also_needs(params)` the further facts
    that its parameters make necessary. `advice(params, subject)` is a clause with the smallest change that stops it firing on the subject.
    `deadlines(params, facts)` are the times at which its answer may change without a change in the facts; they may include times that have
    passed or change nothing. Without it, time changes nothing.
    """

    gate: str
    name: str
    params: type[P]
    check: Callable[[P, Facts], Iterator[Answer]]
    looks_at: frozenset[Fact] | Callable[[P], frozenset[Fact]] | None = None
    needs: frozenset[Need] = frozenset()
    facets: frozenset[str] = frozenset()
    contents: Callable[[P], tuple[PathGlob, ...]] | None = None
    also_needs: Callable[[P], frozenset[Need]] | None = None
    advice: Callable[[P, str], str] | None = None
    deadlines: Callable[[P, Facts], Iterable[datetime]] | None = None

    @property
    def full_name(self) -> str:
        """`gate.trigger`."""
        return f"{self.gate}.{self.name}"

    def needs_of(self, params: P) -> frozenset[Need]:
        """Which facts it needs with these parameters."""
        return self.needs if self.also_needs is None else self.needs | self.also_needs(params)


def trigger_id(gate: str, trigger: str, subject: str) -> str:
    """An id for "this trigger fired on this subject": 32 hex digits that depend on nothing else, in particular not on the message."""
    return hashlib.sha256("\0".join((gate, trigger, subject)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
