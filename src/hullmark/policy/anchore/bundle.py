"""Anchore policies as values: rule sets, allowlists, mappings and image lists of both formats, with the mistakes found in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Action
from hullmark.policy.anchore.allowlists import Allowlist
from hullmark.policy.anchore.mistake import Mistake
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.profile import NATIVE, Profile
from hullmark.policy.anchore.select import ImageRule
from hullmark.policy.anchore.trigger import Trigger

_SHOWN = 20


class InvalidBundle(HullmarkError):
    """An Anchore policy with mistakes. `mistakes` holds all that were found, in the document's order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        shown = [f"({number}) {mistake}" for number, mistake in enumerate(self.mistakes[:_SHOWN], 1)]
        if count > len(shown):
            shown.append(f"and {count - len(shown)} more")
        what = f"{count} mistakes: {', '.join(shown)}" if count > 1 else f"a mistake: {self.mistakes[0]}"
        super().__init__(
            f"the Anchore policy has {what}", advice="correct the document; docs/how-to/use-an-anchore-policy.md helps"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule. `check` is None if the rule cannot be judged because of its `mistakes`, or never fires because the original has retired its
    gate.

    `gate` and `trigger` are the names as findings show them.
    """

    id: str
    gate: str
    trigger: str
    check: Trigger | None
    values: Values
    action: Action
    recommendation: str = ""
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Rules under an id; format "1_0" calls this a policy. `mistakes` are its own, without those of its rules."""

    id: str
    name: str
    rules: tuple[Rule, ...]
    mistakes: tuple[Mistake, ...] = ()

    def every_mistake(self) -> Iterator[Mistake]:
        """Its mistakes and those of its rules."""
        yield from self.mistakes
        for rule in self.rules:
            yield from rule.mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Which rule sets and allowlists apply to which images. `images` is None if that cannot be determined."""

    id: str
    name: str
    images: ImageRule | None
    rule_sets: tuple[str, ...] = ()
    allowlists: tuple[str, ...] = ()
    path: str = ""
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A complete Anchore policy. `digest` is `sha256:…` over its content. `mistakes` are those that belong to no part in particular."""

    id: str
    name: str
    format: str
    rule_sets: tuple[RuleSet, ...]
    allowlists: tuple[Allowlist, ...]
    mappings: tuple[Mapping, ...]
    allowed_images: tuple[Mapping, ...]
    denied_images: tuple[Mapping, ...]
    digest: str
    mistakes: tuple[Mistake, ...] = ()

    @property
    def title(self) -> str:
        """Its name, or its id if it has no name."""
        return self.name or self.id

    @property
    def rule_count(self) -> int:
        """The number of rules in all its rule sets."""
        return sum(len(rule_set.rules) for rule_set in self.rule_sets)

    def every_mistake(self, profile: Profile = NATIVE) -> list[Mistake]:
        """Every mistake in the document, including those in parts that no image's mapping uses."""
        found = [*self.mistakes, *self._find_duplicates()]
        for rule_set in self.rule_sets:
            found += rule_set.every_mistake()
        for allowlist in self.allowlists:
            found += allowlist.mistakes
        for entry in (*self.mappings, *self.allowed_images, *self.denied_images):
            found += entry.mistakes
        for mapping in self.mappings:
            found += self.find_missing_references(mapping)
        return [mistake for mistake in dict.fromkeys(found) if mistake.counts(profile)]

    def require_valid(self, profile: Profile = NATIVE) -> None:
        """Raise InvalidBundle if there is any mistake."""
        mistakes = self.every_mistake(profile)
        if mistakes:
            raise InvalidBundle(mistakes)

    def find_missing_references(self, mapping: Mapping) -> list[Mistake]:
        """Mistakes for the rule sets and allowlists that a mapping names but that do not exist, or exist more than once."""
        known: tuple[tuple[tuple[str, ...], list[str], str], ...] = (
            (mapping.rule_sets, [rule_set.id for rule_set in self.rule_sets], "rule set"),
            (mapping.allowlists, [allowlist.id for allowlist in self.allowlists], "allowlist"),
        )
        return [
            _reference(mapping.path, wanted, ids, word)
            for names, ids, word in known
            for wanted in names
            if ids.count(wanted) != 1
        ]

    def _find_duplicates(self) -> Iterator[Mistake]:
        for word, ids in (
            ("rule set", [rule_set.id for rule_set in self.rule_sets]),
            ("allowlist", [allowlist.id for allowlist in self.allowlists]),
        ):
            for name in dict.fromkeys(part_id for part_id in ids if ids.count(part_id) > 1):
                yield _twice("", name, word)


def _reference(path: str, wanted: str, ids: list[str], word: str) -> Mistake:
    from hullmark.policy.decode import nearest

    if wanted in ids:
        return _twice(path, wanted, word)
    reason = f"there is no {word} {wanted[:60]!r}{nearest(wanted, filter(None, ids))}"
    return Mistake(path=path, reason=reason, problem_type="ReferencedObjectNotFoundError")


def _twice(path: str, name: str, word: str) -> Mistake:
    return Mistake(
        path=path, reason=f"there are several {word}s {name[:60]!r}", problem_type="DuplicateIdentifierFoundError"
    )


@dataclass(slots=True)
class MistakeCollector:
    """Collects the mistakes of the part that is being read."""

    found: list[Mistake] = field(default_factory=list)

    def add(
        self,
        path: str,
        reason: str,
        problem_type: str = "ValidationError",
        quirk: str = "",
        *,
        is_anywhere: bool = False,
    ) -> None:
        """Record a mistake."""
        self.found.append(
            Mistake(path=path, reason=reason, problem_type=problem_type, quirk=quirk, is_anywhere=is_anywhere)
        )
