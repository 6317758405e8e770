"""The text of Apache httpd's configuration files: lines, words, variables, and the shell script that sets Debian's variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hullmark.model.limit import Limit

_BLANK = " \t\n\v\f\r"
_WORD = re.compile(
    r"""[ \t\n\v\f\r]*+(?:"(?P<double>(?:\\["\\]|[^"])*+)"?|'(?P<single>(?:\\['\\]|[^'])*+)'?"""
    r"""|(?P<plain>[^ \t\n\v\f\r"'][^ \t\n\v\f\r]*+))"""
)
_ESCAPED = {"double": re.compile(r'\\(["\\])'), "single": re.compile(r"\\(['\\])"), "plain": re.compile(r"\\(\\)")}
_VARIABLE = re.compile(r"\$\{([^}$]*+)\}")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_ASSIGNED = re.compile(r"(export\s+)?([A-Za-z_][A-Za-z0-9_]*+)=(.*)", re.DOTALL)
_DEFAULTED = re.compile(r":\s+\"?\$\{([A-Za-z_][A-Za-z0-9_]*+):?=([^}]*+)\}")
_SHELL_PIECE = re.compile(
    r"""'(?P<raw>[^']*+)'|\$\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*+)(?P<operator>:?[-=](?P<other>[^}$]*+))?\}"""
    r"""|\$(?P<name>[A-Za-z_][A-Za-z0-9_]*+)|(?P<unknown>[$`])|\\(?P<escaped>.)|(?P<quote>")|(?P<end>[\s;&|#])|(?P<plain>.)""",
    re.DOTALL,
)

_MAX_VALUE = Limit(1 << 12, "characters of a variable in Apache's envvars")


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number, blanks around it taken off; a backslash at its end joins the next. Comments and blank lines are out."""
    joined, begun = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        begun = begun or number
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        whole = (joined + line).strip(_BLANK)
        if whole and not whole.startswith("#"):
            yield begun, whole
        joined, begun = "", 0
    whole = joined.strip(_BLANK)
    if whole and not whole.startswith("#"):
        yield begun, whole


def words(text: str) -> list[str]:
    """The words of a line: quotes hold blanks, and a quote that does not end goes to the line's end."""
    return [_unescape_word(found) for found in _WORD.finditer(text)]


def split_name(text: str) -> tuple[str, str]:
    """The first word of a line and the rest."""
    found = _WORD.match(text)
    return (_unescape_word(found), text[found.end() :].strip(_BLANK)) if found else ("", "")


def _unescape_word(found: re.Match[str]) -> str:
    form = found.lastgroup or "plain"
    word = found[form]
    return _ESCAPED[form].sub(r"\1", word) if "\\" in word else word


def replace_variables(text: str, lookup: Callable[[str], str | None], missing: Callable[[str], None]) -> str:
    """A line with each `${NAME}` replaced. Names without a value stay and are reported; those with a colon are another
    module's."""

    def value(found: re.Match[str]) -> str:
        known = lookup(found[1])
        if known is None:
            if ":" not in found[1]:
                missing(found[1])
            return found[0]
        return known

    return _VARIABLE.sub(value, text) if "${" in text else text


def environment(text: str) -> dict[str, str]:
    """The variables that a shell script of plain assignments exports.

    Of an `if`, the `else` part is taken, as where nothing is set beforehand. What commands would print is not known, and a variable
    that needs it is left out.
    """
    known: dict[str, str | None] = {}
    exported: dict[str, None] = {}
    branches: list[bool] = []
    for raw in text.split("\n"):
        line = raw.strip()
        word = line.partition(" ")[0]
        if word == "if":
            branches.append(False)
        elif word in ("else", "elif", "fi") and branches:
            branches.pop()
            branches += [word == "else"] if word != "fi" else []
        elif all(branches):
            _assign(line, known, exported)
    return {name: value for name in exported if (value := known.get(name)) is not None}


def _assign(line: str, known: dict[str, str | None], exported: dict[str, None]) -> None:
    """Act upon one line of a shell script. A variable that cannot be known becomes None."""
    if found := _ASSIGNED.match(line):
        is_exported, name = found[1], found[2]
        known[name] = _shell_value(found[3], known)
        if is_exported:
            exported[name] = None
    elif found := _DEFAULTED.match(line):
        known.setdefault(found[1], _shell_value(f'"{found[2]}"', known))
    elif line.startswith(("export ", "unset ")):
        for name in _SHELL_NAME.findall(line.partition("#")[0])[1:]:
            if line.startswith("export "):
                exported[name] = None
            else:
                known.pop(name, None)


def _shell_value(text: str, known: Mapping[str, str | None]) -> str | None:
    """The word that a shell reads at the beginning of a text; None if it cannot be known, or grows too long."""
    out: list[str] = []
    is_quoted = False
    size = 0
    for found in _SHELL_PIECE.finditer(text):
        if found["quote"]:
            is_quoted = not is_quoted
            continue
        if found["end"] and not is_quoted:
            break
        piece = _piece(found, known)
        if piece is None:
            return None
        out.append(piece)
        size += len(piece)
        if size > _MAX_VALUE:
            return None
    return "".join(out)


def _piece(found: re.Match[str], known: Mapping[str, str | None]) -> str | None:
    if found["unknown"]:
        return None
    if found["name"]:
        return known.get(found["name"], "")
    if found["braced"]:
        operator, other = (found["operator"] or ""), (found["other"] or "")
        value = known.get(found["braced"], other)
        return other if value == "" and operator.startswith(":") else value
    return found[found.lastgroup or 0]
