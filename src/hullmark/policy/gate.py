"""What a gate offers: triggers. A trigger is a question with parameters, and a generator that answers it from facts."""

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
    """Parameters of a trigger: subclass it. The docstring says when the trigger fires, and the fields' Meta what they mean.

    A combination of parameters that can never fire is refused in `__post_init__` with a ValueError. Parameters called `types` and
    `except_types` are purl types of packages, those called `paths` and `allow` globs of files: what was not seen elsewhere does not keep
    a rule from telling.
    """

    @property
    def asked_types(self) -> tuple[str, ...]:
        """Purl types of the packages that it is about; none: all."""
        return getattr(self, "types", ())

    @property
    def left_out_types(self) -> tuple[str, ...]:
        """Purl types of packages that it is not about."""
        return getattr(self, "except_types", ())

    @property
    def asked_paths(self) -> tuple[PathGlob, ...]:
        """The files that it is about; none: all."""
        return getattr(self, "paths", ())

    @property
    def left_out_paths(self) -> tuple[PathGlob, ...]:
        """The files that it is not about."""
        return tuple(glob for glob in getattr(self, "allow", ()) if isinstance(glob, PathGlob))

    @property
    def asked_programs(self) -> tuple[NameGlob, ...]:
        """The programs whose settings it is about, by the first words of their keys; none: all."""
        return ()


class Need(StrEnum):
    """A fact that a scan collects only if somebody asks.

    The list of files, files that later layers deleted or replaced, digests compared with packages', some contents, settings,
    packages matched with advisories, the settings of programs in the image, secrets, malware, certificates and keys, what of the image
    its start reaches, what others signed about it.
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
    vulnerability that it is about, if it is about one."""

    subject: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    weakness: Weakness | None = None


class CannotTell(msgspec.Struct, frozen=True):
    """A fact is missing that decides whether the trigger fires. `reason` is a clause: "the file … could not be read".

    `subject` is what an exception names, and what a finding is about where a policy wants one ("": the path of the evidence). `kind`:
    whether the image hides it, or no whole and fresh advisories tell it.
    """

    reason: str
    evidence: tuple[Evidence, ...] = ()
    subject: str = ""
    kind: ProblemKind = "unseen"


Answer = Violation | CannotTell


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(Generic[P]):
    """One question about an image.

    `check(params, facts)` yields a Violation for each subject it fires on, and a CannotTell for each fact it lacks; both may
    come, in any order. `looks_at` are the facts that it looks at: where one is incomplete it cannot tell (None: those that its needs
    stand for). `needs` says which facts must have been collected, `facets` names those of them that other facets than `FACETS` find;
    where one is missing it is not called at all. `contents(params)` are the files whose bodies it wants to see, `also_needs(params)`
    the facts that it needs because of what its parameters ask. `advice(params, subject)` is a clause that says
    what the smallest change is after which it no longer fires on the subject. `deadlines(params, facts)` are those at which time alone
    may change what it answers, some that have passed or that change nothing among them; without it time changes nothing.
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
    """A name for "this trigger fired on this subject": 32 hex digits that depend on nothing else, the message least of all."""
    return hashlib.sha256("\0".join((gate, trigger, subject)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
