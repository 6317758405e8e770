"""pg_hba.conf and pg_ident.conf: who may log on, from where and how (PostgreSQL, Client Authentication, sections 20.1 and 20.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.written import MASK, beside, plain_glob
from hullmark.model.limit import Limit
from hullmark.model.setting import Value
from hullmark.rootfs.reads import Remark

Field = tuple[str, ...]
"""The words of one field, which commas part. A quoted word that would mean more without its quotes keeps them."""

_TYPES = ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_METHOD_NAMES = "trust reject scram-sha-256 md5 password gss sspi ident peer pam ldap radius cert bsd oauth"
_METHODS = frozenset(_METHOD_NAMES.split())
_KEYWORDS = frozenset(("all", "sameuser", "samerole", "samegroup", "replication", "samehost", "samenet"))
_SECRET = re.compile(r"(ldapbindpasswd|radiussecrets)=.*", re.DOTALL)
_IP = re.compile(r"[0-9.]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%.*)?").fullmatch
_WORD = re.compile(r'[^\s,"#]+')
_SPACE = " \t\r\f\v"
_INCLUDES = ("include", "include_if_exists", "include_dir")
_MAX_WORDS = Limit(10_000, "words of one field in pg_hba.conf")


class Line(msgspec.Struct, frozen=True):
    """One effective line, split into fields."""

    fields: tuple[Field, ...]
    path: str
    line: int


Record = list[tuple[str, Value]]


def read_lines(files: Files, tree: IncludeTree, path: str, by: str = "", at: int = 0) -> Iterator[Line]:
    """The lines of a file and of those that it includes, in their order."""
    with tree.opened(path, by, at) as text:
        for number, line in _join_lines(text or ""):
            fields = tuple(_expand_field(files, tree, Line((field,), path, number)) for field in _fields(line))
            if len(fields) == 2 and fields[0][:1] and fields[0][0] in _INCLUDES and fields[1]:
                yield from _include(files, tree, Line(fields, path, number))
            elif fields:
                yield Line(fields, path, number)


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that they go on in, after a backslash at their end; the number is that of the first."""
    pieces: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        if line.endswith("\\"):
            pieces.append(line[:-1])
            continue
        yield number - len(pieces), "".join((*pieces, line))
        pieces = []
    if pieces:
        yield text.count("\n") + 2 - len(pieces), "".join(pieces)


def _fields(line: str) -> Iterator[Field]:
    """The fields of a line, up to a comment."""
    words: list[str] = []
    at, goes_on = 0, True
    while True:
        while at < len(line) and (line[at] in _SPACE or line[at] == ","):
            at += 1
        if at >= len(line) or line[at] == "#":
            break
        word, at = _word(line, at)
        words.append(word)
        goes_on = at < len(line) and line[at] == ","
        if not goes_on:
            yield tuple(words)
            words = []
    if words:
        yield tuple(words)


def _word(line: str, start: int) -> tuple[str, int]:
    """One word and where it ends. Quotes part nothing, and two of them in quotes are one."""
    out: list[str] = []
    at, is_quoted = start, False
    while at < len(line):
        c = line[at]
        if not is_quoted and (c in _SPACE or c in ",#"):
            break
        if c == '"':
            if is_quoted and line[at + 1 : at + 2] == '"':
                out.append('"')
                at += 1
            else:
                is_quoted = not is_quoted
            at += 1
            continue
        plain = _WORD.match(line, at)
        end = plain.end() if plain else at + 1
        out.append(line[at:end])
        at = end
    word = "".join(out)
    keeps = line[start] == '"' and (word in _KEYWORDS or word[:1] in ("+", "@", "/"))
    return (f'"{word}"' if keeps else word), at


def _expand_field(files: Files, tree: IncludeTree, line: Line) -> Field:
    """The words of a field; for one that is `@` and the name of a file those that the file holds."""
    words: list[str] = []
    for word in line.fields[0]:
        if word[:1] != "@" or len(word) == 1:
            words.append(word)
            continue
        target = beside(line.path, word[1:])
        for other in read_lines(files, tree, target, line.path, line.line):
            words += (word for field in other.fields for word in field)
    if len(words) > _MAX_WORDS:
        files.problem(line.path, f"a field holds more than {_MAX_WORDS:,} words; the rest is left out", line.line)
    return tuple(words[:_MAX_WORDS])


def _include(files: Files, tree: IncludeTree, include: Line) -> Iterator[Line]:
    kind, target = include.fields[0][0], beside(include.path, include.fields[1][0].strip('"'))
    if kind != "include_dir":
        if kind == "include" or files.status(target) is not None:
            yield from read_lines(files, tree, target, include.path, include.line)
        return
    if files.status(target) is None:
        files.problem(include.path, Remark(f"the folder {target} is not there"), include.line)
    for path in tree.matching(f"{plain_glob(target)}/*.conf", include.path, include.line):
        yield from read_lines(files, tree, path, include.path, include.line)


def hba_record(fields: tuple[Field, ...]) -> Record:
    """A line of pg_hba.conf by the names of its fields. Raises ValueError with a sentence for any other line."""
    kind, *rest = (field[0] if field else "" for field in fields)
    if kind not in _TYPES:
        raise ValueError(f"{kind[:40]} is not a type of connection")
    if len(rest) < 3:
        raise ValueError("it lacks fields")
    record: Record = [("type", kind), ("databases", fields[1]), ("users", fields[2])]
    rest = rest[2:]
    if kind != "local":
        record.append(("address", rest.pop(0)))
        if _IP(str(record[-1][1])) and rest:
            record.append(("netmask", rest.pop(0)))
    if not rest or rest[0] not in _METHODS:
        raise ValueError("it names no method of authentication that is known")
    record.append(("method", rest[0]))
    if rest[1:]:
        record.append(("options", tuple(_SECRET.sub(rf"\1={MASK}", option) for option in rest[1:])))
    return record


def ident_record(fields: tuple[Field, ...]) -> Record:
    """A line of pg_ident.conf by the names of its fields. Raises ValueError with a sentence for any other line."""
    if len(fields) < 3:
        raise ValueError("it lacks fields")
    names = ("map", "system_user", "database_user")
    return [(name, field[0] if field else "") for name, field in zip(names, fields, strict=False)]
