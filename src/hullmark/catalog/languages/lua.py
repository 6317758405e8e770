"""Lua rocks: *.rockspec files in the trees of LuaRocks (LuaRocks' wiki, "Rockspec format"; Lua 5.4 reference manual, section 3).

A rockspec is a Lua program that sets globals. Assignments of texts and of known names, joined by `..`, are understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from re import Match

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

# Each form matches whatever follows, so that no text is looked at twice.
_TOKEN = late(
    r"(?P<skip>[ \t\r\n]+)|(?P<open>(?:--)?\[(?P<level>=*)\[)|(?P<comment>--[^\n]*)"
    r"""|"(?P<double>(?:[^"\\\n]|\\.)*+)"?|'(?P<single>(?:[^'\\\n]|\\.)*+)'?"""
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d[\d.]*)|(?P<mark>\.\.|.)",
    16,  # DOTALL
)
_ESCAPE = late(r"\\(.)", 16)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_OPEN, _CLOSE = frozenset("{(["), frozenset("})]")
_IS_NAME = late(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z._+]{0,63}(?:-\d{1,9})?").fullmatch
_FILE_NAME = late(r"(.{1,128}?)-([0-9a-z][^-]{0,63}-\d{1,9})\.rockspec").fullmatch
_NUMBERED = late(r"([A-Za-z]{2,20}) (\d{1,3}(?:\.\d{1,3}){1,2})").fullmatch
_KEYS = frozenset(("license", "homepage"))


class Rock(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a rockspec says; "" for what only running it would tell."""

    name: str
    version: str
    license: str = ""
    homepage: str = ""


Token = tuple[str, str]
"""Kind (text, name or mark) and value."""


def _tokens(source: str) -> list[Token]:
    """All tokens. What stands in long brackets that do not end is not looked at, as Lua would refuse the whole."""
    tokens: list[Token] = []
    at = 0
    while (found := _TOKEN.match(source, at)) is not None:
        at = found.end()
        if found["open"] is not None:
            close = f"]{found['level']}]"
            end = source.find(close, at)
            if end < 0:
                break
            if not found["open"].startswith("--"):
                tokens.append(("text", source[at:end].removeprefix("\n")))
            at = end + len(close)
        elif found["skip"] is None and found["comment"] is None:
            tokens.append(_token(found))
    return tokens


def _token(found: Match[str]) -> Token:
    if found["name"] is not None:
        return "name", found["name"]
    if found["mark"] is not None:
        return "mark", found["mark"]
    if found["number"] is not None:
        return "text", found["number"]
    quoted = found["double"] if found["double"] is not None else found["single"]
    return "text", _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted)


def _collect_assignments(tokens: list[Token]) -> dict[str, str]:
    """The globals and locals that are set outside of all brackets, and what the table `description` holds (`description.license`)."""
    known: dict[str, str] = {}
    depth, table = 0, ""
    for at, (kind, value) in enumerate(tokens):
        if kind == "mark":
            depth += (value in _OPEN) - (value in _CLOSE)
            table = "" if value in _CLOSE and depth <= 0 else table
        elif (
            kind == "name" and tokens[at + 1 : at + 2] == [("mark", "=")] and tokens[at + 2 : at + 3] != [("mark", "=")]
        ):
            if depth == 0 and tokens[at + 2 : at + 3] == [("mark", "{")]:
                table = value
            elif depth == 0 and value not in known:
                _set(known, value, tokens, at + 2)
            elif depth == 1 and table == "description" and value in _KEYS:
                _set(known, f"description.{value}", tokens, at + 2)
    return known


def _set(known: dict[str, str], key: str, tokens: list[Token], at: int) -> None:
    """The value of an expression of texts and known names joined by `..`; nothing for other ones."""
    parts: list[str] = []
    while True:
        kind, value = tokens[at] if at < len(tokens) else ("", "")
        if kind == "text":
            parts.append(value)
        elif kind == "name" and value in known:
            parts.append(known[value])
        else:
            return
        if tokens[at + 1 : at + 2] != [("mark", "..")]:
            break
        at += 2
    if tokens[at + 1 : at + 2] not in ([("mark", ":")], [("mark", "(")], [("mark", ".")], [("mark", "[")]):
        known[key] = "".join(parts)[:4096]


def extract(path: str, body: memoryview, report: Report) -> Rock | None:
    """The package and version that are plain; the file's name supplies what is missing."""
    known = _collect_assignments(_tokens(text_of(body)))
    name, version = known.get("package", "").strip(), known.get("version", "").strip()
    licence = known.get("description.license", "").strip()[:512]
    numbered = _NUMBERED(licence)
    return Rock(
        name if _IS_NAME(name) else "",
        version if _IS_VERSION(version) else "",
        f"{numbered[1]}-{numbered[2]}" if numbered else licence,
        known.get("description.homepage", "")[:1024],
    )


ROCKSPEC = Read(name="lua-rockspec", fact=Rock, globs=("**/*.rockspec",), extract=extract, limit=MIB // 4)


def assemble(view: View) -> Iterator[Package]:
    """One package a rockspec."""
    for found in view.facts(ROCKSPEC):
        fact = found.fact
        named = _FILE_NAME(found.path.rpartition("/")[2])
        name = fact.name or (named[1] if named and _IS_NAME(named[1]) else "")
        version = fact.version or (named[2] if named and _IS_VERSION(named[2]) else "")
        if not name:
            view.problem(found.path, "neither the rockspec nor its file's name tells which package it is about")
            continue
        yield Package(
            type="luarocks",
            name=name,
            version=version or UNKNOWN_VERSION,
            purl=make_purl("luarocks", name, version),
            cataloger="lua",
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"homepage": fact.homepage} if fact.homepage else {},
        )


CATALOGER = Cataloger(name="lua", types=("luarocks",), reads=(ROCKSPEC,), assemble=assemble)
