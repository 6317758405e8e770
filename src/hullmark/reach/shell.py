"""The commands in a script of the shell, whatever its conditions: each that may be run, in whatever order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, product

import msgspec

from hullmark.facets.configuration.shell_expansion import cut
from hullmark.facets.configuration.shell_syntax import CompoundCommand, Node, SimpleCommand, parse_script
from hullmark.facets.configuration.shell_words import ShellWord, UnreadableScript, WordPart
from hullmark.model.limit import Limit
from hullmark.reach.shell_branches import ScriptAssumptions, assumptions, every, living, plain

SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox", "rbash"))
_MAX_VALUES = Limit(64, "values that a variable of a script may have")
_MAX_OPEN = Limit(40, "variables of a script whose values name each other")
_MAX_NESTED = Limit(12, "scripts in texts of a script")
_NOBODY_KNOWS = '"$_"'
_ARGUMENTS = ("@", "*")
_DECLARING = ("export", "readonly", "declare", "local", "typeset")
_READING = ("read", "mapfile", "readarray", "getopts")
_INNER = re.compile(r"[$<>]\(([^()]{1,2000})\)|`([^`]{1,2000})`").finditer
_PRINTED = re.compile(r"(?:command -v|which|type -p)\s+([\w./-]+)").match
_HARMLESS = re.compile(r"[^;&|<>()`$\\\"'\n#*?\[\]{}~!]*").fullmatch
_PRINTS_A_WORD = re.compile(r"\s*(?:umask|uname(?: -[a-z])?|nproc|id -[ug])\s*").fullmatch
_FILE = re.compile(r"/[\w.+@-]+(?:/[\w.+@-]+)+").fullmatch
_BUILTINS = frozenset((
    ":", "alias", "bg", "break", "cd", "continue", "declare", "dirs", "disown", "enable", "exit", "export", "fc", "fg", "getopts", "hash",
    "help", "history", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "readarray", "readonly", "return", "set", "shift",
    "shopt", "suspend", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait", "source", ".", "eval", "[[", "((",
))  # fmt: skip
"""What a shell does itself, and no program of the same name does; those that are programs too count as programs."""


class ScriptCommands(msgspec.Struct, frozen=True):
    """Commands (a word that is None is not known), scripts that are read, files that are named, and what cannot be told."""

    commands: tuple[tuple[str | None, ...], ...] = ()
    sourced: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


def script_commands(
    text: str,
    arguments: tuple[str | None, ...],
    environment: Mapping[str, str],
    name: str,
    beside: Iterable[str] = (),
    certain: Mapping[str, str] | None = None,
) -> ScriptCommands:
    """All commands in the text of a script, that is given these arguments and has this name. `beside` are the texts of scripts that it
    reads, or that read it: their variables and functions are its own. `certain` are the variables that it begins
    with for certain, with these very arguments; None where others may start it otherwise."""
    scripts: list[tuple[str, list[Node]]] = []
    for each in (text, *beside):
        with suppress(UnreadableScript):
            scripts.append((each, parse_script(each)))
    given = None if certain is None else arguments
    reader = _Script(arguments, environment, name, assumptions(scripts, certain or {}, given), given)
    for other in beside:
        reader.know(other)
    reader.read(text, 0)
    return reader.result()


class _Script:
    def __init__(
        self,
        arguments: tuple[str | None, ...],
        environment: Mapping[str, str],
        name: str,
        assumed: ScriptAssumptions,
        given: tuple[str | None, ...] | None,
    ) -> None:
        self._given_arguments = given
        self._assumed = assumed
        self._arguments = arguments
        self._environment = environment
        self._name = name
        self._assigned: dict[str, dict[ShellWord | None, None]] = {}
        self._values: dict[str, list[str | None]] = {}
        self._open: set[str] = set()
        self._functions: set[str] = set()
        self._commands: dict[tuple[str | None, ...], None] = {}
        self._sourced: dict[str, None] = {}
        self._files: dict[str, None] = {}
        self._untold: dict[str, None] = {}

    def result(self) -> ScriptCommands:
        return ScriptCommands(tuple(self._commands), tuple(self._sourced), tuple(self._files), tuple(self._untold))

    def know(self, text: str) -> None:
        """Note the variables and functions of another script. One that is not understood says so where it is read itself."""
        with suppress(UnreadableScript):
            for node in living(parse_script(text), self._assumed, self._given_arguments):
                self._note(node)

    def read(self, text: str, depth: int) -> None:
        """Add the commands of a text."""
        try:
            nodes = parse_script(text)
        except UnreadableScript as error:
            self._untold[f"its script is not understood: {error}"] = None
            return
        if depth == 0:
            self._inner(text)
        flat = list(living(nodes, self._assumed, self._given_arguments if depth == 0 else None))
        for node in flat:
            self._note(node)
        for node in flat:
            if isinstance(node, SimpleCommand):
                self._simple(node, depth)
            for word in node.words:
                self._read_substitutions(word, depth)

    def _inner(self, text: str) -> None:
        """Commands in texts between `<<` marks and in what is not kept of a script. Such a text may be anything: no complaint."""
        for match in _INNER(text):
            try:
                nodes = list(every(parse_script(match[1] or match[2])))
            except UnreadableScript:
                continue
            for node in nodes:
                name = plain(node.words[0]) if isinstance(node, SimpleCommand) and node.words else None
                if name is not None and name not in _BUILTINS and name not in self._functions:
                    self._commands.setdefault((name, *(plain(word) for word in node.words[1:])))

    def _note(self, node: Node) -> None:
        """Variables and functions, wherever they are set."""
        if isinstance(node, CompoundCommand):
            if node.kind == "function":
                self._functions.add(node.name)
            for word in node.words if node.kind == "for" else ():
                self._set(node.name, word)
            return
        for name, word in node.assigned:
            self._set(name, word)
        first = plain(node.words[0]) if node.words else None
        if first in _DECLARING:
            self._read_declarations(node.words[1:])
        elif first in _READING:
            for word in node.words[1:]:
                if (named := plain(word)) is not None and named.isidentifier():
                    self._set(named, None)
        elif first == "set" and len(node.words) > 1:
            self._read_positionals(node.words[1:])

    def _read_declarations(self, words: Sequence[ShellWord]) -> None:
        for word in words:
            name, equals, value = (word[0].text if word and word[0].kind == "text" else "").partition("=")
            if equals:
                self._set(name, (msgspec.structs.replace(word[0], text=value), *word[1:]))

    def _read_positionals(self, words: Sequence[ShellWord]) -> None:
        """What `set --` puts before the arguments may be what `exec "$@"` starts."""
        given = [value for word in words for value in (self._all(word) or [None])]
        if "--" in given:
            given = given[given.index("--") + 1 :]
        if given and given[0] is not None and not given[0].startswith(("-", "+")):
            self._commands.setdefault(tuple(given))

    def _set(self, name: str, word: ShellWord | None) -> None:
        """A variable is set somewhere; None where nobody knows to what."""
        words = self._assigned.setdefault(name, {})
        words[word if len(words) < _MAX_VALUES else None] = None
        self._values.clear()

    def _simple(self, node: SimpleCommand, depth: int) -> None:
        for word in (*(word for _, word in node.assigned), *node.written):
            self._read_substitutions(word, depth)
        if not node.words or node.is_test:
            return
        first = plain(node.words[0])
        if first in ("source", "."):
            self._source(node)
            return
        if first == "eval":
            self._eval(node, depth)
        elif first == "trap":
            self._read_trap(node, depth)
        elif first == "exec":
            self._command(_after_options(node.words[1:]))
        elif first not in _BUILTINS and first not in self._functions:
            self._command(node.words)
        for named in map(plain, node.words[1:]):
            if named is not None and _FILE(named):
                self._files[named] = None

    def _read_trap(self, node: SimpleCommand, depth: int) -> None:
        text = plain(node.words[1]) if len(node.words) > 1 else None
        if text is not None and text not in ("-", ""):
            self._read_inner(text, depth)

    def _command(self, words: Sequence[ShellWord]) -> None:
        if not words:
            return
        rest: list[str | None] = []
        for word in words[1:]:
            rest += self._all(word) or [None]
        heads = self._heads(words[0])
        if not any(part.is_quoted for part in words[0]) and "" in self._texts(words[0]) and len(words) > 1:
            self._command(words[1:])
        for head in heads:
            first = head[0] if head else None
            if first in self._functions or first in _BUILTINS:
                continue
            if first is None:
                self._untold["the name of a program that its script runs is not known"] = None
            else:
                self._commands.setdefault((*head, *rest))

    def _heads(self, word: ShellWord) -> list[list[str | None]]:
        """What the first word of a command may come to: its own words each time."""
        if _is_arguments(word):
            return [list(self._arguments)] if self._arguments else []
        found: list[list[str | None]] = []
        is_quoted = any(part.is_quoted for part in word)
        for text in self._texts(word):
            pieces: list[str | None] = [text] if text is None or is_quoted else list(text.split())
            if pieces and pieces != [""]:
                found.append(pieces)
        return found

    def _all(self, word: ShellWord) -> list[str | None]:
        """What one word among arguments comes to, where that is one thing."""
        if _is_arguments(word):
            return list(self._arguments)
        texts = self._texts(word)
        return [texts[0] if len(texts) == 1 else None]

    def _texts(self, word: ShellWord) -> list[str | None]:
        """What a word may come to, in every way."""
        found: list[str | None] = [""]
        for part in word:
            pieces = [part.text] if part.kind == "text" else self._parts(part)
            found = [None if one is None or piece is None else one + piece for one in found for piece in pieces]
            found = list(dict.fromkeys(found))
            found = found if len(found) <= _MAX_VALUES else [*found[: _MAX_VALUES - 1], None]
        return found

    def _parts(self, part: WordPart) -> list[str | None]:
        kind, text, operator, other = part.kind, part.text, part.operator, part.other
        if kind == "printed":
            printed = _PRINTED(text)
            return [printed[1]] if printed is not None else [None]
        if kind != "parameter":
            return [None]
        values = self._find_values(text)
        if operator.endswith("+"):
            return ["", *self._texts(other)]
        if operator and operator[-1] in "-=":
            return values + self._texts(other)
        if operator and operator[0] in "#%":
            patterns = self._texts(other)
            return [
                None if value is None or pattern is None else cut(value, operator, pattern)
                for value in values
                for pattern in patterns
            ] or [None]
        # Other operators leave a part of a value, which is not followed.
        return values if values and not operator else [None]

    def _find_values(self, name: str) -> list[str | None]:
        """The values that a parameter may have; none where nothing is known of it."""
        if name in ("0", "BASH_SOURCE"):
            return [self._name]
        if name.isdigit():
            number = int(name[:6]) - 1
            return [self._arguments[number]] if number < len(self._arguments) else [""]
        values = self._values.get(name)
        if values is None:
            if name in self._open or len(self._open) >= _MAX_OPEN:
                return [None]
            self._open.add(name)
            values = self._values[name] = self._compute_values(name)
            self._open.discard(name)
        return values

    def _compute_values(self, name: str) -> list[str | None]:
        """The values of a variable, wherever it is set: a script may read another one that sets what is used before."""
        found: dict[str | None, None] = {}
        for word in self._assigned.get(name, ()):
            found |= dict.fromkeys([None] if word is None else self._texts(word))
        values = list(found)
        if name in self._environment:
            values.append(self._environment[name])
        return values if len(values) <= _MAX_VALUES else [*values[: _MAX_VALUES - 1], None]

    def _read_substitutions(self, word: ShellWord, depth: int) -> None:
        """Commands in `$(…)`, wherever in a word."""
        for part in word:
            if part.kind == "arithmetic":
                self._read_inner(f': "{part.text}"', depth)  # it may have commands in it
            elif part.kind == "printed" and part.text:
                self._read_inner(part.text, depth)
            if part.other:
                self._read_substitutions(part.other, depth)

    def _read_inner(self, text: str, depth: int) -> None:
        if depth < _MAX_NESTED:
            self.read(text, depth + 1)
        else:
            self._untold["its commands stand too deep in each other"] = None

    def _source(self, node: SimpleCommand) -> None:
        for text in self._texts(node.words[1]) if len(node.words) > 1 else ():
            if text is None:
                self._untold["the name of a script that it reads is not known"] = None
            else:
                self._sourced[text] = None

    def _eval(self, node: SimpleCommand, depth: int) -> None:
        texts = [self._texts(word) for word in node.words[1:]]
        ways = list(islice(product(*texts), _MAX_VALUES + 1))
        is_known = len(ways) <= _MAX_VALUES and not any(None in way for way in ways)
        if is_known and depth < _MAX_NESTED:
            for way in ways:
                self.read(" ".join(word or "" for word in way), depth + 1)
            return
        if depth >= _MAX_NESTED or not self._is_plain_command(node.words[1:], texts):
            self._untold["it runs a command that it puts together (eval)"] = None
        if depth < _MAX_NESTED:
            for words in _known_ways(texts):  # what is known of it counts all the same
                self.read(" ".join(words), depth + 1)

    def _is_plain_command(self, words: Sequence[ShellWord], texts: Sequence[Sequence[str | None]]) -> bool:
        """Whether what is put together is one command whose program is known, and what is not known of it are arguments: no text in it
        has a sign that begins another one."""
        at = 1 if texts and texts[0] == ["exec"] else 0
        if len(texts) <= at or None in texts[at]:
            return False
        return all(None not in found or self._is_plain(word) for word, found in zip(words, texts, strict=True))

    def _is_plain(self, word: ShellWord) -> bool:
        """Whether a word, and all that variables in it may hold, has nothing that a shell reads as more than words."""
        todo: list[ShellWord] = [word]
        seen: set[str] = set()
        is_own = True
        while todo:
            for part in todo.pop():
                if part.kind == "text":
                    if not is_own and not _HARMLESS(part.text):
                        return False
                elif part.kind == "printed":
                    if not _PRINTS_A_WORD(part.text):
                        return False
                elif part.kind != "parameter" or not self._holds(part, seen, todo):
                    return False
            is_own = False
        return True

    def _holds(self, part: WordPart, seen: set[str], todo: list[ShellWord]) -> bool:
        """Adds all that a parameter may hold to what is to be looked at; whether that is known."""
        name = part.text
        if part.other:
            todo.append(part.other)
        if name in _ARGUMENTS or name.isdigit():
            return all(each is not None and _HARMLESS(each) is not None for each in (*self._arguments, self._name))
        if name in seen:
            return True
        seen.add(name)
        if not name.isidentifier() or _HARMLESS(self._environment.get(name, "")) is None:
            return False
        for value in self._assigned.get(name, ()):
            if value is None:
                return False
            todo.append(value)
        return True


def _known_ways(texts: Sequence[Sequence[str | None]]) -> Iterator[list[str]]:
    """Words with the values that are known, each value once at least: the first of all, then one other at a time."""
    known = [[text for text in found if text is not None] or [_NOBODY_KNOWS] for found in texts]
    first = [found[0] for found in known]
    yield first
    if any(None in found for found in texts):
        yield [_NOBODY_KNOWS if None in found else text for found, text in zip(texts, first, strict=True)]
    others = ((at, text) for at, found in enumerate(known) for text in found[1:])
    for at, text in islice(others, _MAX_VALUES):
        yield [*first[:at], text, *first[at + 1 :]]


def _after_options(words: Sequence[ShellWord]) -> Sequence[ShellWord]:
    """The words behind the options of `exec`."""
    while words and (option := plain(words[0])) is not None and option.startswith("-"):
        words = words[2:] if option == "-a" else words[1:]
    return words


def _is_arguments(word: ShellWord) -> bool:
    parts = [part for part in word if part.kind != "text" or part.text]
    return len(parts) == 1 and parts[0].kind == "parameter" and parts[0].text in _ARGUMENTS
