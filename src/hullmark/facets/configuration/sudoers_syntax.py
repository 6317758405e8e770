"""The lines of sudoers(5): aliases, Defaults, and who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.written import split_at_commas

ALIASES = {
    "User_Alias": "user",
    "Runas_Alias": "runas",
    "Host_Alias": "host",
    "Cmnd_Alias": "command",
    "Cmd_Alias": "command",
}
"""The word that begins a line of aliases → the kind of the aliases."""

_SWITCHES = ("EXEC", "FOLLOW", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "INTERCEPT", "PASSWD", "SETENV")
TAGS = frozenset((*_SWITCHES, *(f"NO{switch}" for switch in _SWITCHES)))
"""Tags: words that may come, with a colon, before a command."""

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    r"(?P<blank>[ \t]+)"
    r"|(?P<digest>sha(?:224|256|384|512)[ \t]*:[ \t]*[A-Za-z0-9+/=]+)"
    r"|(?P<option>(?:ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)[ \t]*=[ \t]*"
    rf"(?:{_QUOTED}|(?:[^\\ \t,:\"]|\\.)+))"
    rf"|(?P<tag>(?:{'|'.join(sorted(TAGS))})[ \t]*:)"
    r"|(?P<command>(?:\^?/|sudoedit(?=[ \t]))(?:[^\\,:#]|\\.)*)"
    r"|(?P<address>(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:/[0-9A-Fa-f:]+)?)"
    rf'|(?P<word>(?:%:|%|\+)?(?:#-?[0-9]+|{_QUOTED}|(?:[^\\ \t,:=!()"#]|\\.)+))'
    r"|(?P<mark>[,:=!()])",
    re.DOTALL,
)
_DEFAULT = re.compile(r"([! \t]*)([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?:([+-]?=)[ \t]*(.*))?", re.DOTALL).fullmatch
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PUNCTUATION = re.compile(r"\\([:\\,= \t#])")
_INCLUDE = re.compile(r"\s*#include(dir)?\s").match
_SCOPES = "@:!>"
_SCOPE_ITEM = rf'(?:{_QUOTED}|[^\\\s,"]|\\.)+'
_SCOPE = re.compile(rf"{_SCOPE_ITEM}(?:[ \t]*,[ \t]*{_SCOPE_ITEM})*", re.DOTALL).match
_ALIAS = re.compile(r"[A-Z][A-Z0-9_]*").fullmatch


class NotRead(Exception):
    """The line cannot be read; the message says why, as a sentence without an end."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that users may run with the same rights. `groups` are those that they may take on; `options` are `NAME=value`."""

    users: tuple[str, ...]
    hosts: tuple[str, ...]
    runas: tuple[str, ...]
    groups: tuple[str, ...]
    options: tuple[str, ...]
    tags: tuple[str, ...]
    commands: tuple[str, ...]


class Default(msgspec.Struct, frozen=True):
    """One setting of a Defaults line. `operator` is `=`, `+=`, `-=`, or empty for a switch, whose state is `is_on`."""

    name: str
    operator: str
    value: str
    is_on: bool


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line that says something, with the number it begins at: joined where it goes on, without comments."""
    start, parts = 1, [""]
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not parts[0] and len(parts) == 1:
            start = number
        body = _without_comment(line)
        goes_on = body == line and (len(line) - len(line.rstrip("\\"))) % 2 == 1
        parts.append(body[:-1] if goes_on else body)
        if not goes_on:
            joined = "".join(parts).strip()
            if joined:
                yield start, joined
            parts = [""]
    if joined := "".join(parts).strip():
        yield start, joined


def _without_comment(line: str) -> str:
    """The line up to a `#`, unless a number follows (a numeric id), or it is the old way to write an include."""
    if _INCLUDE(line):
        return line
    quoted = False
    i = 0
    while i < len(line):
        if line[i] == "\\":
            i += 1
        elif line[i] == '"':
            quoted = not quoted
        elif line[i] == "#" and not quoted and not line[i + 1 : i + 3].lstrip("-")[:1].isdigit():
            return line[:i]
        i += 1
    return line


def plain(word: str) -> str:
    """A word with its quotes and escapes undone; what says that it is a group stays in front."""
    body = word.lstrip("%+:")
    prefix = word[: len(word) - len(body)]
    if len(body) > 1 and body[0] == body[-1] == '"':
        body = body[1:-1]
    return prefix + _ESCAPE.sub(r"\1", body)


def defaults(text: str) -> tuple[str, list[Default]]:
    """What follows `Defaults`: the scope, as `:%sudo` (empty: everyone), and the settings. Raises NotRead."""
    scope = ""
    if text[:1] and text[0] in _SCOPES and text[1:2].strip():
        scope, text = _scope(text)
    found = []
    for part in split_at_commas(text):
        match = _DEFAULT(part)
        if match is None:
            raise NotRead("a setting of Defaults cannot be read")
        negations, name, operator, value = match.groups()
        found.append(Default(name, operator or "", plain(value or ""), negations.count("!") % 2 == 0))
    return scope, found


def _scope(text: str) -> tuple[str, str]:
    """The scope, a list that may have blanks around its commas, and the rest of the line. Raises NotRead."""
    found = _SCOPE(text, 1)
    if found is None:
        raise NotRead("Defaults do not say whom they are for")
    return text[0] + ",".join(plain(part) for part in split_at_commas(found[0])), text[found.end() :].strip()


def _command(word: str) -> str:
    """A command with one blank between its words. Escapes stay where they are for the pattern, except for those of punctuation."""
    return _PUNCTUATION.sub(r"\1", " ".join(word.split()))


class _Tokens:
    """The tokens of a line as (kind, text), blanks left out."""

    def __init__(self, text: str) -> None:
        self._found: list[tuple[str, str]] = []
        self._next = 0
        i = 0
        while i < len(text):
            token = _TOKEN.match(text, i)
            if token is None:
                raise NotRead(f"{text[i : i + 20]!r} is not understood")
            if token.lastgroup != "blank":
                self._found.append((token.lastgroup or "", token[0]))
            i = token.end()

    def peek(self) -> tuple[str, str]:
        """The next token; two empty texts at the end."""
        return self._found[self._next] if self._next < len(self._found) else ("", "")

    def take(self, *kinds: str) -> str | None:
        """The next token's text if it is of one of these kinds."""
        kind, text = self.peek()
        if kind not in kinds:
            return None
        self._next += 1
        return text

    def mark(self, text: str) -> bool:
        """Whether this punctuation comes next, which is then taken."""
        if self.peek() != ("mark", text):
            return False
        self._next += 1
        return True

    def item(self, *kinds: str) -> str:
        """A word of a list, with `!` in front if it is negated. Raises NotRead."""
        negations = 0
        while self.mark("!"):
            negations += 1
        word = self.take(*kinds)
        if word is None:
            raise NotRead(f"{self.peek()[1][:20] or 'the end'!r} stands where a word should")
        is_command = word.startswith(("/", "^", "sudoedit"))
        return "!" * (negations % 2) + (_command(word) if is_command else plain(word))

    def names(self, *kinds: str) -> tuple[str, ...]:
        """A list with commas. Raises NotRead."""
        found = [self.item(*kinds)]
        while self.mark(","):
            found.append(self.item(*kinds))
        return tuple(found)


def aliases(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """What follows `User_Alias` and its like: names with their members. Raises NotRead."""
    tokens, found = _Tokens(text), []
    while True:
        name = tokens.take("word") or ""
        if not _ALIAS(name) or not tokens.mark("="):
            raise NotRead("an alias has no name in capital letters")
        found.append((name, tuple(_members(tokens))))
        if not tokens.mark(":"):
            break
    if tokens.peek()[0]:
        raise NotRead(f"{tokens.peek()[1][:20]!r} stands behind the end")
    return found


def _members(tokens: _Tokens) -> Iterator[str]:
    while True:
        digests = _digests(tokens)
        yield digests + tokens.item("word", "address", "command")
        if not tokens.mark(","):
            return


def _digests(tokens: _Tokens) -> str:
    """The digests that a command's file must have one of, with blanks behind them."""
    found = []
    while digest := tokens.take("digest"):
        found.append("".join(digest.split()) + " ")
        tokens.mark(",")
    return "".join(found)


def rules(text: str) -> Iterator[Rule]:
    """A user specification: one rule for each run of commands with the same rights. Raises NotRead."""
    tokens = _Tokens(text)
    users = tokens.names("word")
    while True:
        hosts = tokens.names("word", "address")
        if not tokens.mark("="):
            raise NotRead("no command follows")
        yield from _runs(users, hosts, tokens)
        if not tokens.mark(":"):
            break
    if tokens.peek()[0]:
        raise NotRead(f"{tokens.peek()[1][:20]!r} stands behind the end")


def _runs(users: tuple[str, ...], hosts: tuple[str, ...], tokens: _Tokens) -> Iterator[Rule]:
    """A tag holds for the commands that follow, until another one replaces it."""
    runas = _RunAs((), ())
    options: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    rights, commands = None, []
    while True:
        runas = _runas(tokens) or runas
        while (option := tokens.take("option")) is not None:
            name, _, value = option.partition("=")
            options[name.strip()] = plain(value.strip())
        tags = _tags(tokens, tags)
        now = _Rights(runas, tuple(f"{name}={value}" for name, value in options.items()), tags)
        if rights is not None and rights != now:
            yield _rule(users, hosts, rights, commands)
            commands = []
        rights = now
        commands.append(_digests(tokens) + tokens.item("command", "word"))
        if not tokens.mark(","):
            break
    yield _rule(users, hosts, rights, commands)


class _RunAs(NamedTuple):
    """The target users and groups of commands."""

    users: tuple[str, ...]
    groups: tuple[str, ...]


class _Rights(NamedTuple):
    """What comes before a command: its target users and groups, options and tags."""

    runas: _RunAs
    options: tuple[str, ...]
    tags: tuple[str, ...]


def _rule(users: tuple[str, ...], hosts: tuple[str, ...], rights: _Rights, commands: list[str]) -> Rule:
    return Rule(
        users=users,
        hosts=hosts,
        runas=rights.runas.users,
        groups=rights.runas.groups,
        options=rights.options,
        tags=rights.tags,
        commands=tuple(commands),
    )


def _runas(tokens: _Tokens) -> _RunAs | None:
    if not tokens.mark("("):
        return None
    is_named = tokens.peek() not in (("mark", ":"), ("mark", ")"))
    users = tokens.names("word") if is_named else ()
    groups = tokens.names("word") if tokens.mark(":") and tokens.peek() != ("mark", ")") else ()
    if not tokens.mark(")"):
        raise NotRead("a bracket is not closed")
    return _RunAs(users, groups)


def _tags(tokens: _Tokens, known: tuple[str, ...]) -> tuple[str, ...]:
    while (found := tokens.take("tag")) is not None:
        tag = found.rstrip(": \t")
        opposite = tag[2:] if tag.startswith("NO") else f"NO{tag}"
        known = (*(other for other in known if other not in (opposite, tag)), tag)
    return known
