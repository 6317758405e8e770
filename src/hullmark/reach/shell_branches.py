"""Branches of the shell's scripts that are never taken: by what the image's variables hold and nothing changes, by the arguments of a
command, by flags that are set once (`cygwin=false`), and by what `uname` says in a container: Linux.

What is assumed of a variable holds as long as nothing that is not left out sets it to something else. The first command that did would run
while all that is assumed still holds; so it would not have been left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from hullmark.facets.configuration.shell_syntax import CompoundCommand, Node, SimpleCommand
from hullmark.facets.configuration.shell_words import ShellWord

_ROUNDS = 40
_SYSTEM = "Linux"
_UNAME = ("uname", "uname -s")
_SETTING = (
    "export",
    "readonly",
    "declare",
    "local",
    "typeset",
    "unset",
    "read",
    "mapfile",
    "readarray",
    "getopts",
    "printf",
)
_PUTTING = ("eval", "trap", "alias")
_SHIFTING = ("shift", "set")
_SET_IN_TEXT = re.compile(r"([A-Za-z_]\w*)\+?=").findall
_ARITHMETIC = re.compile(r"\(\(.{0,2000}?\)\)", re.DOTALL).findall
_BY_NAME = re.compile(r"\b(?:unset|read|mapfile|readarray|getopts|for|env|printf)\b([^\n;]{0,300})").findall
_NAMES = re.compile(r"[A-Za-z_]\w*").findall


class ScriptAssumptions(NamedTuple):
    """What is known of variables while scripts run: those of the environment that keep their values, and those that are set once, or always
    to the same. `is_plain`: branches of a `case` run alone."""

    kept: Mapping[str, str]
    once: Mapping[str, str]
    is_plain: bool = True


def assumptions(
    scripts: Sequence[tuple[str, Sequence[Node]]],
    environment: Mapping[str, str],
    arguments: Sequence[str | None] | None,
) -> ScriptAssumptions:
    """What holds while these scripts (texts, and what was read of them) run in one shell, whichever reads which. `environment` are the
    variables that it certainly begins with."""
    touched = {name for text, _ in scripts for found in _ARITHMETIC(text) for name in _NAMES(found)}
    is_plain = not any(";&" in text or ";;&" in text for text, _ in scripts)
    kept = {name: value for name, value in environment.items() if value and name not in touched}
    once: dict[str, str] = {}
    for _, nodes in scripts:
        for node in nodes:
            for name, text in _set_by(node):
                if text and name not in environment and name not in touched:
                    once.setdefault(name, text)
    for _ in range(_ROUNDS):
        found = ScriptAssumptions(kept, once, is_plain)
        wrong = {
            name
            for _, nodes in scripts
            for node in living(nodes, found, arguments)
            for name, text in _set_by(node)
            if text is None or text != kept.get(name, text) or text != once.get(name, text)
        }
        if wrong.isdisjoint(kept) and wrong.isdisjoint(once):
            return found
        kept = {name: value for name, value in kept.items() if name not in wrong}
        once = {name: value for name, value in once.items() if name not in wrong}
    return ScriptAssumptions({}, {}, is_plain)


def living(nodes: Iterable[Node], known: ScriptAssumptions, arguments: Sequence[str | None] | None) -> Iterator[Node]:
    """The commands that may run, those in others too, in the order of the text. `arguments` are those of the script (None: not known)."""
    return _Reader(known, arguments).read(nodes, is_first=True)


def every(nodes: Iterable[Node]) -> Iterator[Node]:
    """All commands, and those in others."""
    todo = list(nodes)[::-1]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, CompoundCommand):
            todo += [inner for part in node.parts for inner in part][::-1]


def names_set(text: str) -> frozenset[str]:
    """The names of all variables that the text of a script may set, for itself or for what it starts."""
    return frozenset(_SET_IN_TEXT(text)) | frozenset(name for found in _BY_NAME(text) for name in _NAMES(found))


def _set_by(node: Node) -> Iterator[tuple[str, str | None]]:
    """The variables that a command sets, and to what (None: not known)."""
    if isinstance(node, CompoundCommand):
        if node.kind == "for":
            yield node.name, None
        return
    for name, word in node.assigned:
        yield name, plain(word)
    first = plain(node.words[0]) if node.words else None
    for word in node.words[1:] if first in (*_SETTING, *_PUTTING) else ():
        text = "".join(part.text for part in word if part.kind == "text")
        if first in _PUTTING:
            yield from ((name, None) for name in _SET_IN_TEXT(text))
        elif (name := text.partition("=")[0]).isidentifier():
            is_plain = first == "export" and "=" in text and plain(word) is not None
            # `export NAME` alone changes nothing.
            if first not in ("export", "readonly") or "=" in text:
                yield name, text.partition("=")[2] if is_plain else None


def plain(word: ShellWord) -> str | None:
    """A word as it stands, if there is nothing in it to be put in."""
    return "".join(part.text for part in word) if all(part.kind == "text" for part in word) else None


class _Reader:
    """Reads commands in their order. `defined` are the variables that are set already, whatever was taken."""

    def __init__(self, known: ScriptAssumptions, arguments: Sequence[str | None] | None) -> None:
        self._known = known
        self._arguments = arguments
        self._defined: set[str] = set()

    def read(self, nodes: Iterable[Node], *, is_first: bool = False) -> Iterator[Node]:
        for node in nodes:
            yield node
            if isinstance(node, SimpleCommand):
                self._ran(node, is_first=is_first)
            elif node.kind == "if":
                yield from self._if(node)
            elif node.kind == "all_of":
                yield from self._all_of(node)
            elif node.kind == "case":
                yield from self._case(node)
            elif node.kind == "function":
                # It is called who knows when, with arguments of its own.
                for part in node.parts:
                    yield from _Reader(self._known, None).read(part)
            else:
                if node.kind in ("loop", "for") and _shifts(node):
                    self._arguments = None
                for part in node.parts:
                    yield from self.read(part, is_first=is_first and node.kind == "group")

    def _ran(self, node: SimpleCommand, *, is_first: bool) -> None:
        if node.words and plain(node.words[0]) in _SHIFTING:
            self._arguments = None
        if is_first and not node.words:
            self._defined.update(name for name, word in node.assigned if plain(word))

    def _if(self, node: CompoundCommand) -> Iterator[Node]:
        conditions, bodies = node.parts[0::2], node.parts[1::2]
        for condition, body in zip(conditions, bodies, strict=False):
            truth = self._truth(condition[0]) if len(condition) == 1 else None
            yield from self.read(condition)
            if truth is not False:
                yield from self.read(body)
            if truth is True:
                return
        if len(conditions) > len(bodies):
            yield from self.read(conditions[-1])

    def _all_of(self, node: CompoundCommand) -> Iterator[Node]:
        operators = ["&&", *node.name.split()]
        so_far: bool | None = True
        for operator, part in zip(operators, node.parts, strict=False):
            if so_far is (operator == "||"):
                continue  # the one before decided
            truth = self._truth(part[0]) if len(part) == 1 else None
            yield from self.read(part)
            so_far = _combine_truths(so_far, operator, truth)

    def _case(self, node: CompoundCommand) -> Iterator[Node]:
        value = self._value(node.words[0])
        parts = [part for part in node.words[0] if part.kind != "text" or part.text]
        if [(part.kind, part.text.strip() in _UNAME) for part in parts] == [("printed", True)]:
            value = _SYSTEM
        for patterns, part in zip(node.words[1:], node.parts, strict=False):
            if value is None or not self._known.is_plain or _may_fit(patterns, value):
                yield from self.read(part)

    def _truth(self, node: Node) -> bool | None:
        """Whether a command succeeds; None where that is not known."""
        if isinstance(node, CompoundCommand):
            if node.kind == "not":
                inner = self._truth(node.parts[0][0]) if len(node.parts[0]) == 1 else None
                return None if inner is None else not inner
            if node.kind != "all_of":
                return None
            so_far: bool | None = True
            for operator, part in zip(["&&", *node.name.split()], node.parts, strict=False):
                so_far = _combine_truths(so_far, operator, self._truth(part[0]) if len(part) == 1 else None)
            return so_far
        if not node.words or node.is_test:
            return None
        values = [self._value(word) for word in node.words]
        if len(values) == 1:
            return {"true": True, ":": True, "false": False}.get(values[0] or "")
        if values[0] == "[" and values[-1] == "]":
            return _evaluate_test(values[1:-1])
        return _evaluate_test(values[1:]) if values[0] == "test" else None

    def _value(self, word: ShellWord) -> str | None:
        """What a word is; None where that is not known. A parameter without quotes may be several words: then nothing is."""
        found = ""
        for part in word:
            text: str | None = part.text
            if part.kind == "parameter" and not part.operator:
                text = self._parameter(part.text)
                if text is not None and not part.is_quoted and (not text or len(text.split()) != 1):
                    text = None
            elif part.kind != "text":
                text = None
            if text is None:
                return None
            found += text
        return found

    def _parameter(self, name: str) -> str | None:
        if name.isdigit() and name != "0" and self._arguments is not None:
            number = int(name[:6]) - 1
            return self._arguments[number] if number < len(self._arguments) else ""
        if name in self._known.kept:
            return self._known.kept[name]
        return self._known.once.get(name) if name in self._defined else None


def _combine_truths(so_far: bool | None, operator: str, truth: bool | None) -> bool | None:
    """What `so_far && truth`, or `so_far || truth`, comes to."""
    decides = operator == "||"
    if decides in (so_far, truth):
        return decides
    return None if so_far is None or truth is None else not decides


def _evaluate_test(values: Sequence[str | None]) -> bool | None:
    """What test(1) says of a few words."""
    if len(values) > 1 and values[0] == "!":
        inner = _evaluate_test(values[1:])
        return None if inner is None else not inner
    if len(values) == 2 and values[0] in ("-z", "-n") and values[1] is not None:
        return bool(values[1]) is (values[0] == "-n")
    if len(values) == 3 and values[1] in ("=", "==", "!=") and values[0] is not None and values[2] is not None:
        return (values[0] == values[2]) is (values[1] != "!=")
    return None


def _may_fit(patterns: ShellWord, value: str) -> bool:
    """Whether one of the patterns of a branch may fit; one that is not all literal may."""
    texts: list[str | None] = []
    for part in patterns:
        if part.kind == "pattern":
            texts.append("")
        elif part.kind != "text":
            return True
        elif texts and texts[-1] is not None:
            quoted = re.sub(r"([*?\[])", r"[\1]", part.text) if part.is_quoted else part.text
            texts[-1] += quoted
    return any(text is None or fnmatchcase(value, text) for text in texts)


def _shifts(node: Node) -> bool:
    if isinstance(node, SimpleCommand):
        return bool(node.words) and plain(node.words[0]) in _SHIFTING
    return any(_shifts(inner) for part in node.parts for inner in part)
