"""Writes docs/reference/limits.md: every bound on input that stands in the program, with what follows beyond it.

python -m tools.limits          # writes the page
python -m tools.limits --check  # exit status 1 unless it is current
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

import hullmark
from hullmark.model.limit import Effect, Limit
from hullmark.rootfs.reads import Read

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "limits.md"
_MIGRATIONS = "hullmark.server.tables.migrations."
_GIVEN = re.compile(r"^(\w+)\b[^=\n(]*=(?!=)", re.MULTILINE).findall
_STARTS = re.compile(r"(?:__main__|\.env)$")

_HEAD = """# Limits

Everything that comes from outside (images, feeds, requests, documents) is bounded, so that no input can take all memory, time or disk.
This page lists each bound, what it is unless you set it otherwise, and what follows for verdicts where something lies beyond it.
It is made of the program itself by `python -m tools.limits`.

Beyond a limit, one of these follows:

| effect | what it means |
| --- | --- |
| unseen | The rest is not seen, and a problem in the result says so. A rule that looks there cannot tell: it stops for what was found, \
else its verdict is `unknown`, never `go`. Of a feed: it covers nothing until it is read whole. |
| refused | The whole input is refused with an error that says why: exit status 2, or an error of the API. There is no verdict. |
| shortened | Only what is shown or asked at once is cut. Verdicts are what they would be without the limit. |
| later | Nothing is lost: the rest is done afterwards, in parts. |
"""

_ROOMS = {
    "rootfs": "Layers and files",
    "catalog": "Packages, and inventories that are imported",
    "catalog/relations": "Relations between packages",
    "catalog/licences": "Texts of licences",
    "model/licences": "Terms of licences",
    "facets": "Contents: secrets, malware, certificates, configuration",
    "source": "Where images come from",
    "proof": "Signatures and attestations",
    "advisories/feeds": "Advisories that are read",
    "advisories/database": "The database of advisories",
    "versions": "Versions and their ranges",
    "reach": "What an image's start reaches",
    "maintenance/upkeep": "What is newer than the packages",
    "maintenance/remedy": "What makes an image pass",
    "isolation": "How workloads are isolated",
    "advisories/match": "Matching, VEX documents and ignore rules",
    "policy": "Policies and Dockerfiles",
    "report": "Reports",
    "notify": "Notices",
    "net": "The network",
    "scanning": "Scans",
    "app": "What the command line does",
    "server": "The server",
    "cli": "The command line",
    "model": "Values",
}


class Bound(NamedTuple):
    """One limit, with the module and the name that it has there (`Limits.entries` for a field, `STATUS.limit` for that of a Read)."""

    module: str
    name: str
    number: int
    what: str
    effect: Effect
    option: str

    @property
    def room(self) -> str:
        """The room of the program that it stands in; the room within it, where that has a title of its own."""
        parts = self.module.split(".")
        inner = "/".join(parts[1:3])
        return inner if inner in _ROOMS else parts[1]


def modules() -> Iterator[ModuleType]:
    """Every module of the program, but those that do something when they are imported."""
    for info in pkgutil.walk_packages(hullmark.__path__, "hullmark."):
        if not info.name.startswith(_MIGRATIONS) and not _STARTS.search(info.name):
            yield import_module(info.name)


@functools.cache
def bounds() -> tuple[Bound, ...]:
    """All limits of the program, sorted by module and name."""
    return tuple(sorted({bound for module in modules() for bound in _of_module(module)}))


def defined_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The names that a module gives at its top level, with their values; not those that it imports."""
    given = frozenset(_GIVEN(inspect.getsource(module)))
    for name, value in list(vars(module).items()):
        if name in given or isinstance(value, type):
            yield name, value


def _of_module(module: ModuleType) -> Iterator[Bound]:
    for name, value in defined_in(module):
        if isinstance(value, Limit):
            yield _bound(module, name, value)
        elif isinstance(value, Read):
            yield from _of_read(module, name, value)
        elif isinstance(value, Mapping):
            for key, each in value.items():
                if isinstance(each, Limit):
                    yield _bound(module, f"{name}[{key}]", each)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from _of_class(module, value)


def _of_class(module: ModuleType, kind: type) -> Iterator[Bound]:
    """The fields of a struct whose defaults are limits."""
    if issubclass(kind, msgspec.Struct):
        # Not msgspec.structs.fields: it evaluates types, some of which are imported for checking only.
        defaults = kind.__struct_defaults__
        for name, default in zip(kind.__struct_fields__[-len(defaults) :] if defaults else (), defaults, strict=True):
            if isinstance(default, Limit):
                yield _bound(module, f"{kind.__name__}.{name}", default)


def _of_read(module: ModuleType, name: str, read: Read[Any]) -> Iterator[Bound]:
    """What is read of one kind of file. Larger ones are no loss where they are read piece by piece."""
    numbers = {
        "limit": (
            read.limit if read.oversize is None and read.oversize_at is None else None,
            "bytes of one file of the kind",
        ),
        "layer_limit": (read.layer_limit, "bytes in one layer of files of the kind"),
        "image_limit": (read.image_limit, "bytes kept of one image from files of the kind"),
    }
    for field, (number, what) in numbers.items():
        if isinstance(number, Limit):
            yield _bound(module, f"{name}.{field}", number)
        elif number is not None:
            yield Bound(module.__name__, f"{name}.{field}", number, f"{what} `{read.name}`", "unseen", "")


def _bound(module: ModuleType, name: str, limit: Limit) -> Bound:
    return Bound(module.__name__, name, int(limit), limit.what, limit.effect, limit.option)


def readable(number: int, what: str) -> str:
    """A number for people: bytes in the largest unit that divides them, all else with thousands set apart."""
    if what.startswith("bytes"):
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if number >= size and not number % size:
                return f"{number // size:,} {unit}"
    return f"{number:,}"


def page() -> str:
    """The page, as Markdown."""
    found = bounds()
    parts = [_HEAD]
    for room, title in _ROOMS.items():
        rows = sorted({_row(bound) for bound in found if bound.room == room})
        if rows:
            table = ["| what | at most | beyond | set by |", "| --- | --- | --- | --- |", *rows]
            parts.append(f"\n## {title}\n\n" + "\n".join(table) + "\n")
    return "".join(parts)


def _row(bound: Bound) -> str:
    option = f"`{bound.option}`" if bound.option else ""
    return f"| {bound.what} | {readable(bound.number, bound.what)} | {bound.effect} | {option} |".replace("|  |", "| |")


def main() -> int:
    """Write the page, or say whether it is current."""
    made = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text("utf-8") == made else 1
    PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
