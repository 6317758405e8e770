"""Accounts: passwd(5), shadow(5), group(5) and gshadow(5), joined. Hashes of passwords are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting
from hullmark.rootfs.reads import Remark

_PASSWD, _SHADOW, _GROUP, _GSHADOW = "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"

_ID = re.compile(r"\d{1,10}").fullmatch
_DAYS = re.compile(r"-?\d{1,9}").fullmatch
_MODULAR = re.compile(r"\$([A-Za-z0-9-]{1,16})[$,]").match
_DES = re.compile(r"[./0-9A-Za-z]{13}").fullmatch
_HASHES = {
    "1": "md5",
    "2": "bcrypt",
    "2a": "bcrypt",
    "2b": "bcrypt",
    "2x": "bcrypt",
    "2y": "bcrypt",
    "3": "nt",
    "5": "sha256",
    "6": "sha512",
    "7": "scrypt",
    "gy": "gost-yescrypt",
    "md5": "sunmd5",
    "sha1": "sha1",
    "sm3": "sm3",
    "sm3y": "sm3-yescrypt",
    "y": "yescrypt",
}
_MASKED = re.compile(r"\*{3,}").fullmatch
_NO_HASH = frozenset({"x", "NP", "LK", "NOLOGIN"})
_AGES = (
    "password_changed",
    "password_min_days",
    "password_max_days",
    "password_warn_days",
    "password_inactive_days",
    "expires",
)
_MAX_LIST = Limit(10_000, "users with root's rights, and numbers of users that stand twice")


class _Entry(msgspec.Struct, frozen=True):
    """One line of a file, its fields and its number."""

    fields: list[str]
    line: int

    @property
    def name(self) -> str:
        """What the line is about."""
        return self.fields[0]


def _entries(files: Files, path: str, counts: tuple[int, ...]) -> Iterator[_Entry]:
    """The lines of a file that have as many fields as they must. NIS lines (`+`, `-`) may have fewer."""
    text = files.text(path) if files.status(path) is not None else None
    for number, line in enumerate((text or "").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.rstrip("\r").split(":")
        if fields[0][:1] in ("+", "-") and len(fields) < counts[0]:
            fields += [""] * (counts[0] - len(fields))
        if len(fields) in counts and fields[0]:
            yield _Entry(fields, number)
        else:
            files.problem(path, f"a line with {len(fields)} fields, not {counts[0]}", number)


def _by_name(files: Files, path: str, counts: tuple[int, ...]) -> dict[str, _Entry] | None:
    """The lines of a shadow file; of two about the same name the first counts. None for a file that exists but was not read."""
    if files.status(path) is not None and files.text(path) is None:
        return None
    found: dict[str, _Entry] = {}
    for entry in _entries(files, path, counts):
        if entry.name in found:
            files.problem(path, Remark(f"a second line about {entry.name[:100]}, which does not count"), entry.line)
        else:
            found[entry.name] = entry
    return found


def state(field: str) -> tuple[str, str]:
    """The state in a password field, `locked`, `none` (no password needed) or `set`, and the kind of hash, if any."""
    if not field:
        return "none", ""
    if _MASKED(field):
        return "set", "unknown"
    is_locked = field[0] in "!*" or field in _NO_HASH
    hashed = field.lstrip("!*")
    modular = _MODULAR(hashed)
    if modular:
        kind = _HASHES.get(modular[1], "unknown")
    elif hashed.startswith("_"):
        kind = "bsdi"
    elif _DES(hashed):
        kind = "des"
    else:
        kind = "" if is_locked else "unknown"
    return ("locked" if is_locked else "set"), kind


class _Password(NamedTuple):
    """The state of a password (None: unknown), how it is hashed, and where that is written."""

    state: str | None
    hashed: str
    path: str
    line: int


def _password(entry: _Entry, shadow: dict[str, _Entry] | None) -> _Password:
    """The password of a user or group: `x` in passwd or group refers to the shadow file."""
    is_user = len(entry.fields) == 7
    path, second = (_PASSWD, _SHADOW) if is_user else (_GROUP, _GSHADOW)
    field = entry.fields[1]
    if field == "x":
        shadowed = (shadow or {}).get(entry.name)
        if shadowed is None:
            return _Password(None if shadow is None else "x missing", "", path, entry.line)
        field, path, entry = shadowed.fields[1], second, shadowed
    # For newgrp(1) an empty password means that nobody may join.
    shown, hashed = state(field) if field or is_user else ("locked", "")
    return _Password(shown, hashed, path, entry.line)


def _user(collected: SettingCollector, key: str, entry: _Entry, shadow: dict[str, _Entry] | None) -> None:
    uid, gid, gecos, home, shell = entry.fields[2:]
    at = (_PASSWD, entry.line)
    for name, number in (("uid", uid), ("gid", gid)):
        collected.add(f"{key}.{name}", int(number) if number else None, *at)
    for name, word in (("gecos", gecos), ("home", home), ("shell", shell)):
        collected.add(f"{key}.{name}", word, *at)
    password = _password(entry, shadow)
    collected.add(f"{key}.password", password.state, password.path, password.line)
    if password.hashed:
        collected.add(f"{key}.password_hash", password.hashed, password.path, password.line)
    shadowed = (shadow or {}).get(entry.name)
    for name, days in zip(_AGES, shadowed.fields[2:8] if shadowed else (), strict=False):
        if shadowed and _DAYS(days):
            collected.add(f"{key}.{name}", int(days), _SHADOW, shadowed.line)


def users(files: Files) -> list[Setting]:
    """The users. `passwd.uid0` are those with root's rights, `passwd.duplicate_uids` the numbers that more than one has."""
    collected, names = SettingCollector(files, _PASSWD), BracketedNames()
    shadow = _by_name(files, _SHADOW, (9, 8))
    by_uid: dict[int, list[_Entry]] = {}
    for entry in _entries(files, _PASSWD, (7,)):
        is_nis = entry.name[0] in "+-"
        if not all(_ID(field) or (is_nis and not field) for field in entry.fields[2:4]):
            files.problem(_PASSWD, "a line whose uid or gid is not a number", entry.line)
            continue
        _user(collected, f"passwd.user[{names.name(entry.name)}]", entry, shadow)
        if entry.fields[2]:
            by_uid.setdefault(int(entry.fields[2]), []).append(entry)
    if by_uid:
        roots = by_uid.get(0, [])
        twice = tuple(str(uid) for uid, entries in sorted(by_uid.items()) if len(entries) > 1)
        at = (_PASSWD, roots[-1].line if roots else 1)
        if max(len(roots), len(twice)) > _MAX_LIST:
            files.problem(_PASSWD, "so many users with root's rights, or numbers that stand twice, are not told")
        collected.add("passwd.uid0", tuple(entry.name for entry in roots[:_MAX_LIST]), *at)
        collected.add("passwd.duplicate_uids", twice[:_MAX_LIST], *at)
    return collected.settings()


def groups(files: Files) -> list[Setting]:
    """The groups. Members are those that a line of group(5) names, not those whose first group it is."""
    collected, names = SettingCollector(files, _GROUP), BracketedNames()
    gshadow = _by_name(files, _GSHADOW, (4,))
    for entry in _entries(files, _GROUP, (4,)):
        gid, members = entry.fields[2:]
        if not _ID(gid) and not (entry.name[0] in "+-" and not gid):
            files.problem(_GROUP, "a line whose gid is not a number", entry.line)
            continue
        key = f"group.group[{names.name(entry.name)}]"
        collected.add(f"{key}.gid", int(gid) if gid else None, _GROUP, entry.line)
        collected.add(f"{key}.members", _list(members), _GROUP, entry.line)
        password, hashed, path, line = _password(entry, gshadow)
        collected.add(f"{key}.password", password, path, line)
        if hashed:
            collected.add(f"{key}.password_hash", hashed, path, line)
        shadowed = (gshadow or {}).get(entry.name)
        if shadowed is not None:
            collected.add(f"{key}.administrators", _list(shadowed.fields[2]), _GSHADOW, shadowed.line)
    return collected.settings()


def _list(field: str) -> tuple[str, ...]:
    return tuple(name for name in field.split(",") if name)


PASSWD = Parser(name="passwd", globs=("etc/passwd", "etc/shadow"), settings=users)
"""Users. `password` is `locked`, `none` (anyone may log in), `set`, or `x missing` where shadow(5) has no line about the user."""

GROUP = Parser(name="group", globs=("etc/group", "etc/gshadow"), settings=groups)
"""Groups, with members and administrators."""

PARSERS = (PASSWD, GROUP)
