"""Gate `tag_drift` (format "2"): compares packages with those of the image that had the tag before, as given in the context."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.trigger import PACKAGES, Answer, Check, Scope, Trigger, TriggerMatch
from hullmark.policy.gate import CannotTell

_WORDS = {"added": "was added", "removed": "was removed", "modified": "has another version"}


def _drift(kind: str) -> Check:
    def check(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
        previous = facts.context.previous_packages
        if previous is None:
            yield CannotTell(
                "nobody told what the image that had the tag before holds: give previous_packages in --context"
            )
            return
        types = values.texts("package_type")
        before: dict[tuple[str, str], set[str]] = {}
        now: dict[tuple[str, str], set[str]] = {}
        for package in previous:
            before.setdefault((package.type, package.name), set()).add(package.version)
        for row in facts.packages:
            now.setdefault((row.package.type, row.name), set()).add(row.full_version)
        for key in sorted(before.keys() | now.keys()):
            if (not types or key[0] in types) and _kind(before.get(key), now.get(key)) == kind:
                yield TriggerMatch(message=f"Package {key[1]} ({key[0]}) {_WORDS[kind]}", subject=f"{key[0]} {key[1]}")

    return check


def _kind(before: set[str] | None, now: set[str] | None) -> str:
    if before is None:
        return "added"
    if now is None:
        return "removed"
    return "modified" if before != now else ""


def _packages(values: Values) -> Scope:
    return Scope(PACKAGES, frozenset(values.texts("package_type")))


TRIGGERS = tuple(
    Trigger(
        gate="tag_drift",
        name=f"packages_{kind}",
        check=_drift(kind),
        scope=_packages,
        is_enterprise=True,
        parameters=(Parameter(name="package_type", kind=Kind.TEXTS),),
        about=f"Fires for each package that {words} since the tag's last image.",
    )
    for kind, words in _WORDS.items()
)
