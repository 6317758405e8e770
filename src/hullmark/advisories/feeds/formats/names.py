"""Which packages a record that cannot be read is about: what it names where names stand in records of its format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.purl import unquote

NamesOf = Callable[[bytes | msgspec.Raw], frozenset[str] | None]
"""The names in a record's JSON; None where that cannot be told."""

_MAX_NAMES = Limit(5_000, "names in a record that cannot be read (a record with more may be about any package)")
_EACH, _ALL = "*", "**"
_PURL = re.compile(r"pkg:[^/\s]+/([^@?#\s]+)").match
_CPE = re.compile(r"cpe:(?:2\.3:|/)([aho]:[^:\s]+:[^:\s]+)").match
_PARTS = re.compile(r"[^\w.+~-]+")
_BUILD = re.compile(r"-(?=\d)")


def untold(_: bytes | msgspec.Raw) -> frozenset[str] | None:
    """Of formats whose records do not tell in few places what they are about."""
    return None


def only(*names: str) -> NamesOf:
    """The names that are known from elsewhere."""
    return lambda _: frozenset(names)


def found_at(*places: str) -> NamesOf:
    """What stands at these places of a record (see `names_at`)."""

    def read(data: bytes | msgspec.Raw) -> frozenset[str] | None:
        try:
            return names_at(msgspec.json.decode(data), *places)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None

    return read


def names_at(record: object, *places: str) -> frozenset[str] | None:
    """What may be a package's name in the texts at some places of decoded data: the text, what a purl or CPE names, parts of builds.

    A place is a path of keys, `affected.*.package.name`: `*` is each item of a list, a last `**` every text below. None where one of the
    places is not there or is not a text, and where there are too many names.
    """
    found: set[str] = set()
    try:
        for place in places:
            for text in _texts(record, place.split(".")):
                found.update(_names(text))
                if len(found) > _MAX_NAMES:
                    return None
    except (LookupError, TypeError, RecursionError):
        return None
    return frozenset(found)


def _texts(value: object, path: list[str]) -> Iterator[str]:
    """The texts at a place. Raises LookupError or TypeError for what is not there."""
    if not path:
        if not isinstance(value, str):
            raise TypeError("not a text")
        yield value
    elif path[0] == _ALL:
        yield from _all_texts(value)
    elif path[0] == _EACH:
        if not isinstance(value, list):
            raise TypeError("not a list")
        for item in value:
            yield from _texts(item, path[1:])
    elif isinstance(value, dict):
        yield from _texts(value[path[0]], path[1:])
    else:
        raise TypeError("not an object")


def _all_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _all_texts(item)


def _names(text: str) -> Iterator[str]:
    yield text.strip()
    purl, cpe = _PURL(text), _CPE(text)
    if purl is not None:
        space, _, name = unquote(purl[1]).rpartition("/")
        yield from (name, f"{space}/{name}", f"{space}:{name}") if space else (name,)
    elif cpe is not None:
        yield cpe[1]
    elif "://" not in text:
        for part in filter(None, _PARTS.split(text)):
            yield part
            yield from (part[: found.start()] for found in _BUILD.finditer(part))
