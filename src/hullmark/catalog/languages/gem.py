"""Installed Ruby gems: the specifications that RubyGems writes (Gem::Specification#to_ruby). Ruby code is read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

_MAX_ITEMS = Limit(200, "licences, authors or executables of one gem")
_MAX_TEXT = Limit(1024, "characters of one value in a gem's specification", "shortened")
_MAX_STATEMENTS = Limit(2000, "assignments in a gem's specification")
_MAX_LITERAL = Limit(4096, "characters of one text in a gem's specification", "shortened")
_MAX_STEM = Limit(512, "characters of the file name of a gem's specification", "shortened")

# RubyGems' own summary of a specification, in its first lines: name, version, platform, folders.
_STUB = late(r"^# stub: (\S{1,256}) ([0-9]\S{0,255}) (\S{1,256})", re.MULTILINE).search
_STRING = late(
    r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
    r"|'([^'\\]*+(?:\\.[^'\\]*+)*+)'"
    r"|%[qQ]?(?:\{([^{}]*+)\}|\(([^()]*+)\)|\[([^\[\]]*+)\]|<([^<>]*+)>)",
    re.DOTALL,
).match
_WORDS = late(r"%w(?:\[([^\[\]]*+)\]|\(([^()]*+)\)|\{([^{}]*+)\}|<([^<>]*+)>)").match
# `s.name =` has the key ".name", `version =` the key "version".
_ASSIGNED = late(
    r"^[ \t]*+(?:\w{1,64}(?=\.))?(\.?\w{1,64})[ \t]*+=(?![=~>])[ \t]*+",
    re.MULTILINE,
).finditer
_MADE_BY = late(r"Gem::(?:Version|Platform)\.(?:new|create)[ \t]*\(?[ \t]*").match
_REST = late(r"(?:\.freeze|\.dup|\.to_s)*[ \t]*\)?[ \t\r]*(?:\n|#|;|\}|if |unless |\Z)").match
_NAMED = late(r"\w{1,64}").match
_BETWEEN = late(r"(?:[\s,]|\.freeze|\.dup)*+").match
_ESCAPE = late(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_PLACE = late(r"#\{(?:\w{1,64}(?=\.))?(\.?\w{1,64})\}")
# RubyGems writes `s.add_runtime_dependency(%q<rack>.freeze, [">= 2.2".freeze])`, in older files with add_dependency.
_NEEDED = late(r"\badd_(?:runtime_)?dependency[ \t]*\(?[ \t]*").finditer
_LISTS = {".license": "license", ".licenses": "license", ".author": "author", ".authors": "author"}
_LISTS |= {".executables": "executables"}

_LOGIN = late(r"(?<=://)[^/@\s]*@")
_IS_NAME = late(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,255}").fullmatch
_IS_VERSION = late(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?").fullmatch
_FILE_NAME = late(r"([A-Za-z0-9_][A-Za-z0-9._-]*?)-([0-9]+(?:\.[0-9A-Za-z]+)*)(?:-([A-Za-z][\w.-]*))?").fullmatch
_RUBY = "ruby"
_NAMELESS = Remark("the gem specification has no name that can be read", "unidentified")


class Gemspec(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a specification says in plain words. Empty strings: not stated, or only Ruby could evaluate it.

    `requires` are the gems that it needs when it runs, each with the requirements on its version.
    """

    name: str
    version: str
    platform: str
    stub: bool
    licenses: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    executables: tuple[str, ...] = ()
    homepage: str = ""
    requires: tuple[tuple[str, ...], ...] = ()


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if not digits:
        return {"n": "\n", "t": "\t"}.get(match[3], match[3])
    code = int(digits, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _value(match: re.Match[str]) -> str:
    """The text of a string literal."""
    index = match.lastindex or 1
    text = match[index]
    return (_ESCAPE.sub(_unescape, text) if index == 1 and "\\" in text else text)[:_MAX_TEXT]


def _scalar(source: str, start: int, known: dict[str, str]) -> str:
    """The string at `start`, if it is a literal or a known name, and the statement ends there; else ""."""
    maker = _MADE_BY(source, start)
    start = maker.end() if maker else start
    literal = _STRING(source, start, start + _MAX_LITERAL)
    if literal:
        return _fill_placeholders(_value(literal), known) if _REST(source, literal.end()) else ""
    named = _NAMED(source, start)
    return known.get(named[0], "") if named and _REST(source, named.end()) else ""


def _fill_placeholders(text: str, known: dict[str, str]) -> str:
    """Put known names into a literal's `#{…}`; "" if one of them is not known."""
    if "#{" not in text:
        return text
    text = _PLACE.sub(lambda place: known.get(place[1], place[0]), text)
    return "" if "#{" in text else text


def _items(source: str, start: int, known: dict[str, str]) -> tuple[str, ...]:
    """The strings of an array literal, or the one string, at `start`; up to the first item that is not a plain string."""
    words = _WORDS(source, start, start + _MAX_LITERAL)
    if words:
        return tuple(words[words.lastindex or 1].split()[:_MAX_ITEMS])
    if source[start : start + 1] != "[":
        one = _scalar(source, start, known)
        return (one,) if one else ()
    found: list[str] = []
    position = start + 1
    while len(found) < _MAX_ITEMS:
        between = _BETWEEN(source, position)
        position = between.end() if between else position
        item = _STRING(source, position, position + _MAX_LITERAL)
        if item is None:
            break
        found.append(_fill_placeholders(_value(item), known))
        position = item.end()
    return tuple(filter(None, found))


def _read(source: str, report: Report) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The assignments that can be understood: of one string, and of several. Each key's first counts."""
    known: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    found = _ASSIGNED(source)
    for match in islice(found, _MAX_STATEMENTS):
        key = match[1]
        group = _LISTS.get(key)
        if group is not None:
            if group not in lists:
                lists[group] = _items(source, match.end(), known)
        elif key not in known and (value := _scalar(source, match.end(), known)):
            known[key] = value
    if next(found, None) is not None:
        report(f"the gem specification has more than {_MAX_STATEMENTS:,} assignments; the rest was not read")
    if any(len(items) >= _MAX_ITEMS for items in lists.values()):
        report(f"the gem specification has a list of {_MAX_ITEMS} items or more; the rest was not read")
    return known, lists


def extract(path: str, body: memoryview, report: Report) -> Gemspec | None:
    """Read the plain assignments and the stub line; the file's name may supply what is missing."""
    source = bytes(body).decode("utf-8", "replace")
    stub = _STUB(source[:4096])
    if not stub and "Gem::Specification" not in source:
        report("this is not a gem specification")
        return None
    known, lists = _read(source, report)
    name, version, platform = (known.get(key, "") for key in (".name", ".version", ".platform"))
    if stub:
        # The assignments win, as they do when Ruby runs them; the stub has what they leave to a constant.
        name, version, platform = name or stub[1], version or stub[2], platform or stub[3]
    return Gemspec(
        name if _IS_NAME(name) else "",
        version if _IS_VERSION(version) else "",
        platform if _IS_NAME(platform) else "",
        bool(stub),
        lists.get("license", ()),
        lists.get("author", ()),
        lists.get("executables", ()),
        _LOGIN.sub("", known.get(".homepage", "")),
        _requires(source, report),
    )


def _requires(source: str, report: Report) -> tuple[tuple[str, ...], ...]:
    """What it needs when it runs; older files repeat it for older versions of RubyGems."""
    found: dict[tuple[str, ...], None] = {}
    for match in _NEEDED(source):
        name = _STRING(source, match.end(), match.end() + _MAX_LITERAL)
        if name is None or not _IS_NAME(_value(name)):
            continue
        if len(found) >= _MAX_ITEMS:
            report(f"the gem specification depends on more than {_MAX_ITEMS} gems; the rest was not read")
            break
        between = _BETWEEN(source, name.end())
        start = between.end() if between else name.end()
        found[_value(name), *_requirements(source, start)] = None
    return tuple(found)


def _requirements(source: str, start: int) -> tuple[str, ...]:
    if source[start : start + 1] == "[":
        return _items(source, start, {})
    literal = _STRING(source, start, start + _MAX_LITERAL)
    return (_value(literal),) if literal else ()


GEMSPEC = Read(
    name="gem-specification",
    fact=Gemspec,
    globs=("**/specifications/*.gemspec", "**/specifications/*/*.gemspec", "**/bundler/gems/*/*.gemspec"),
    extract=extract,
    limit=4 * MIB,
)


def identity(found: LocatedFact[Gemspec]) -> tuple[str, str, str]:
    """Name, version and platform; what the body does not say is taken from `NAME-VERSION[-PLATFORM].gemspec`."""
    fact = found.fact
    name, version, platform = fact.name, fact.version, fact.platform
    stem = found.path.rpartition("/")[2].removesuffix(".gemspec")[:_MAX_STEM]
    rest = _FILE_NAME(f"x{stem[len(name) :]}" if name and stem.startswith(f"{name}-") else stem)
    if rest:
        name, version, platform = name or rest[1], version or rest[2], platform or rest[3] or ""
    elif _IS_NAME(stem):
        name = name or stem
    return name, version, "" if platform == _RUBY else platform


def _package(found: LocatedFact[Gemspec], name: str, version: str, platform: str) -> Package:
    fact = found.fact
    default = "/specifications/default/" in f"/{found.path}"
    notes = {
        "platform": platform,
        "default": "true" if default else "",
        "homepage": fact.homepage,
        "authors": ", ".join(fact.authors),
        "executables": ", ".join(fact.executables),
    }
    return Package(
        type="gem",
        name=name,
        version=version or UNKNOWN_VERSION,
        purl=make_purl("gem", name, version, qualifiers={"platform": platform if version else ""}),
        cataloger="gem",
        licenses=fact.licenses,
        locations=(Location(f"/{found.path}", found.layer),),
        notes={key: value for key, value in notes.items() if value},
    )


def assemble(view: View) -> Iterator[Package]:
    """One gem a specification. `default` gems came with the interpreter.

    Of a gem that bundler took from a repository only the specification counts that bundler wrote again (it has a stub
    line): the repository's own may be a template or a fixture.
    """
    for found in view.facts(GEMSPEC):
        installed = "/specifications/" in f"/{found.path}"
        if not installed and not found.fact.stub:
            continue
        name, version, platform = identity(found)
        if name:
            yield _package(found, name, version, platform)
        else:
            view.problem(found.path, _NAMELESS)


CATALOGER = Cataloger(name="gem", types=("gem",), reads=(GEMSPEC,), assemble=assemble)
