"""Templates for an account's own wording of messages, in a part of Jinja's language with bounded time and size.

A template can choose, loop over what a notice holds, and use some filters. It can call nothing, set nothing and include nothing; loops,
texts and the result are bounded. It sees `notice`, `title` and `text` (the usual words), `cause`, `items`, `groups`, `count`, `kinds`,
`severity`, `link` and `account`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.sandbox
import msgspec
from jinja2 import nodes

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.model.notice import Digest, Notice
from hullmark.notify.words import escape_markdown

MOST_TEMPLATE = Limit(20_000, "characters of a template", "refused")
MOST_TITLE = Limit(1_000, "characters of a title that a template makes", "shortened")
MOST_TEXT = Limit(50_000, "characters of a text that a template makes", "shortened")
_MOST_VALUE = 100_000
_MOST_ROUNDS = 20_000
_MOST_WORK = 20_000_000
_WORK_OF_NODE = 100
"""What each part of a loop counts in each round; of filters the characters count that they take and give."""

_MOST_DEPTH = 4
_MOST_JOINED = 100
_ADVICE = "choose with if, loop with for over lists, use plain filters; a preview of the channel shows what comes of it"
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Concat,
    nodes.List,
    nodes.Tuple,
    nodes.Keyword,
)
_TESTS = frozenset(
    (
        "defined",
        "undefined",
        "none",
        "string",
        "number",
        "in",
        "eq",
        "equalto",
        "ne",
        "gt",
        "ge",
        "lt",
        "le",
        "true",
        "false",
    )
)


class TemplateFault(HullmarkError):
    """A template cannot be used, or exceeded its bounds."""


def _fault(what: str) -> TemplateFault:
    return TemplateFault(f"the template cannot be used: {what}"[:500], advice=_ADVICE)


def _join_words(words: Iterable[object], by: str = "") -> str:
    parts: list[str] = []
    size = 0
    for word in words:
        parts.append(str(word))
        size += len(parts[-1]) + len(by)
        if size > _MOST_VALUE:
            raise _fault("a text grows too long")
    return by.join(parts)


def _replace_text(text: object, old: str, new: str) -> str:
    whole = str(text)
    if not old or len(whole) + whole.count(old) * len(new) > _MOST_VALUE:
        raise _fault("what is replaced is empty, or the text grows too long")
    return whole.replace(old, new)


def _truncate_text(text: object, most: int = 255) -> str:
    whole = str(text)
    return whole if len(whole) <= most else whole[: max(most - 1, 0)] + "…"


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if isinstance(at, datetime) else str(at)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _markdown(text: object) -> str:
    return escape_markdown(str(text), _MOST_VALUE)


def _first(values: Sequence[Any]) -> Any:
    return values[0] if values else ""


def _last(values: Sequence[Any]) -> Any:
    return values[-1] if values else ""


def _default(value: Any, instead: Any = "") -> Any:
    return instead if isinstance(value, jinja2.Undefined) or value in ("", None) else value


_FILTERS: dict[str, Callable[..., Any]] = {
    "upper": lambda text: str(text).upper(),
    "lower": lambda text: str(text).lower(),
    "capitalize": lambda text: str(text).capitalize(),
    "trim": lambda text: str(text).strip(),
    "string": str,
    "length": len,
    "count": len,
    "join": _join_words,
    "replace": _replace_text,
    "truncate": _truncate_text,
    "default": _default,
    "first": _first,
    "last": _last,
    "moment": _moment,
    "json": _json,
    "tojson": _json,
    "markdown": _markdown,
}


def _limit_function(function: Callable[..., Any], rounds: _Rounds) -> Callable[..., Any]:
    def apply_filter(*values: Any, **named: Any) -> Any:
        found = function(*values, **named)
        rounds.spend(sum(len(text) for text in (*values, found) if isinstance(text, str)))
        if isinstance(found, str) and len(found) > _MOST_VALUE:
            raise _fault("a text grows too long")
        return found

    return apply_filter


class _Rounds:
    """The remaining rounds for all loops together, and the remaining work for the whole template."""

    def __init__(self) -> None:
        self._left = _MOST_ROUNDS

        self._work = _MOST_WORK

    def spend(self, work: int) -> None:
        """Raises TemplateFault if that is more than is left."""
        self._work -= work
        if self._work < 0:
            raise _fault("it would take too long")

    def listed(self, values: object, size: int) -> Iterator[Any]:
        """The elements of a value other than text, while rounds are left; `size`: the parts of the loop. Raises TemplateFault."""
        if isinstance(values, str) or not isinstance(values, Sequence | Mapping):
            if isinstance(values, jinja2.Undefined):
                return
            raise _fault("a loop goes over lists")
        for value in values:
            self._left -= 1
            if self._left < 0:
                raise _fault(f"its loops take more than {_MOST_ROUNDS} rounds")
            self.spend(size * _WORK_OF_NODE)
            yield value


def render_template(template: str, notice: Notice | Digest, title: str, text: str, most: int = MOST_TEXT) -> str:
    """The template's words, cut at `most` characters. Raises TemplateFault."""
    rounds = _Rounds()
    environment = _environment(rounds)
    tree = _parse_template(environment, template)

    def raise_fault(error: Exception) -> NoReturn:
        is_deep = isinstance(error, RecursionError | SyntaxError | MemoryError)
        raise _fault("it is nested too deeply" if is_deep else str(error)) from error

    def render() -> str:
        return _cut(environment.from_string(tree).generate(_context(notice, title, text)), most)

    return guard_call(render, raise_fault, passing=TemplateFault)


def _environment(rounds: _Rounds) -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        autoescape=False,
        optimized=False,
        cache_size=0,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters = {name: _limit_function(function, rounds) for name, function in _FILTERS.items()}
    environment.filters["_listed"] = rounds.listed
    environment.tests = {name: test for name, test in environment.tests.items() if name in _TESTS}
    environment.globals = {}
    return environment


def _parse_template(environment: jinja2.Environment, template: str) -> nodes.Template:
    """The template, with its loops bounded. Raises TemplateFault for anything that is not allowed."""
    if len(template) > MOST_TEMPLATE:
        raise _fault(f"it is longer than {MOST_TEMPLATE} characters")
    try:
        tree = environment.parse(template)
    except jinja2.TemplateSyntaxError as error:
        raise _fault(f"line {error.lineno}: {error.message}") from error
    except RecursionError:
        raise _fault("it is nested too deeply") from None
    try:
        _walk(tree, 0, [0])
    except RecursionError:
        raise _fault("it is nested too deeply") from None
    return tree


def _walk(node: nodes.Node, depth: int, joined: list[int]) -> None:
    """Check a part of a template, and have its loops counted. `joined[0]` counts the texts that are put together so far."""
    if type(node) not in _ALLOWED:
        raise _fault(f"line {node.lineno}: it may choose and loop, and not use {type(node).__name__.lower()}")
    if isinstance(node, nodes.Filter) and (node.node is None or node.name not in _FILTERS):
        raise _fault(f"line {node.lineno}: there is no filter {node.name} that stands behind a value")
    if isinstance(node, nodes.Const) and isinstance(node.value, int | float) and abs(node.value) > _MOST_VALUE:
        raise _fault(f"line {node.lineno}: a number is too large")
    if isinstance(node, nodes.Add | nodes.Concat):
        joined[0] += len(node.nodes) if isinstance(node, nodes.Concat) else 1
        if joined[0] > _MOST_JOINED:
            raise _fault("it puts too many texts together")
    is_loop = isinstance(node, nodes.For)
    for child in node.iter_child_nodes():
        _walk(child, depth + is_loop, joined)
    if isinstance(node, nodes.For):
        if depth >= _MOST_DEPTH or node.recursive:
            raise _fault(f"line {node.lineno}: loops are nested too deeply")
        size = nodes.Const(sum(1 for _ in node.find_all(nodes.Node)), lineno=node.lineno)
        node.iter = nodes.Filter(node.iter, "_listed", [size], [], None, None, lineno=node.lineno)


def _context(notice: Notice | Digest, title: str, text: str) -> dict[str, Any]:
    shared = {"notice": notice, "title": title, "text": text, "link": notice.link, "account": notice.account}
    if isinstance(notice, Digest):
        return {**shared, "groups": notice.groups, "count": notice.count, "items": (), "kinds": {}, "cause": None}
    return {
        **shared,
        "cause": notice.cause,
        "items": notice.items,
        "count": notice.count,
        "kinds": notice.kinds,
        "severity": notice.severity,
        "groups": (),
    }


def _cut(parts: Iterable[str], most: int) -> str:
    found: list[str] = []
    size = 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size > most:
            return "".join(found)[: most - 1] + "…"
    return "".join(found)
