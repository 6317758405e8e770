"""What the words of a shell script come to, as far as the script itself and the image's settings tell.

What cannot be known (what commands print, variables that nothing sets) is a word without a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

import msgspec

from hullmark.facets.configuration.shell_words import ShellWord, WordPart
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.limit import Limit

MAX_LENGTH = Limit(1 << 16, "characters of a word of a script that an image is started with")
MAX_WORDS = Limit(1000, "words of a command that an image is started with")

_LONGEST_CUT = 200
_MAX_TEST = 60
_WORDS_OF_ONE_TEST = 3
_SLICE = re.compile(r"\s*(\d{1,4})(?:\s*:\s*(\d{1,4}))?\s*").fullmatch
_FOUND = re.compile(r"(?:command -v|which|type -p)\s+([\w./-]+)(?:\s*2?>\s*/dev/null)?").fullmatch
_NUMBERS = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}


class StartWord(msgspec.Struct, frozen=True):
    """A word of a command, and where it is written. `text` None: it cannot be known, and may be several words."""

    text: str | None
    path: str
    line: int = 0


class ShellState(msgspec.Struct):
    """A shell at one moment. `arguments` None: nobody knows how many there are. A variable that is None is set to what nobody knows."""

    name: str
    variables: dict[str, str | None]
    exported: set[str]
    arguments: tuple[StartWord, ...] | None
    places: dict[str, SourceLine]

    def copy(self) -> ShellState:
        """Another shell that is as this one is now."""
        variables, exported, places = dict(self.variables), set(self.exported), dict(self.places)
        return ShellState(self.name, variables, exported, self.arguments, places)

    def assign(self, name: str, value: str | None, place: SourceLine) -> None:
        """Give a variable a value."""
        self.variables[name] = value
        self.places[name] = place

    def forget(self) -> None:
        """No variable is known any longer."""
        self.variables = dict.fromkeys(self.variables)


def expand_words(words: list[ShellWord], state: ShellState, path: str, line: int) -> list[StartWord]:
    """The words that a command is given, at most MAX_WORDS."""
    found: list[StartWord] = []
    for word in words:
        found += _words(word, state, path, line)
        if len(found) > MAX_WORDS:
            return [*found[:MAX_WORDS], StartWord(None, path, line)]
    return found


def _words(word: ShellWord, state: ShellState, path: str, line: int) -> list[StartWord]:
    """A word's own words: a list of arguments comes to each of them, a variable outside of quotes is parted at blanks."""
    if len(word) - (word[:1] == (WordPart("text", "", is_quoted=True),)) == 1 and word[-1].kind == "parameter":
        last = word[-1]
        if last.text in "@*" and last.operator in ("", ":"):
            return _arguments(last, state, path, line)
    text = join_word(word, state)
    if text is None:
        return [StartWord(None, path, line)]
    if len(word) == 1 and word[0].kind == "parameter" and not word[0].is_quoted:
        place = state.places.get(word[0].text, SourceLine(path, line))
        return [StartWord(piece, *place) for piece in text.split()]
    if len(word) > 1 and any(part.kind == "parameter" and not part.is_quoted for part in word) and " " in text:
        return [StartWord(None, path, line)]
    return [StartWord(text, path, line)]


def _arguments(part: WordPart, state: ShellState, path: str, line: int) -> list[StartWord]:
    if state.arguments is None:
        return [StartWord(None, path, line)]
    if part.operator == ":":
        found = _SLICE("".join(other.text for other in part.other))
        if found is None or found[2]:
            return [StartWord(None, path, line)]
        return list(state.arguments[max(int(found[1]) - 1, 0) :])
    if part.text == "*" and part.is_quoted:
        return [_joined_arguments(state, path, line)]
    if part.is_quoted:
        return list(state.arguments)
    parted: list[StartWord] = []
    for word in state.arguments:
        parted += (
            [word] if word.text is None else [StartWord(piece, word.path, word.line) for piece in word.text.split()]
        )
    return parted


def _joined_arguments(state: ShellState, path: str, line: int) -> StartWord:
    texts = [word.text for word in state.arguments or ()]
    known = [text for text in texts if text is not None]
    return StartWord(" ".join(known)[:MAX_LENGTH] if len(known) == len(texts) else None, path, line)


def join_word(word: ShellWord, state: ShellState) -> str | None:
    """A word as one text; None if it cannot be known, or is too long."""
    pieces: list[str] = []
    size = 0
    for part in word:
        piece = _piece(part, state)
        if piece is None:
            return None
        pieces.append(piece)
        size += len(piece)
        if size > MAX_LENGTH:
            return None
    return "".join(pieces)


def split_assignment(word: ShellWord, state: ShellState) -> tuple[str | None, ShellWord | None]:
    """The name that a word gives a value, None where it is not known, and the value, None where it gives none."""
    name = ""
    for at, part in enumerate(word):
        if part.kind == "text" and "=" in part.text:
            before, _, rest = part.text.partition("=")
            return name + before, (WordPart("text", rest, is_quoted=True), *word[at + 1 :])
        piece = join_word((part,), state)
        if piece is None:
            return None, None
        name += piece
    return name, None


def _piece(part: WordPart, state: ShellState) -> str | None:
    if part.kind == "text":
        return part.text
    if part.kind == "printed":
        found = _FOUND(part.text)
        return found[1] if found is not None else None
    if part.kind != "parameter":
        return None
    if part.operator in (":-", "-", ":=", "=", ":+", "+", ":?", "?"):
        return _with_default(part, state)
    _, value = _parameter(part.text, state)
    if value is None:
        return None
    if part.operator in ("#", "##", "%", "%%"):
        pattern = join_word(part.other, state)
        return None if pattern is None else cut(value, part.operator, pattern)
    if part.operator == ":":
        slice_ = _SLICE("".join(other.text for other in part.other))
        if slice_ is None:
            return None
        start = int(slice_[1])
        return value[start : start + int(slice_[2])] if slice_[2] else value[start:]
    return value


def _with_default(part: WordPart, state: ShellState) -> str | None:
    """A parameter, or what takes its place where it is not set (or, with a colon, empty)."""
    is_set, value = _parameter(part.text, state)
    if is_set and value is None:
        return None
    has_value = bool(value) if part.operator[0] == ":" else is_set
    match part.operator[-1]:
        case "+":
            return join_word(part.other, state) if has_value else ""
        case "?":
            return value if has_value else None
        case sign:
            if has_value:
                return value
            other = join_word(part.other, state)
            if sign == "=":
                state.variables[part.text] = other
            return other


def _parameter(name: str, state: ShellState) -> tuple[bool, str | None]:
    """Whether a parameter is set, and its value. Arguments that are not there are set to nothing, as tests of them want it."""
    if name == "0":
        return True, state.name
    if name.isdigit() or name in "@*#":
        if state.arguments is None:
            return True, None
        if name == "#":
            return True, str(len(state.arguments))
        if name in "@*":
            return bool(state.arguments), _joined_arguments(state, "", 0).text
        index = int(name) - 1
        return (True, state.arguments[index].text) if index < len(state.arguments) else (False, "")
    if name == "BASH_SOURCE":
        return True, state.name
    return name in state.variables, state.variables.get(name)


def cut(value: str, operator: str, pattern: str) -> str | None:
    """A value without the beginning (#) or end (%) that fits a pattern: the shortest one, or the longest where the sign is doubled.

    None for a value that is too long to try.
    """
    if len(value) > _LONGEST_CUT:
        return None
    lengths = range(len(value) + 1)
    for length in reversed(lengths) if len(operator) > 1 else lengths:
        start = len(value) - length
        piece, rest = (value[:length], value[length:]) if operator[0] == "#" else (value[start:], value[:start])
        if fnmatchcase(piece, pattern):
            return rest
    return value


def truth(words: list[StartWord]) -> bool | None:
    """Whether a test (`[`, `[[`, `test`) holds, its brackets included; None if that cannot be known."""
    if len(words) > _MAX_TEST:
        return None
    inner = words[1:-1] if words[0].text == "[" else words[1:]
    return _either(inner, fnmatchcase if words[0].text == "[[" else str.__eq__)


def _either(words: list[StartWord], fits: Callable[[str, str], bool]) -> bool | None:
    # In so short a test, "-o" is a plain text unless it stands between two others.
    if len(words) <= _WORDS_OF_ONE_TEST and (answer := _single(words, fits)) is not None:
        return answer
    for operators, decisive in ((("||", "-o"), True), (("&&", "-a"), False)):
        at = next((i for i, word in enumerate(words) if word.text in operators), -1)
        if at >= 0:
            answers = (_single(words[:at], fits), _either(words[at + 1 :], fits))
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
    return _single(words, fits)


def _single(words: list[StartWord], fits: Callable[[str, str], bool]) -> bool | None:
    texts = [word.text for word in words if word.text is not None]
    if len(texts) != len(words):
        return None
    match texts:
        case ["!", *_]:
            inner = _single(words[1:], fits)
            return None if inner is None else not inner
        case []:
            return False
        case [text]:
            return bool(text)
        case ["-n" | "-z" as sign, text]:
            return bool(text) == (sign == "-n")
        case [one, "=" | "==", other]:
            return fits(one, other)
        case [one, "!=", other]:
            return not fits(one, other)
        case [one, sign, other] if sign in _NUMBERS and one.isdecimal() and other.isdecimal():
            return _is_comparison_true(int(one[:9]), _NUMBERS[sign], int(other[:9]))
        case _:
            return None


def _is_comparison_true(one: int, sign: str, other: int) -> bool:
    return {
        "==": one == other, "!=": one != other, "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other,
    }[sign]  # fmt: skip
