"""Where apt gets packages from: lines of sources.list, and stanzas of *.sources (sources.list(5), deb822)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.written import without_password
from hullmark.model.setting import Value

INLINE = "inline"
"""Replaces a key that is written out in place of a path."""

_LINE = re.compile(r"(\S+)\s+(?:\[([^\]]*)\]\s*)?(\S.*)").fullmatch
_WORD = re.compile(r'(?:"[^"]{0,999}"|\[[^\]]{0,999}\]|[^\s"\[])+|[\["]\S*')
_HEXADECIMAL = re.compile(r"%([0-9A-Fa-f]{2})")
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)").fullmatch
_SWITCHES = frozenset(
    ("trusted", "allow_insecure", "allow_weak", "allow_downgrade_to_insecure", "check_valid_until", "check_date")
)
_SWITCHES |= {"pdiffs", "by_hash", "enabled"}
_LISTS = frozenset(("types", "uris", "suites", "components", "signed_by", "architectures", "languages", "targets"))
_ONE_LINE_NAMES = {"arch": "architectures", "lang": "languages", "target": "targets"}
_ON = ("yes", "true", "with", "on", "enable", "1")
_OFF = ("no", "false", "without", "off", "disable", "0")
_NEEDED = ("types", "uris", "suites")


class Source(msgspec.Struct, frozen=True):
    """One source: its fields by their names in small letters with underscores, and where each is written."""

    fields: dict[str, tuple[Value, int]]
    path: str
    line: int


def sources(files: Files, tree: IncludeTree, path: str) -> Iterator[Source]:
    """The sources of one file that are not switched off."""
    with tree.opened(path) as text:
        found = _stanzas(files, path, text or "") if path.endswith(".sources") else _lines(files, path, text or "")
    for source in found:
        missing = [name for name in _NEEDED if not source.fields.get(name, ((), 0))[0]]
        if missing:
            files.problem(path, f"a source has no {' and no '.join(missing)}", source.line)
        elif source.fields.get("enabled", (True, 0))[0] is not False:
            yield source


def _lines(files: Files, path: str, text: str) -> Iterator[Source]:
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        found = _LINE(line)
        words = [_unquote(word) for word in _WORD.findall(found[3])] if found else []
        if found is None or found[1] not in ("deb", "deb-src"):
            files.problem(path, "it is not a source", number)
            continue
        fields: dict[str, Value] = {"types": (found[1],), "uris": (without_password(words[0]),)}
        fields |= {"suites": tuple(words[1:2]), "components": tuple(words[2:])}
        for name, _, value in (option.partition("=") for option in (found[2] or "").split()):
            plain = name.rstrip("+-").lower().replace("-", "_")
            plain = _ONE_LINE_NAMES.get(plain, plain)
            fields[plain] = convert_value(plain, value.replace(",", " "))
        yield Source({name: (value, number) for name, value in fields.items()}, path, number)


def _unquote(word: str) -> str:
    return _HEXADECIMAL.sub(lambda found: chr(int(found[1], 16)), word.replace('"', ""))


def _stanzas(files: Files, path: str, text: str) -> Iterator[Source]:
    fields: dict[str, tuple[list[str], int]] = {}
    last: list[str] | None = None
    for number, raw in enumerate((*text.split("\n"), ""), 1):
        line = raw.rstrip()
        if line.startswith("#"):
            continue
        found = _FIELD(line)
        if not line:
            if fields:
                yield _source(path, fields)
            fields, last = {}, None
        elif raw[0] in " \t" and last is not None:
            last.append(line)
        elif found is not None:
            last = [found[2]]
            fields[found[1].lower().replace("-", "_")] = (last, number)
        else:
            files.problem(path, "it is not a field", number)


def _source(path: str, fields: dict[str, tuple[list[str], int]]) -> Source:
    first = min(line for _, line in fields.values())
    return Source(
        {name: (convert_value(name, "\n".join(lines)), line) for name, (lines, line) in fields.items()}, path, first
    )


def convert_value(name: str, value: str) -> Value:
    """The value of a field by what apt knows it to be."""
    if name == "signed_by" and "-----BEGIN" in value:
        return (INLINE,)
    if name in _LISTS:
        return tuple(without_password(word) for word in value.replace(",", " ").split())
    plain = value.strip()
    if name in _SWITCHES:
        return True if plain.lower() in _ON else False if plain.lower() in _OFF else plain
    return without_password(plain)
