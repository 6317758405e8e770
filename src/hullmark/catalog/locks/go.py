"""go.mod (the Go modules reference): what it requires, after its own replacements and exclusions."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "go-lock"
_VERBS = frozenset(
    ("module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore")
)
_IS_NAME = late(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,254}(?:/[A-Za-z0-9._~+-]{1,255}){0,64}").fullmatch
_IS_VERSION = late(r"v[0-9][0-9A-Za-z.+-]{0,254}").fullmatch
_TOKEN = late(r'"([^"]*)"|`([^`]*)`|([^\s"`()]+|[()])')
_IS_LOCAL = late(r"[./\\]|[A-Za-z]:").match

_Module = tuple[str, str]


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The modules that are required, as they are replaced; a folder that replaces one leaves it its name and version."""
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    required: list[_Module] = []
    excluded: set[_Module] = set()
    replaced: dict[_Module, _Module] = {}
    for verb, words in _directives(text_of(body), gathering):
        if verb == "replace":
            _replace(words, replaced, gathering)
        elif verb in ("require", "exclude"):
            if len(words) != 2:
                gathering.refuse(" ".join((verb, *words)))
            elif verb == "require":
                required.append((words[0], words[1]))
            else:
                excluded.add((words[0], words[1]))
    for module in required:
        if module not in excluded:
            gathering.add(*replaced.get(module, replaced.get((module[0], ""), module)))
    return gathering.finish(report)


def _replace(words: list[str], replaced: dict[_Module, _Module], gathering: PackageCollector) -> None:
    arrow = words.index("=>") if "=>" in words else 0
    old, new = words[:arrow], words[arrow + 1 :]
    if len(old) not in (1, 2) or len(new) not in (1, 2):
        gathering.refuse(" ".join(("replace", *words)))
    elif len(new) == 2 and not _IS_LOCAL(new[0]):
        replaced[old[0], old[1] if len(old) == 2 else ""] = (new[0], new[1])


def _directives(text: str, gathering: PackageCollector) -> Iterator[tuple[str, list[str]]]:
    """(verb, words) for each line, those of blocks with the block's verb."""
    block = ""
    for line in text.splitlines():
        words = [match[1] or match[2] or match[3] or "" for match in _TOKEN.finditer(line.partition("//")[0])]
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield block, words
        elif words[0] not in _VERBS:
            gathering.refuse(line.strip())
        elif words[1:] == ["("]:
            block = words[0]
        else:
            yield words[0], words[1:]


def _parts(name: str) -> tuple[str, str]:
    namespace, _, base = name.rpartition("/")
    return namespace, base


_GOLANG = Ecosystem(type="golang", cataloger=_NAME, parted=_parts)


def assemble(view: View) -> Iterator[Package]:
    """What the go.mod files outside Go's module store name."""
    return packages(view, (GO_MOD,), _GOLANG)


GO_MOD: Read[Listing] = Read(name="go-mod", fact=Listing, extract=extract, globs=("**/go.mod",), limit=4 * MIB)
CATALOGER = Cataloger(name=_NAME, types=("golang",), reads=(GO_MOD,), assemble=assemble)
