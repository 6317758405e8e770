"""Values of names that say they are secrets, in any text: settings, code, YAML, JSON, XML, scripts, instructions, command lines.

What a value looks like does not count, but for switches, paths, addresses, variables and placeholders, which are not secrets. Each name is
looked at once, with a bounded number of bytes around it, so the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from hullmark.facets.secrets.names import ACCOUNTS, is_secret_name, is_secret_value
from hullmark.facets.secrets.words import IN_CODE
from hullmark.model.late import late

Span = tuple[int, int]
"""Where a value begins and ends."""

_BEFORE, _MOST = 80, 2000
_BACK = re.compile(rb"[A-Za-z0-9_.-]*").match
_FORTH = re.compile(rb"[A-Za-z0-9_.-]{0,80}").match
_IN_BRACES = re.compile(rb"[A-Za-z0-9_]{0,80}").match
_Y, _IN_KEYS = b"yY", frozenset(b"_.-eginstrdthpckyoEGINSTRDTHPCKYO")
"""The word key is a part of a name of a secret only behind another, and the letters that those end with."""

_MAY_FOLLOW_IN_CODE = frozenset(b"=:\"'`)] \t\\},")
_MAY_FOLLOW = frozenset(b"=:\"'`)]> \t\\\x1f,|\r\n")

_CLOSE = rb"\\{0,3}[\"'`]?[\])]{0,2}"
_SIGN = late(_CLOSE + rb"([ \t]{0,40})(=>|:=|\+=|={1,3}|:(?!:))([ \t]{0,40})").match
_DEFAULT = late(rb":?[-=]([^}\n\0]{1,500})\}").match
_ELEMENT = late(
    rb"(?:\\?[\"'])?(?:[ \t][^<>\n]{0,200})?>(?:[ \t\r]*\n)?[ \t]*(?:<!\[CDATA\[)?([^<>\r\n\0]{1,20000}?)[ \t]*(?:\]\]>)?</"
).match
_PAIR = late(
    rb"\\{0,3}[\"']?[ \t]{0,8}(?:\r?\n[ \t]{1,60}|,[ \t]{0,8}(?:\r?\n[ \t]{0,60})?|[ \t])\\{0,3}[\"']?(?i:value)\\{0,3}[\"']?"
    rb"[ \t]{0,20}([:=])[ \t]{0,20}"
).match
_GIVEN_IN_CODE = late(IN_CODE.replace(rb"[ \t]{0,8}[bBrR", rb"[ \t]{0,8}()[bBrR")).match
_GAP = late(rb"[ \t]{1,40}").match
_OPTION_GAP = late(rb"[ \t\x1f]{1,8}(?:\\\r?\n[ \t]{0,40})?|\\{0,3}[\"'][ \t,]{1,8}(?=\\{0,3}[\"'])").match
_VERB = late(
    rb"(?:^|[\s;(\x1f])(?:ENV|ARG|LABEL|setenv|SetEnv|env|fastcgi_param|uwsgi_param|proxy_set_header|set|requestheader set)"
    rb"[ \t]+(?:\S{1,12}[ \t]+)?\Z",
    re.IGNORECASE,
).search
_LINE_START = late(
    rb"[ \t]*(?:[#;*!]+[ \t]*|-[ \t]+|export[ \t]+|set[ \t]+|local[ \t]+|readonly[ \t]+|[\"'{]|<)?[\"']?\Z"
).match
_MANY = late(r"(?i)[\w.-]*(?:passwords|passwds|tokens|credentials|phrases|keys|auth)\Z").match
_LONE = late(rb"[ \t]{1,40}([^\s\"'#;=:\0][^\s\0]{0,20000}?)[ \t]*;?[ \t]*(?=\r?\n|\Z)").match
_QUOTED_WORD = late(rb"([\"'])(?![\s+,.)])(?:(?!\1)[^\r\n\x1f\0]){1,20000}\1").match
_QUOTE = late(rb"(?:[bBrRuUfF$@]{0,2})(\\{0,3})([\"'`])").match
_CONTENT = {
    b'"': late(rb'(?:[^"\\\r\n\x1f\0]|\\[^\r\n\x1f\0]){0,2000}+').match,
    b"'": late(rb"(?:[^'\\\r\n\x1f\0]|\\[^\r\n\x1f\0]){0,2000}+").match,
    b"`": late(rb"[^`\r\n\x1f\0]{0,2000}+").match,
}
_ESCAPED = late(rb"[^\"'\\\r\n\x1f\0]{0,2000}+").match
_SCHEME = late(rb"(?i:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,4}").match
_ITEM = late(rb"[\[\s,]{0,200}\\{0,3}([\"'])((?:(?!\1)[^\\\r\n\0]){1,20000})\\{0,3}\1").match
_TO_END = late(rb"[^\r\n\x1f\0]{0,2000}").match
_COMMENT = late(rb"(?:\A#[ \t]|[ \t]+(?:#|//|;)).*\Z").search
_REST = late(rb"[^\r\n\x1f\0\"'`<>]*+").match
"""What follows a value of which no more was looked at; it is a part of it."""

_WORD = late(rb"(?:[^\s;|&<>\"'`\x1f\0]|&(?=[^\s&])){0,2000}").match
_PART = late(rb"[^\s;|&<>\"'`\x1f\0]{0,2000}").match
_CALL = late(rb"[A-Za-z_$@][\w.$>:\\@!?-]{0,100}[(\[]|[(\[{]|new |function\b|await |lambda\b").match
_NO_VALUE_OF_CODE = late(rb"#[0-9a-fA-F]{3,8}\Z|[^\r\n]{0,200}?(?:\(\?|\[\^|\\[sdwWb]|\{\w)").match
"""Colours, expressions and forms."""

_BLOCK = late(rb"(?:[|>][0-9+-]{0,2})?[ \t]*(?:#[^\r\n]*)?\r?\n").match
_LINE = late(rb"([ \t]*)(-[ \t]+)?([^\r\n]*)\r?\n?").match
_MAPPING = late(rb"[\w.\"'-]{1,100}:(?:[ \t]|\Z)").match
_KEY_HEAD = b"-----BEGIN "
_OPENED = {b")": b"(", b"]": b"[", b"}": b"{"}
_CODE = (
    *(".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".kt", ".go", ".rb", ".php", ".pl", ".pm"),
    *(".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".lua", ".scala", ".swift", ".vue", ".css", ".html", ".tcl"),
)
_SCRIPTS = (".sh", ".bash", ".ash", ".ksh", ".zsh", "Dockerfile", "_history")


def find_assigned_values(
    body: bytes, roots: Sequence[Span], name: str = "", *, is_command: bool = False
) -> Iterator[Span]:
    """The value of each such name, in order, none in another. `name` is the last segment of the file's path.

    `roots` are where the words stand that such names are made of (`words_in`).

    `is_command`: the text is a command line, in which a word ends at a blank; \\x1f parts words where they are known.
    """
    if not roots or name in ACCOUNTS:
        return
    reading = _Reading(body, name, is_command=is_command)
    may_follow = _MAY_FOLLOW_IN_CODE if reading.is_code else _MAY_FOLLOW
    done = 0
    for at, end in roots:
        if at < done or (body[end - 1] in _Y and (not at or body[at - 1] not in _IN_KEYS)):
            continue
        is_bare = _FORTH(body, end)
        stop = is_bare.end() if is_bare is not None else end
        if stop < len(body) and body[stop] not in may_follow:
            done = stop
            continue
        back = _BACK(body[max(done, at - _BEFORE) : at][::-1])
        start = at - (back.end() if back is not None else 0)
        if body[start - 1 : start] == b"{" and start > 1 and (inner := _IN_BRACES(body, end)) is not None:
            stop = inner.end()
        done = stop
        named = body[start:done].decode("latin-1")
        for span in reading.values(named, start, done) if is_secret_name(named) else ():
            if span[0] >= done:
                yield span
                done = span[1]


class _Reading:
    """The reading of one text."""

    def __init__(self, body: bytes, name: str, *, is_command: bool) -> None:
        self.body = body
        self.is_code = is_code(name)
        self.is_script = is_command or body.startswith(b"#!") or name.endswith(_SCRIPTS)

    def values(self, name: str, start: int, end: int) -> Iterator[Span]:
        """The values that the name from `start` to `end` is given."""
        body = self.body
        if self.is_code:
            given = _GIVEN_IN_CODE(body, end)
            if given is not None:
                yield from self._value(name, given.end(1))
            return
        before = body[start - 1 : start]
        if before == b"{" and (default := _DEFAULT(body, end)) is not None:
            yield from self._find_secret_span(name, *default.span(1))
        elif (pair := _PAIR(body, end)) is not None:
            yield from self._value(name, pair.end(), has_line=pair[1] == b":")
        elif (sign := _SIGN(body, end)) is not None:
            is_address = sign[2] == b":" and body[max(0, start - 2) : start] == b"//"
            if not is_address:
                has_line = self._is_at_start(start) and (not self.is_script or sign[2] == b":" or bool(sign[1]))
                is_part = before in (b"?", b"&")
                yield from self._value(
                    name, sign.end(), has_line=has_line and not is_part, may_be_block=sign[2] == b":", is_part=is_part
                )
        elif before in (b"<", b'"', b"'", b":") and (element := _ELEMENT(body, end)) is not None:
            yield from self._find_secret_span(name, *element.span(1))
        else:
            yield from self._after_a_blank(name, start, end)

    def _after_a_blank(self, name: str, start: int, end: int) -> Iterator[Span]:
        body = self.body
        if name.startswith("-") and (gap := _OPTION_GAP(body, end)) is not None:
            if body[gap.end() : gap.end() + 1] not in (b"-", b"<", b"|", b">"):
                yield from self._value(name, gap.end())
            return
        gap = _GAP(body, end)
        if gap is None:
            return
        is_set = _VERB(body[max(0, start - 40) : start]) is not None
        if is_set or _QUOTED_WORD(body, gap.end()) is not None:
            yield from self._value(name, gap.end())
        elif not _MANY(name) and self._is_at_start(start):
            lone = _LONE(body, end)
            if lone is not None:
                yield from self._find_secret_span(name, *lone.span(1))

    def _is_at_start(self, start: int) -> bool:
        line = (
            max(self.body.rfind(b"\n", max(0, start - 60), start), self.body.rfind(b"\x1f", max(0, start - 60), start))
            + 1
        )
        return _LINE_START(self.body[max(line, start - 60) : start]) is not None

    def _value(
        self, name: str, at: int, *, has_line: bool = False, may_be_block: bool = False, is_part: bool = False
    ) -> Iterator[Span]:
        body = self.body
        quote = _QUOTE(body, at)
        if quote is not None:
            content = (_ESCAPED if quote[1] else _CONTENT[quote[2]])(body, quote.end())
            if content is not None and not (self.is_code and _NO_VALUE_OF_CODE(body, *content.span())):
                yield from self._find_secret_span(name, *content.span())
        elif body[at : at + 1] == b"[":
            item = _ITEM(body, at)
            while item is not None:
                yield from self._find_secret_span(name, *item.span(2))
                item = _ITEM(body, item.end())
        elif may_be_block and not self.is_code and (block := _BLOCK(body, at)) is not None:
            yield from self._block(name, at, block.end(), is_text=body[at : at + 1] in (b"|", b">"))
        elif not self.is_code:
            yield from self._bare(name, at, _TO_END if has_line else _PART if is_part else _WORD)

    def _bare(self, name: str, at: int, all_of_it: Callable[[bytes, int], re.Match[bytes] | None]) -> Iterator[Span]:
        body = self.body
        found = all_of_it(body, at)
        end = found.end() if found is not None else at
        if all_of_it is _TO_END:
            comment = _COMMENT(body[at:end])
            end = at + comment.start() if comment is not None else end
        while end > at and _is_no_part(body[at:end]):
            end -= 1
        if _CALL(body, at, end) is None:
            yield from self._find_secret_span(name, at, end)

    def _block(self, name: str, at: int, start: int, *, is_text: bool) -> Iterator[Span]:
        """The lines of a YAML scalar, or the items of a list, below the name."""
        body = self.body
        line_start = body.rfind(b"\n", max(0, at - 400), at) + 1
        own = _LINE(body, line_start)
        depth = len(own[1]) if own is not None else 0
        while True:
            line = _LINE(body, start)
            if line is None or line.end() == start:
                return
            start = line.end()
            text = line[3].strip()
            if not text and not line[2]:
                continue
            is_item = bool(line[2]) and not is_text
            if len(line[1]) < depth + (not is_item) or text.startswith(_KEY_HEAD):
                return
            if not is_text and (not is_item or _MAPPING(text)):
                return
            first = line.start(2) if is_text and line[2] else line.start(3)
            yield from self._find_secret_span(
                name, *_unquote_span(body, first, first + len(body[first : line.end(3)].rstrip()))
            )

    def _find_secret_span(self, name: str, start: int, end: int) -> Iterator[Span]:
        body = self.body
        scheme = _SCHEME(body, start, end)
        if scheme is not None and scheme.end() < end:
            start = scheme.end()
        text = body[start:end]
        if text.startswith(_KEY_HEAD) or not is_secret_value(name, text):
            return
        rest = _REST(body, end) if len(text) >= _MOST else None
        yield start, rest.end() if rest is not None else end


def is_code(name: str) -> bool:
    """Whether a file is a program's source, where only what is quoted is a value."""
    return name.endswith(_CODE)


def _is_no_part(value: bytes) -> bool:
    """Whether the last character only ends what stands around the value."""
    last = value[-1:]
    return last in (b" ", b"\t", b",", b";", b'"', b"'") or (last in _OPENED and _OPENED[last] not in value)


def _unquote_span(body: bytes, start: int, end: int) -> Span:
    if end - start >= 2 and body[start] in b"\"'" and body[end - 1] == body[start]:
        return start + 1, end - 1
    return start, end
