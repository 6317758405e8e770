"""The text of a shell script as a tree of commands (POSIX.1-2024, Shell Command Language, and what of bash start scripts use).

What is not read, as arithmetic commands and arrays, is kept as a word or a condition that nobody knows.
"""

from __future__ import annotations

import re

import msgspec

from hullmark.facets.configuration.shell_words import (
    MAX_NESTED,
    PLAIN,
    ShellWord,
    UnreadableScript,
    WordPart,
    WordReader,
)
from hullmark.model.limit import Limit

MAX_SCRIPT = Limit(256 << 10, "characters of a script that an image is started with")

_OPERATOR = re.compile(r"\n|;;&|;;|;&|;|&&|&(?!>)|\|\||\|&|\||\(|\)")
_REDIRECT = re.compile(r"(?:[0-9]++|\{[A-Za-z_]\w*\})?(?P<kind>&>>|&>|<<<|<<-|<<|>>|>\||>&|<&|<>|>|<)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*+)(\+?=)")
_ARRAY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*+)(\+?=)(?=\()")
_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+\[[^\]\n]*+\]\+?=")
_EMPTY_BRACKETS = re.compile(r"[ \t]*+\([ \t]*+\)").match
_TEST_MARK = re.compile(r"&&|\|\||[()<>\n]").match
_REGEX = re.compile(r"(?:'[^']*+'|\"[^\"]*+\"|[^\s'\"])++").match
_CLOSING = {"then", "else", "elif", "fi", "do", "done", "esac", "}"}


class SimpleCommand(msgspec.Struct):
    """Assignments, words, and the files that output goes to. `is_test`: it stands in double brackets."""

    line: int
    assigned: list[tuple[str, ShellWord]]
    words: list[ShellWord]
    written: list[ShellWord]
    is_test: bool = False


class CompoundCommand(msgspec.Struct):
    """Commands in others. `kind`: if, loop, for, case, group, subshell, function, all_of, background, not or unknown.

    `parts` are its lists of commands: of an `if`, condition and body in turn, and the `else` last. `words` are those of a `for` or `case`.
    """

    kind: str
    line: int
    parts: list[list[Node]]
    words: list[ShellWord] = []
    name: str = ""


Node = SimpleCommand | CompoundCommand


def parse_script(text: str) -> list[Node]:
    """The commands of a script. Raises UnreadableScript."""
    if len(text) > MAX_SCRIPT:
        raise UnreadableScript("it is too long", 0)
    return _Reader(text).script()


class _Reader(WordReader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._documents: list[tuple[str, bool]] = []

    def script(self) -> list[Node]:
        found = self._list(())
        if self._at < len(self._text):
            raise self._wrong("something follows the end of a command")
        return found

    def _peek(self) -> str:
        """The operator that comes next; "" for none."""
        self._skip_blanks()
        found = _OPERATOR.match(self._text, self._at)
        return found[0] if found is not None else ""

    def _take(self, operator: str) -> None:
        self._at += len(operator)
        if operator == "\n" and self._documents:
            self._skip_documents()

    def _skip_documents(self) -> None:
        for end, is_indented in self._documents:
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                line = self._text[self._at : stop] if stop >= 0 else self._text[self._at :]
                self._at += len(line) + (stop >= 0)
                if (line.lstrip("\t") if is_indented else line) == end:
                    break
        self._documents.clear()

    def _skip_ends(self) -> None:
        while (operator := self._peek()) in ("\n", ";", "&"):
            self._take(operator)

    def _peek_word(self) -> str:
        """The plain word that comes next, not taken."""
        self._skip_blanks()
        found = PLAIN.match(self._text, self._at)
        if found is None or self._text[found.end() : found.end() + 1] in ("'", '"', "\\", "$", "`"):
            return ""
        return found[0]

    def _expect(self, word: str) -> None:
        self._skip_ends()
        if self._peek_word() != word:
            raise self._wrong(f'"{word}" is missing')
        self._at += len(word)

    def _list(self, until: tuple[str, ...]) -> list[Node]:
        """Commands up to one of these words, or a bracket, or the end of a case."""
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise self._wrong("its commands stand too deep in each other")
        nodes: list[Node] = []
        while True:
            while self._peek() in ("\n", ";"):
                self._take(self._peek())
            if self._at >= len(self._text) or self._peek() in (")", ";;", ";&", ";;&") or self._peek_word() in until:
                break
            if self._peek_word() in _CLOSING:
                raise self._wrong(f'"{self._peek_word()}" ends nothing')
            line = self._line()
            node = self._and_or()
            if self._peek() == "&":
                self._take("&")
                node = CompoundCommand("background", line, [[node]])
            nodes.append(node)
        self._depth -= 1
        return nodes

    def _and_or(self) -> Node:
        line, first = self._line(), self._pipeline()
        parts, operators = [[first]], []
        while (operator := self._peek()) in ("&&", "||"):
            self._take(operator)
            while self._peek() == "\n":
                self._take("\n")
            operators.append(operator)
            parts.append([self._pipeline()])
        return CompoundCommand("all_of", line, parts, [], " ".join(operators)) if operators else first

    def _pipeline(self) -> Node:
        line, is_negated = self._line(), False
        while self._peek_word() == "!":
            self._at += 1
            is_negated = not is_negated
        parts = [[self._command()]]
        while (operator := self._peek()) in ("|", "|&"):
            self._take(operator)
            while self._peek() == "\n":
                self._take("\n")
            parts.append([self._command()])
        node = parts[0][0] if len(parts) == 1 else CompoundCommand("pipe", line, parts)
        return CompoundCommand("not", line, [[node]]) if is_negated else node

    def _command(self) -> Node:
        line, word = self._line(), self._peek_word()
        if self._peek() == "(":
            return self._parse_brackets(line)
        readers = {"if": self._if, "while": self._loop, "until": self._loop, "for": self._for, "case": self._case}
        if word in readers:
            self._at += len(word)
            node: Node = readers[word](line)
        elif word == "{":
            self._at += 1
            node = CompoundCommand("group", line, [self._list(("}",))])
            self._expect("}")
        elif word == "function":
            self._at += len(word)
            return self._function(line, self._peek_word())
        elif word == "[[":
            node = self._test(line)
        elif word and _NAME.fullmatch(word.replace("-", "_").replace(".", "_")) and self._is_function(word):
            return self._function(line, word)
        else:
            return self._simple(line)
        return self._with_redirects(node)

    def _parse_brackets(self, line: int) -> Node:
        if self._text.startswith("((", self._at):
            end = self._text.find("))", self._at)
            if end < 0:
                raise self._wrong("a bracket is not closed")
            self._at = end + 2
            return CompoundCommand("unknown", line, [])
        self._at += 1
        node = CompoundCommand("subshell", line, [self._list(())])
        if self._peek() != ")":
            raise self._wrong("a bracket is not closed")
        self._at += 1
        return self._with_redirects(node)

    def _with_redirects(self, node: Node) -> Node:
        """Commands in brackets and the like, and the files that the output of all of them goes to."""
        written: list[ShellWord] = []
        while self._redirect(written):
            pass
        if not written:
            return node
        return CompoundCommand("group", node.line, [[SimpleCommand(node.line, [], [], written), node]])

    def _is_function(self, word: str) -> bool:
        return _EMPTY_BRACKETS(self._text, self._at + len(word)) is not None

    def _function(self, line: int, name: str) -> Node:
        self._at += len(name)
        if (brackets := _EMPTY_BRACKETS(self._text, self._at)) is not None:
            self._at = brackets.end()
        while self._peek() == "\n":
            self._take("\n")
        self._depth += 1
        if self._depth > MAX_NESTED:
            raise self._wrong("its functions stand too deep in each other")
        body = self._command()
        self._depth -= 1
        return CompoundCommand("function", line, [[body]], [], name)

    def _if(self, line: int) -> Node:
        parts = [self._list(("then",))]
        self._expect("then")
        parts.append(self._list(("elif", "else", "fi")))
        while self._peek_word() == "elif":
            self._at += 4
            parts.append(self._list(("then",)))
            self._expect("then")
            parts.append(self._list(("elif", "else", "fi")))
        if self._peek_word() == "else":
            self._at += 4
            parts.append(self._list(("fi",)))
        self._expect("fi")
        return CompoundCommand("if", line, parts)

    def _loop(self, line: int) -> Node:
        condition = self._list(("do",))
        return CompoundCommand("loop", line, [condition, self._body()])

    def _body(self) -> list[Node]:
        self._expect("do")
        body = self._list(("done",))
        self._expect("done")
        return body

    def _for(self, line: int) -> Node:
        name = self._peek_word()
        words: list[ShellWord] = []
        if self._peek() == "(":
            self._parse_brackets(line)
        else:
            self._at += len(name)
            while self._peek() == "\n":
                self._take("\n")
            if self._peek_word() == "in":
                self._at += 2
                while not self._peek() and self._at < len(self._text):
                    words.append(self._word())
            else:
                words = [(WordPart("parameter", "@", is_quoted=True),)]
        return CompoundCommand("for", line, [self._body()], words, name)

    def _case(self, line: int) -> Node:
        self._skip_blanks()
        words, parts, ends = [self._word()], [], []
        self._expect("in")
        while True:
            self._skip_ends()
            if self._peek_word() == "esac" or self._at >= len(self._text):
                break
            if self._peek() == "(":
                self._take("(")
            words.append(self._patterns())
            parts.append(self._list(("esac",)))
            end = self._peek()
            ends.append(end if end in (";&", ";;&") else ";;")
            if end in (";;", ";&", ";;&"):
                self._take(end)
        self._expect("esac")
        return CompoundCommand("case", line, parts, words, " ".join(ends))

    def _patterns(self) -> ShellWord:
        """The patterns of one branch, each after a part of the kind `pattern`."""
        found: list[WordPart] = []
        while True:
            self._skip_blanks()
            found += (WordPart("pattern"), *self._word())
            operator = self._peek()
            self._take(operator)
            if operator == ")":
                return tuple(found)
            if operator != "|":
                raise self._wrong("a pattern is not closed")

    def _test(self, line: int) -> Node:
        """What stands in double brackets. Operators are words there."""
        self._at += 2
        words: list[ShellWord] = [(WordPart("text", "[["),)]
        while self._at < len(self._text):
            self._skip_blanks()
            if self._peek_word() == "]]":
                self._at += 2
                return SimpleCommand(line, [], words, [], is_test=True)
            found = _TEST_MARK(self._text, self._at)
            if found is not None:
                self._at = found.end()
                words += [(WordPart("text", found[0]),)] if found[0] != "\n" else []
            elif len(words) > 1 and words[-1] == (WordPart("text", "=~"),):
                end = _REGEX(self._text, self._at)
                self._at = end.end() if end else self._at + 1
                words.append((WordPart("unknown"),))
            else:
                words.append(self._word())
        raise self._wrong("a test is not closed")

    def _simple(self, line: int) -> Node:
        node, start = SimpleCommand(line, [], [], []), self._at
        while True:
            self._skip_blanks()
            if self._redirect(node.written):
                continue
            if self._at >= len(self._text) or self._peek():
                break
            assigned = _ASSIGNED.match(self._text, self._at) if not node.words else None
            if assigned is not None:
                node.assigned.append(self._assignment(assigned))
            elif not node.words and (subscript := _SUBSCRIPT.match(self._text, self._at)) is not None:
                self._at = subscript.end()
                self._word(may_be_empty=True)
                node.assigned.append((subscript[0].partition("[")[0], (WordPart("unknown"),)))
            elif (assigned := _ARRAY.match(self._text, self._at)) is not None:
                name, value = self._assignment(assigned)  # of a command that declares variables, as `local A=(…)`
                node.words.append((WordPart("text", f"{name}="), *value))
            else:
                node.words.append(self._word())
        if self._at == start:
            raise self._wrong("a command is missing")
        return node

    def _assignment(self, assigned: re.Match[str]) -> tuple[str, ShellWord]:
        self._at = assigned.end()
        if self._text.startswith("(", self._at):
            self._at += 1
            while self._at < len(self._text) and (operator := self._peek()) != ")":
                self._take(operator) if operator else self._word()
            self._at += 1
            return assigned[1], (WordPart("unknown"),)
        word = self._word(may_be_empty=True)
        if assigned[2] == "+=":
            word = (WordPart("parameter", assigned[1], is_quoted=True), *word)
        return assigned[1], word

    def _redirect(self, written: list[ShellWord]) -> bool:
        self._skip_blanks()
        found = _REDIRECT.match(self._text, self._at)
        if found is None or self._text.startswith(("<(", ">("), found.start("kind")):
            return False
        self._at = found.end()
        self._skip_blanks()
        target = self._word()
        if found["kind"] in ("<<", "<<-"):
            self._documents.append(("".join(part.text for part in target), found["kind"] == "<<-"))
        elif ">" in found["kind"]:
            written.append(target)
        return True
