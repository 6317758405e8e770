"""The facts that Anchore's gates need about an image, derived from the facts that all policies share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import FileRecord
from hullmark.model.verdict import Evidence
from hullmark.policy.anchore.dockerfile import Line, final_lines, guessed_lines, guessed_text, read_lines
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.profile import NATIVE, Profile
from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.rows import MatchRow, PackageRow, match_rows, package_rows
from hullmark.policy.context import NO_CONTEXT, Context, in_utc
from hullmark.policy.facts import Facts

_TYPE_BITS = {
    "file": 0o100000,
    "dir": 0o040000,
    "symlink": 0o120000,
    "char": 0o020000,
    "block": 0o060000,
    "fifo": 0o010000,
}


T = TypeVar("T")


class _SharedProperty(Generic[T]):
    """A property that is derived once and shared by all rules."""

    def __init__(self, derive: Callable[[Any], T]) -> None:
        self._derive = derive
        self._name = derive.__name__
        self.__doc__ = derive.__doc__

    def __get__(self, facts: AnchoreFacts, _: type[AnchoreFacts] | None = None) -> T:
        if self._name not in facts.derived:
            facts.derived[self._name] = self._derive(facts)
        found: T = facts.derived[self._name]
        return found


@dataclass(frozen=True, kw_only=True)
class AnchoreFacts:
    """The facts of an image, together with the context from outside and the profile to judge by. `rule_id` is that of the rule being
    judged.

    `derived` holds tables that are built on first use; the facts of all rules share them.
    """

    facts: Facts
    profile: Profile = NATIVE
    context: Context = NO_CONTEXT
    rule_id: str = ""
    work: Work = field(default_factory=Work)
    derived: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def keeps(self, quirk: str) -> bool:
        """Whether the profile keeps this quirk of the original."""
        return self.profile.keeps(quirk)

    @property
    def now(self) -> datetime:
        """The time that counts as the present, in UTC."""
        return in_utc(self.facts.now)

    @property
    def config(self) -> ImageConfig:
        """The image's settings; empty ones if they could not be read."""
        return self.facts.inventory.config or ImageConfig()

    @_SharedProperty
    def files(self) -> dict[str, FileRecord]:
        """The files that exist in the image, by path."""
        records = self.facts.inventory.files or ()
        return {file.path: file for file in records if file.state not in ("missing", "ghost")}

    @_SharedProperty
    def packages(self) -> tuple[PackageRow, ...]:
        """Every package, one row for each of its places."""
        return package_rows(self.facts.inventory)

    @_SharedProperty
    def matches(self) -> tuple[MatchRow, ...]:
        """Every match, one row for each place of its package; empty if packages were not matched."""
        return match_rows(self.facts.matches, self.packages) if self.facts.matches is not None else ()

    @property
    def distro(self) -> tuple[str, str]:
        """Name and version of the distribution; `Unknown` and `0` if there is none."""
        distro = self.facts.inventory.distro
        return (distro.id or "Unknown", distro.version_id or "0") if distro is not None else ("Unknown", "0")

    @property
    def likes(self) -> tuple[str, ...]:
        """The distributions it declares itself to be like; itself if it declares none."""
        distro = self.facts.inventory.distro
        return (distro.id_like if distro is not None else ()) or (self.distro[0],)

    @property
    def is_dockerfile_actual(self) -> bool:
        """Whether a Dockerfile was supplied."""
        return bool(self.facts.dockerfile_text.strip())

    @_SharedProperty
    def lines(self) -> tuple[Line, ...]:
        """The Dockerfile's instructions, or what the history suggests they were."""
        text = self.facts.dockerfile_text
        if self.is_dockerfile_actual:
            return read_lines(text, joins=not self.keeps("Q7")) if self.keeps("Q23") else final_lines(text)
        return read_lines(guessed_text(self.config)) if self.keeps("Q25") else guessed_lines(self.config)

    def stored(self, path: str) -> bytes | None:
        """The content of a file that the analysis was asked to store; None if it was not stored."""
        if path not in self.context.retrieve_files or path not in self.files:
            return None
        return self.facts.contents.get(path)

    @property
    def has_stored(self) -> bool:
        """Whether any file was stored."""
        return any(self.stored(path) is not None for path in self.context.retrieve_files)

    @_SharedProperty
    def passwd_lines(self) -> tuple[str, ...]:
        """The lines of passwd(5), stripped."""
        body = self.stored("/etc/passwd")
        if body is None:
            return ()
        text = body.decode("utf-8", "replace")
        return tuple(line.strip() for line in text.splitlines())

    def searched(self, kind: str) -> Iterator[tuple[str, str, int]]:
        """For each match of an expression of this kind: the file's path, the expression and the line number, ordered by path. Raises
        RuleFailed.
        """
        named = self.context.secret_search if kind == "secrets" else self.context.content_search
        found = self.facts.searched.get(kind)
        if found is None and named:
            raise RuleFailed("the image's files were not searched")
        for path, hits in sorted((found or {}).items()):
            for regex, number in hits if path in self.files else ():
                if not number:
                    raise RuleFailed(f"the expressions it searches for take too long on {path}")
                yield path, regex, number

    def at(self, path: str, detail: str = "") -> tuple[Evidence, ...]:
        """Evidence that points at a file."""
        file = self.files.get(path)
        return (self.facts.at(path, file.layer if file is not None else -1, detail),)

    def at_row(self, row: PackageRow, detail: str = "") -> tuple[Evidence, ...]:
        """Evidence that points at a package at its place."""
        places = (row.place,) if row.place is not None else row.package.locations
        return tuple(self.facts.at(place.path, place.layer, detail or row.full_version) for place in places)


def full_mode(file: FileRecord) -> int:
    """Permission bits and file type, as stat(2) gives them."""
    return _TYPE_BITS.get(file.type, 0) | file.mode
