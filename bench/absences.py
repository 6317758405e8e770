"""Why another scanner may list what Hullmark does not: each reason with the test that it applies to a package at its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bench.native.answer import Item

_LOCKS = re.compile(
    r"(?:/(?:Gemfile\.lock|\.?package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|Pipfile\.lock|Cargo\.lock|go\.mod|pom\.xml)"
    r"|requirements[^/]*\.txt|\.pom)$"
).search
_TESTS = re.compile(r"/(?:tests?|test-fixtures|fixtures?|examples?)/").search
_INSTALLED = re.compile(r"/node_modules/(?:@[^/]+/)?[^/@]+/package\.json$").search


@dataclass(frozen=True, slots=True)
class Absence:
    """A reason, and whether it is the one for this package of this type; `others` is what Hullmark lists at the place."""

    reason: str
    holds: Callable[[str, Item, list[Item]], bool]


def _is_elsewise_named(kind: str, item: Item, others: list[Item]) -> bool:
    return kind in ("maven", "golang") and bool(others)


ABSENCES = (
    Absence(
        "a lock file or manifest names it: what will be installed, not what is; it counts in folders",
        lambda kind, item, _: _LOCKS(item.place) is not None,
    ),
    Absence(
        "the file is data of a test, or an example, of another package",
        lambda kind, item, _: _TESTS(item.place) is not None or item.place.endswith(".whl"),
    ),
    Absence(
        "a package.json within an installed package: it tells a module's kind, or another entry, and is no package of its own",
        lambda kind, item, _: (
            kind == "npm"
            and "/node_modules/" in item.place
            and (_INSTALLED(item.place) is None or item.version in ("", "UNKNOWN"))
        ),
    ),
    Absence(
        "Hullmark lists the program for Windows as what it is, and not as a library of .NET",
        lambda kind, item, _: kind == "nuget" and item.place.lower().endswith((".exe", ".dll")),
    ),
    Absence(
        "the program at that place is listed; its version was read off some text in it, which is no evidence",
        lambda kind, item, others: (
            kind == "golang" and any(other.name == item.name and other.version == "UNKNOWN" for other in others)
        ),
    ),
    Absence("the archive or program at that place is listed under another name or version", _is_elsewise_named),
)


def reason_for(kind: str, item: Item, others: list[Item]) -> str | None:
    """The first reason that holds; None if nothing explains it."""
    return next((absence.reason for absence in ABSENCES if absence.holds(kind, item, others)), None)
