"""Words in configuration files, and how they are shown: numbers as numbers, addresses without passwords."""

from __future__ import annotations

import re

MASK = "***"
"""Replaces a password."""

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})").fullmatch
_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{1,15}").fullmatch
_AUTHORITY = re.compile(r"[^/?\s\"'<>]*")
_WILD = re.compile(r"([*?\[\\])")
_TOKEN_SCHEMES = ("http", "https")
_LONG_TOKEN = re.compile(r"(?=[^0-9]{0,200}[0-9])(?=[^A-Za-z]{0,200}[A-Za-z])[A-Za-z0-9_~+=-]{20,200}").fullmatch


def number(word: str) -> int | float | str:
    """The word as a number, if it is a plain one in base ten: no unit, no zeros in front."""
    if _INTEGER(word):
        return int(word)
    return float(word) if _DECIMAL(word) else word


def without_password(text: str) -> str:
    """The text with the passwords in its URLs masked (RFC 3986, userinfo).

    A lone user name of an http address is masked too: it is how access tokens are given. In other schemes it is a name, as in
    `ssh://git@host`, unless it is a long word of letters and digits.
    """
    if "@" not in text:
        return text
    out: list[str] = []
    at = 0
    while (found := text.find("://", at)) >= 0:
        start = found + 3
        authority = _AUTHORITY.match(text, start)
        close = text.rfind("@", start, authority.end()) if authority else -1
        out.append(text[at:start])
        at = start if close < 0 else close
        if close >= 0:
            out.append(_masked_user(text[max(0, found - 5) : found], text[start:close]))
    return "".join(out) + text[at:]


def _masked_user(scheme: str, user: str) -> str:
    name, colon, password = user.partition(":")
    if colon:
        return f"{name}:{MASK}" if password else user
    is_token = scheme.lower().endswith(_TOKEN_SCHEMES) or _LONG_TOKEN(user) is not None
    return MASK if is_token and user else user


def plain_glob(path: str) -> str:
    """The path as a glob(7) pattern that fits nothing else."""
    return _WILD.sub(r"\\\1", path)


def beside(path: str, target: str) -> str:
    """Where a path that a file names leads: one that is not absolute begins in the file's own folder."""
    return target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"


def split_at_commas(text: str) -> list[str]:
    """The parts of a text between commas that are neither quoted nor escaped; blanks around them are cut."""
    parts: list[str] = []
    start, quoted, i = 0, False, 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == '"':
            quoted = not quoted
        elif text[i] == "," and not quoted:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    return [*parts, text[start:].strip()]
