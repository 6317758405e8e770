"""What a shell script runs: its commands are followed, and both ways are gone where a condition cannot be known.

Nothing is run. What programs print, and which files a machine will have, is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hullmark.facets.configuration.shell_expansion import (
    ShellState,
    StartWord,
    expand_words,
    join_word,
    split_assignment,
    truth,
)
from hullmark.facets.configuration.shell_syntax import CompoundCommand, Node, SimpleCommand, parse_script
from hullmark.facets.configuration.shell_ways import Way, every, fits, is_option, merge_ways
from hullmark.facets.configuration.shell_words import UnreadableScript
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.limit import Limit

_MAX_STEPS = Limit(5000, "commands that are followed of the scripts that an image is started with")
_MAX_DEPTH = Limit(80, "commands in each other of the scripts that an image is started with")
_MAX_CALLS = Limit(20, "functions of a start script that call each other")
_TESTS = ("[", "[[", "test")
_DECLARING = ("export", "readonly", "declare", "local", "typeset")
_QUIET = frozenset((
    ":", "alias", "cd", "echo", "false", "getopts", "hash", "jobs", "kill", "mapfile", "printf", "pwd", "read", "sleep", "trap", "true",
    "type", "ulimit", "umask", "wait",
))  # fmt: skip


class StartedProgram(NamedTuple):
    """A command as a shell runs it. `is_exec`: it takes the shell's place."""

    words: list[StartWord]
    environment: dict[str, StartWord]
    place: SourceLine
    is_exec: bool


class Shell:
    """Follows scripts. `run(command)` takes each program that is run, `read(path)` gives a script that is sourced, or None, and
    `told(reason, place, text)` takes what cannot be followed.
    """

    def __init__(
        self,
        run: Callable[[StartedProgram], None],
        read: Callable[[str], str | None],
        told: Callable[[str, SourceLine, str], None],
    ) -> None:
        self.run = run
        self.source = read
        self._told = told
        self._steps = 0
        self.depth = 0
        self.has_moved = False
        self.written: dict[str, SourceLine] = {}

    def follow(self, text: str, path: str, state: ShellState, line: int = 0) -> None:
        """Follow a script from its beginning. `line`: where it is written in another file, if it is."""
        _Script(self, path, line).follow(text, state)

    def tell(self, reason: str, place: SourceLine, text: str = "") -> None:
        """Something cannot be followed."""
        self._told(reason, place, text)

    def may_go_on(self, place: SourceLine) -> bool:
        """Whether one more command may be followed."""
        self._steps += 1
        if self._steps == _MAX_STEPS + 1 or (self.depth > _MAX_DEPTH and self._steps <= _MAX_STEPS):
            self._steps = _MAX_STEPS + 1
            self.tell("its scripts run more commands than are followed", place)
        return self._steps <= _MAX_STEPS


class _Script:
    def __init__(self, shell: Shell, path: str, line: int) -> None:
        self._shell = shell
        self._path = path
        self._line = line
        self._functions: dict[str, list[Node]] = {}
        self._calls = 0
        self._returned: list[list[Way]] = []
        self._unknown: list[tuple[SourceLine, str]] = []
        self._has_known_end = False

    def follow(self, text: str, state: ShellState) -> None:
        try:
            nodes = parse_script(text)
        except UnreadableScript as error:
            self._shell.tell(f"its script is not understood: {error}", self._place(error.line), text)
            return
        self._list(nodes, [Way(state)])
        if not self._has_known_end:
            for place, name in self._unknown:
                self._shell.tell("the name of a program that it runs is not known", place, name)

    def _place(self, line: int) -> SourceLine:
        return SourceLine(self._path, self._line or (line if self._path.startswith("/") else 0))

    def _list(self, nodes: Iterable[Node], ways: list[Way]) -> list[Way]:
        self._shell.depth += 1
        for node in nodes:
            ways = merge_ways([after for way in ways for after in self._node(node, way)])
        self._shell.depth -= 1
        return ways

    def _node(self, node: Node, way: Way) -> list[Way]:
        if not self._shell.may_go_on(self._place(node.line)):
            return []
        if isinstance(node, SimpleCommand):
            return self._simple(node, way.state)
        return _COMPOUNDS[node.kind](self, node, way)

    def _group(self, node: CompoundCommand, way: Way) -> list[Way]:
        return self._list(node.parts[0], [way])

    def _subshell(self, node: CompoundCommand, way: Way) -> list[Way]:
        for part in node.parts:
            self._list(part, [Way(way.state.copy())])
        return [Way(way.state)]

    def _not(self, node: CompoundCommand, way: Way) -> list[Way]:
        found = self._list(node.parts[0], [way])
        return [Way(after.state, None if after.success is None else not after.success) for after in found]

    def _unknown_condition(self, node: CompoundCommand, way: Way) -> list[Way]:
        return [Way(way.state)]

    def _define(self, node: CompoundCommand, way: Way) -> list[Way]:
        self._functions[node.name] = node.parts[0]
        return [way]

    def _all_of(self, node: CompoundCommand, way: Way) -> list[Way]:
        ways = self._list(node.parts[0], [way])
        for operator, part in zip(node.name.split(), node.parts[1:], strict=True):
            runs_on = operator == "&&"
            after: list[Way] = []
            for one in ways:
                if one.success is not (not runs_on):
                    state = one.state if one.success is not None else one.state.copy()
                    after += self._list(part, [Way(state)])
                if one.success is not runs_on:
                    after.append(Way(one.state, not runs_on))
            ways = merge_ways(after)
        return ways

    def _if(self, node: CompoundCommand, way: Way) -> list[Way]:
        after: list[Way] = []
        open_ways = [way]
        for condition, body in zip(node.parts[::2], node.parts[1::2], strict=False):
            still_open: list[Way] = []
            for tried in self._list(condition, open_ways):
                if tried.success is not False:
                    state = tried.state if tried.success else tried.state.copy()
                    after += self._list(body, [Way(state)])
                if tried.success is not True:
                    still_open.append(Way(tried.state))
            open_ways = still_open
        return merge_ways(after + (self._list(node.parts[-1], open_ways) if len(node.parts) % 2 else open_ways))

    def _loop(self, node: CompoundCommand, way: Way) -> list[Way]:
        """Once or not at all: what the body changes is not known before it nor after."""
        self._blur(node.parts, way.state)
        tried = self._list(node.parts[0], [Way(way.state.copy())])
        after = self._list(node.parts[1], [Way(entered.state) for entered in tried if entered.success is not False])
        for left in after:
            self._blur(node.parts, left.state)
        return merge_ways([Way(way.state), *(Way(left.state) for left in after)])

    def _for(self, node: CompoundCommand, way: Way) -> list[Way]:
        words = expand_words(node.words, way.state, self._path, node.line)
        self._blur(node.parts, way.state)
        ways = [way]
        for word in words:
            for one in ways:
                one.state.assign(node.name, word.text, SourceLine(word.path, word.line))
            ways = self._list(node.parts[0], ways)
        return [Way(one.state) for one in ways]

    def _blur(self, parts: list[list[Node]], state: ShellState) -> None:
        """Forget what commands that are run any number of times may change."""
        for node in every(parts):
            if isinstance(node, SimpleCommand):
                for name, _ in node.assigned:
                    if not node.words:
                        state.assign(name, None, self._place(node.line))
                first = join_word(node.words[0], state) if node.words else ""
                if first in ("shift", "set") and len(node.words) > (first == "set"):
                    state.arguments = None if not is_option(node) else state.arguments

    def _case(self, node: CompoundCommand, way: Way) -> list[Way]:
        text = join_word(node.words[0], way.state)
        after: list[Way] = []
        untaken: list[Way] = [way]
        falling: list[Way] = []
        for patterns, end, body in zip(node.words[1:], node.name.split(), node.parts, strict=True):
            is_taken = fits(text, patterns, way.state) if untaken else False
            entered = [Way(one.state.copy()) for one in untaken] if is_taken is not False else []
            left = self._list(body, [*falling, *entered])
            untaken = [] if is_taken else untaken
            falling = left if end == ";&" else []
            if end == ";;&":
                untaken = merge_ways([*untaken, *left])
            elif not falling:
                after = merge_ways([*after, *left])
        return merge_ways([*after, *falling, *(Way(one.state) for one in untaken)])

    def _simple(self, node: SimpleCommand, state: ShellState) -> list[Way]:
        place = self._place(node.line)
        for target in node.written:
            if (name := join_word(target, state)) is not None:
                self._shell.written.setdefault(name, place)
        if node.words and join_word(node.words[0], state) in _DECLARING:
            return self._declare(node, state, place)
        own = {name: StartWord(join_word(word, state), *place) for name, word in node.assigned}
        words = expand_words(node.words, state, *place)
        if not words:
            for name, word in own.items():
                state.assign(name, word.text, place)
            return [Way(state, True)]
        while words[1:] and words[0].text in ("command", "builtin", "time") and (words[1].text or "-")[0] != "-":
            words = words[1:]
        return self._command(words, state, own, place)

    def _command(
        self, words: list[StartWord], state: ShellState, own: dict[str, StartWord], place: SourceLine
    ) -> list[Way]:
        name = words[0].text
        if name is None:
            self._unknown.append((place, ""))
            return [Way(state)]
        if name in _TESTS:
            return [Way(state, truth(words))]
        if name in _BUILTINS:
            return _BUILTINS[name](self, words, state, place)
        if name in ("read", "mapfile", "getopts"):
            state.variables |= dict.fromkeys(
                word.text for word in words[1:] if word.text is not None and word.text.isidentifier()
            )
        self._shell.has_moved |= name in ("cd", "pushd")
        if name in _QUIET:
            return [Way(state, {"true": True, ":": True, "false": False}.get(name))]
        if name in self._functions:
            return self._call(name, words, state)
        self._shell.run(StartedProgram(words, _environment(state, own, place), place, is_exec=False))
        return [Way(state)]

    def _call(self, name: str, words: list[StartWord], state: ShellState) -> list[Way]:
        if self._calls >= _MAX_CALLS:
            self._shell.tell("its functions call each other too deep", self._place(0))
            return [Way(state)]
        before, state.arguments = state.arguments, tuple(words[1:])
        after = self._within(self._functions[name], state)
        for way in after:
            way.state.arguments = before
        return merge_ways(after)

    def _within(self, nodes: list[Node], state: ShellState) -> list[Way]:
        """Commands that `return` ends."""
        self._returned.append([])
        self._calls += 1
        after = self._list(nodes, [Way(state)])
        self._calls -= 1
        return [Way(way.state) for way in (*after, *self._returned.pop())]

    def _exec(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        rest = words[1:]
        while rest and rest[0].text in ("-a", "-c", "-l", "--"):
            rest = rest[2:] if rest[0].text == "-a" else rest[1:]
        if not rest:
            return [Way(state, True)]
        if rest[0].text is None:
            self._shell.tell("the name of the program that it runs in the end is not known", place)
        else:
            self._has_known_end = True
            self._shell.run(StartedProgram(rest, _environment(state, {}, place), place, is_exec=True))
        return []

    def _eval(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        texts = [word.text for word in words[1:]]
        known = " ".join(text for text in texts if text is not None)
        if None in texts:
            self._unknown.append((place, known))
            state.forget()
            return [Way(state)]
        try:
            nodes = parse_script(known)
        except UnreadableScript:
            self._shell.tell("a command that it puts together is not understood", place, known)
            return [Way(state)]
        return self._list(nodes, [Way(state)])

    def _source(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        path = words[1].text if len(words) > 1 else None
        text = self._shell.source(path) if path is not None else None
        if not text or path is None or self._calls >= _MAX_CALLS:
            state.forget()
            return [Way(state)]
        outer, self._path = self._path, path
        try:
            return self._within(parse_script(text), state)
        except UnreadableScript:
            self._shell.tell("a script that it reads is not understood", place, text)
            return [Way(state)]
        finally:
            self._path = outer

    def _set(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        at = next((i for i, word in enumerate(words) if word.text == "--"), -1)
        if at >= 0:
            state.arguments = tuple(words[at + 1 :])
        elif len(words) > 1 and words[1].text is None:
            state.arguments = None
        elif len(words) > 1 and (words[1].text or "")[:1] not in ("-", "+"):
            state.arguments = tuple(words[1:])
        return [Way(state, True)]

    def _shift(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        count = words[1].text if len(words) > 1 else "1"
        known = state.arguments is not None and count is not None and count.isdecimal()
        state.arguments = state.arguments[int((count or "0")[:4]) :] if known and state.arguments is not None else None
        return [Way(state, True)]

    def _unset(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        for word in words[1:]:
            state.variables.pop(word.text or "", None)
            state.exported.discard(word.text or "")
        return [Way(state, True)]

    def _declare(self, node: SimpleCommand, state: ShellState, place: SourceLine) -> list[Way]:
        """`export` and the like: names, with values or without."""
        options = [word[0].text for word in node.words[1:] if word and word[0].text[:1] in ("-", "+")]
        is_export = join_word(node.words[0], state) == "export" or any(
            option[:1] == "-" and "x" in option for option in options
        )
        for word in node.words[1:]:
            name, value = split_assignment(word, state)
            if name is None:
                state.forget()
                continue
            if value is not None:
                state.assign(name, join_word(value, state), place)
            if is_export and name and name[0] != "-":
                state.exported.add(name)
        return [Way(state, True)]

    def _end(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        return []

    def _return(self, words: list[StartWord], state: ShellState, place: SourceLine) -> list[Way]:
        if self._returned:
            self._returned[-1].append(Way(state))
        return []


def _environment(state: ShellState, own: dict[str, StartWord], place: SourceLine) -> dict[str, StartWord]:
    """What a program finds in its environment: what the shell exports, and the command's `own` assignments."""
    exported = {
        name: StartWord(state.variables.get(name), *state.places.get(name, place)) for name in sorted(state.exported)
    }
    return {**exported, **own}


_COMPOUNDS: dict[str, Callable[[_Script, CompoundCommand, Way], list[Way]]] = {
    "all_of": _Script._all_of,
    "background": _Script._subshell,
    "case": _Script._case,
    "for": _Script._for,
    "function": _Script._define,
    "group": _Script._group,
    "if": _Script._if,
    "loop": _Script._loop,
    "not": _Script._not,
    "pipe": _Script._subshell,
    "subshell": _Script._subshell,
    "unknown": _Script._unknown_condition,
}
_BUILTINS: dict[str, Callable[[_Script, list[StartWord], ShellState, SourceLine], list[Way]]] = {
    ".": _Script._source,
    "eval": _Script._eval,
    "exec": _Script._exec,
    "exit": _Script._end,
    "return": _Script._return,
    "set": _Script._set,
    "shift": _Script._shift,
    "source": _Script._source,
    "unset": _Script._unset,
}
