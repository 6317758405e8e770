"""OpenSSH's server: sshd_config(5) with its includes and Match blocks, and the options that it is started with (sshd(8))."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

import msgspec

from hullmark.facets.configuration.collected import SettingCollector, UnknownDefault
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.runs import Options, named_file, run_of, short_options
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.sshd_keywords import CHOICES, KEYWORDS, SYNONYMS, Keyword, defaults
from hullmark.facets.configuration.sshd_refusals import refusal
from hullmark.facets.configuration.start import Command
from hullmark.facets.configuration.written_value import WrittenValue
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

MAIN = "/etc/ssh/sshd_config"

_MAX_BLOCKS = Limit(10_000, "blocks of sshd_config that begin with Match")
_MAX_ITEMS = Limit(10_000, "values of one keyword of sshd_config, and addresses that sshd listens on")
_CRITERIA = (
    "user",
    "group",
    "host",
    "localaddress",
    "localport",
    "rdomain",
    "address",
    "version",
    "invalid-user",
    "all",
)
_OPTION_KEYWORDS = {"c": "HostCertificate", "g": "LoginGraceTime", "h": "HostKey", "p": "Port"}
_KEYWORD = re.compile(r"[ \t\r\f]*([^\s\"=]+)(?:[ \t]+=?|=)?[ \t]*").match
_TIME = re.compile(r"(?=.)(?:\d{1,9}[smhdwSMHDW])*(?:\d{1,9})?").fullmatch
_TIME_PART = re.compile(r"(\d+)([smhdw]?)").findall
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE = re.compile(r"(\d{1,12})([kmgKMG]?)").fullmatch
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_NUMBER = re.compile(r"\d{1,9}").fullmatch
_OPTIONAL = frozenset({"UnusedConnectionTimeout"})


class _Block(msgspec.Struct):
    """What holds for everyone (`criteria` is empty), or for those whom a Match line names. Values by keyword."""

    criteria: str
    path: str
    line: int
    values: dict[str, WrittenValue]
    around: tuple[SourceLine, ...] = ()


class _Reader:
    """Reads the files in the order in which sshd does: an Include is replaced by the lines of its files."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._tree = IncludeTree(files)
        self.everyone = _Block("", MAIN, 0, {})
        self.matches: list[_Block] = []
        self._outer: list[str] = []
        self._around: list[tuple[SourceLine, ...]] = []
        self.everyone_is_given: frozenset[str] = frozenset()

    def take(self, word: StartWord) -> None:
        """Take a line that the command line gives."""
        self._line(self.everyone, word.text or "", word.path, word.line)

    def read(self, path: str, block: _Block, by: str = "", line: int = 0) -> None:
        """Read a file. Match lines in it hold to its end, and no further."""
        self._outer.append(block.criteria)
        self._around.append((*block.around, SourceLine(block.path, block.line)) if block.criteria else ())
        with self._tree.opened(path, by, line) as text:
            for number, written in enumerate((text or "").split("\n"), 1):
                block = self._line(block, written, path, number)
        self._outer.pop()
        self._around.pop()

    def _line(self, block: _Block, written: str, path: str, line: int) -> _Block:
        """Take one line, and give the block that the next line belongs to."""
        found = _KEYWORD(written)
        if found is None or found[1].startswith("#"):
            return block
        rest = written[found.end() :].rstrip(" \t\r\f")
        words = split_words(rest)
        name = found[1].lower()
        if words is None:
            self._files.problem(path, Remark(f"a quote of {found[1]} is not closed"), line)
        elif not words:
            self._files.problem(path, Remark(f"{found[1]} has no value"), line)
        elif name == "match":
            return self._match(words, path, line) or block
        elif name == "include":
            self._include(words, block, path, line)
        elif name in KEYWORDS:
            self._set(block, KEYWORDS[name], words, rest, SourceLine(path, line))
        else:
            self._files.problem(path, Remark(f"sshd does not know the keyword {found[1]}"), line)
        return block

    def _match(self, words: list[str], path: str, line: int) -> _Block | None:
        """A new block. In a file that a block includes, the criteria of both must be met."""
        if len(self.matches) >= _MAX_BLOCKS:
            self._files.problem(path, "so many Match blocks are not read", line)
            return None
        unknown = next((name for name in _criteria(words) if name.lower() not in _CRITERIA), None)
        if unknown is not None:
            self._files.problem(path, Remark(f"sshd does not know the criterion {unknown[:100]}"), line)
        criteria = " ".join((*self._outer[-1:], *words)).strip()
        around = self._around[-1] if self._around else ()
        self.matches.append(_Block(criteria, path, line, {}, around))
        return self.matches[-1]

    def _include(self, words: list[str], block: _Block, path: str, line: int) -> None:
        for word in words:
            glob = word if word.startswith("/") else f"/etc/ssh/{word}"
            for included in self._tree.matching(glob, path, line):
                self.read(included, block, path, line)

    def _set(self, block: _Block, keyword: Keyword, words: list[str], rest: str, at: SourceLine) -> None:
        """Set a value, unless an earlier line has; lists of some keywords grow with each line."""
        if block.criteria and not keyword.in_match and keyword.kind != "old":
            self._files.problem(at.path, Remark(f"{keyword.name} may not stand in a Match block"), at.line)
            return
        value = _value(keyword, words, rest)
        if value is None:
            self._files.problem(at.path, f"{keyword.name} cannot be {' '.join(words)[:100]}", at.line)
            return
        if reason := refusal(keyword.name, value):
            self._files.problem(at.path, Remark(f"sshd refuses to start: {reason}"), at.line)
        known = block.values.get(keyword.name)
        if known is not None and keyword.name in self.everyone_is_given:
            return
        if known is None:
            block.values[keyword.name] = WrittenValue(value, at.path, at.line)
        elif keyword.kind in ("more", "lines") and isinstance(value, tuple) and not known.grow(value, at, _MAX_ITEMS):
            self._files.problem(at.path, f"so many values of {keyword.name} are not read", at.line)


def _criteria(words: list[str]) -> Iterator[str]:
    """The names of a Match line's criteria: each is followed by its value, or has it behind `=`."""
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        yield name
        if not equals and name.lower() not in ("all", "invalid-user") and next(rest, None) is None:
            yield f"{name} without a value"


def split_words(text: str) -> list[str] | None:
    """The words of a line, quotes and escapes undone, up to a comment. None if a quote is not closed."""
    words: list[str] = []
    i = 0
    while i < len(text):
        if text[i] in " \t":
            i += 1
        elif text[i] == "#":
            break
        else:
            word, i = _word(text, i)
            if word is None:
                return None
            words.append(word)
    return words


def _word(text: str, i: int) -> tuple[str | None, int]:
    out: list[str] = []
    quote = ""
    while i < len(text) and (quote or text[i] not in " \t"):
        following = text[i + 1 : i + 2]
        if text[i] == "\\" and following and (following in "'\"\\" or (following == " " and not quote)):
            out.append(following)
            i += 1
        elif quote and text[i] == quote:
            quote = ""
        elif not quote and text[i] in "'\"":
            quote = text[i]
        else:
            out.append(text[i])
        i += 1
    return (None if quote else "".join(out)), i


def _value(keyword: Keyword, words: list[str], rest: str) -> Value:
    """What sshd makes of the words; None for what it does not take."""
    if keyword.kind in ("words", "more"):
        return _list(keyword.name, words)
    if keyword.kind in ("rest", "old"):
        return rest
    if keyword.kind == "lines":
        return (" ".join(words),)
    if keyword.kind == "commas":
        return tuple(words[0].split(",")) if len(words) == 1 else None
    return _ONE[keyword.kind](keyword.name, words[0]) if len(words) == 1 else None


def _flag(name: str, word: str) -> Value:
    word = SYNONYMS.get((name, word.lower()), word.lower())
    return word == "yes" if word in ("yes", "no") else None


def _choice(name: str, word: str) -> Value:
    word = SYNONYMS.get((name, word.lower()), word)
    return next((choice for choice in CHOICES[name] if choice.lower() == word.lower()), None)


def _number(name: str, word: str) -> Value:
    return int(word) if _NUMBER(word) else None


def _seconds(name: str, word: str) -> Value:
    if word == "none" and name in _OPTIONAL:
        return word
    if not _TIME(word):
        return None
    return sum(int(count) * _SECONDS[unit] for count, unit in _TIME_PART(word.lower()))


def _plain(name: str, word: str) -> Value:
    if name == "MaxStartups" and ":" not in word:
        return f"{word}:30:{word}"
    if name == "PerSourceNetBlockSize" and ":" not in word:
        return f"{word}:0"
    if name == "StreamLocalBindMask":
        return "0" + word.lstrip("0")
    return word


_ONE: dict[str, Callable[[str, str], Value]] = {
    "flag": _flag,
    "number": _number,
    "time": _seconds,
    "choice": _choice,
    "word": _plain,
}


def _list(name: str, words: list[str]) -> tuple[str, ...] | None:
    if name == "IPQoS":
        return (words[0], words[-1])
    if name == "PermitListen":
        return tuple(f"*:{word}" if word.isdecimal() else word for word in words)
    if name == "RekeyLimit":
        return _rekey_limit(words)
    return tuple(words)


def _rekey_limit(words: list[str]) -> tuple[str, ...] | None:
    """Bytes and seconds; 0 means the default, which is the cipher's, and no limit."""
    size = _SIZE(words[0])
    if words[0] != "default" and size is None:
        return None
    wait = "none" if len(words) < 2 else words[1]
    seconds = 0 if wait == "none" else _seconds("RekeyLimit", wait)
    count = int(size[1]) * _BYTES[size[2].lower()] if size else 0
    return (str(count), str(seconds)) if seconds is not None else None


def _merge_with_default(value: Value, standard: Value) -> Value:
    """A list of algorithms that begins with `+`, `-` or `^` changes the default, where that is known."""
    if not isinstance(value, tuple) or not isinstance(standard, tuple) or value[0][:1] not in ("+", "-", "^"):
        return value
    names = (value[0][1:], *value[1:])
    if value[0][0] == "-":
        return tuple(name for name in standard if not any(fnmatchcase(name, pattern) for pattern in names))
    if any("*" in name or "?" in name for name in names):
        return value  # of all that the program knows, which is not known
    others = tuple(name for name in standard if name not in names)
    return names + others if value[0][0] == "^" else standard + tuple(name for name in names if name not in standard)


def _with_ports(lines: tuple[str, ...], ports: tuple[str, ...]) -> Iterator[str]:
    """Each address with each port, unless it has one of its own. A routing domain may follow the address."""
    for line in lines:
        address, space, domain = line.partition(" ")
        if address.count(":") > 1 and not address.startswith("["):
            yield from (f"[{address}]:{port}{space}{domain}" for port in ports)
        elif ":" in address.rpartition("]")[2]:
            yield line
        else:
            yield from (f"{address}:{port}{space}{domain}" for port in ports)


def _listening(files: Files, everyone: dict[str, WrittenValue]) -> None:
    """ListenAddress comes to addresses with ports, and is all addresses where it is not set."""
    ports, family = everyone["Port"].value, everyone["AddressFamily"].value
    known = everyone.get("ListenAddress", WrittenValue(None, "", 0))
    addresses = known.value or {"any": ("[::]", "0.0.0.0"), "inet": ("0.0.0.0",)}.get(str(family), ("[::]",))  # noqa: S104
    if isinstance(addresses, tuple) and isinstance(ports, tuple):
        listening = tuple(islice(_with_ports(addresses, ports), _MAX_ITEMS + 1))
        if len(listening) > _MAX_ITEMS:
            files.problem(MAIN, "so many addresses that it listens on are not told")
        everyone["ListenAddress"] = WrittenValue(listening[:_MAX_ITEMS], known.path, known.line, known.more)


def _in_effect(files: Files, reader: _Reader, standard: dict[str, Value]) -> dict[str, WrittenValue]:
    """The settings where no Match line applies: `Match all` comes before the lines outside, and the defaults last."""
    values: dict[str, WrittenValue] = {}
    for block in (*reader.matches, reader.everyone):
        for written in block.values.values():
            written.settle()
    for block in (*(block for block in reader.matches if block.criteria.lower() == "all"), reader.everyone):
        for name, written in block.values.items():
            values.setdefault(name, written)
    for name, value in standard.items():
        known = values.setdefault(name, WrittenValue(value, "", 0))
        values[name] = WrittenValue(_merge_with_default(known.value, value), known.path, known.line, known.more)
    for name, known in values.items():
        if (
            name not in standard
            and isinstance(known.value, tuple)
            and known.value[:1]
            and known.value[0][:1] in ("+", "^")
        ):
            files.problem(known.path, f"{name} adds to a default that is not known", known.line)
            known.value = (known.value[0][1:], *known.value[1:])
    _listening(files, values)
    return values


def settings(files: Files) -> list[Setting]:
    """The settings of sshd, where it has a configuration or is started."""
    run = run_of(files, lambda command: not _options(command).has("G", "T", "V", "t"))
    given = _options(run) if run is not None else Options((), ())
    named = given.last("f")
    main = MAIN if named is None or run is None or named.text == "none" else named_file(files, run, named)
    if run is None and files.status(MAIN) is None:
        return []
    collected = SettingCollector(files, MAIN)
    told = defaults(files)
    standard = {name: value for name, value in told.items() if not isinstance(value, UnknownDefault)}
    reader = _Reader(files)
    _take_options(reader, given)
    if named is None or named.text != "none":
        if main and files.status(main) is None:
            files.problem(
                run.path if run else "", f"sshd is started, and {main} is not in the image", run.line if run else 0
            )
        elif main:
            reader.read(main, reader.everyone)
    for name, written in _in_effect(files, reader, standard).items():
        collected.add(f"sshd.{name}", written.value, written.path, written.line, written.more)
    for name, value in told.items():
        if isinstance(value, UnknownDefault):
            collected.add(f"sshd.{name}", value)
    for i, block in enumerate(reader.matches):
        collected.add(f"sshd.Match[{i}].criteria", block.criteria, block.path, block.line, block.around)
        for name, written in block.values.items():
            value = _merge_with_default(written.value, standard.get(name))
            collected.add(f"sshd.Match[{i}].{name}", value, written.path, written.line, written.more)
    return collected.settings()


def _options(command: Command) -> Options:
    return short_options(command.arguments, "CEbcfghkopu")


def _take_options(reader: _Reader, given: Options) -> None:
    """What is given before the files are read, and so counts: the first value does. A port of its own leaves those of files out."""
    for option in given.options:
        value = option.value
        keyword = _OPTION_KEYWORDS.get(option.name)
        if option.name == "o" and value is not None:
            reader.take(value)
        elif option.name in ("4", "6"):
            reader.take(
                StartWord(
                    f"AddressFamily {'inet' if option.name == '4' else 'inet6'}", option.word.path, option.word.line
                )
            )
        elif keyword and value is not None:
            reader.take(StartWord(f"{keyword} {value.text}", value.path, value.line))
    reader.everyone_is_given = frozenset(reader.everyone.values) & {"Port"} if given.has("p") else frozenset()


PARSER = Parser(
    name="sshd", globs=("etc/ssh/**", "etc/crypto-policies/back-ends/*"), settings=settings, programs=("sshd",)
)
"""The server of OpenSSH. Values are as `sshd -T` prints them, but PermitRootLogin, which says prohibit-password."""
