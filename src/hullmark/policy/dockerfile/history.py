"""A Dockerfile reconstructed from an image's history, as far as the builders recorded their instructions.

Each builder writes in its own form: docker's classic builder (`/bin/sh -c #(nop) CMD ["x"]`), BuildKit (`RUN /bin/sh -c make # buildkit`),
buildah (as docker's, with the text as in the Dockerfile), kaniko (the instruction itself). Entries by other tools (a tool's name, a
comment) are not instructions and are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.model.dockerfile import Dockerfile, Instruction, Stage
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HistoryEntry
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.policy.dockerfile.lines import JoinedInstruction
from hullmark.policy.dockerfile.parse import KEYWORDS, MAX_INSTRUCTIONS, instruction_of
from hullmark.policy.dockerfile.words import split_words, strip_blanks

MAX_INSTRUCTION = Limit(64 << 10, "characters of an instruction in an image's history")
_MAX_WORDS = 8
_NO_COMMAND = re.compile(r"(?:/bin/sh -c|cmd /S /C)\s+#\(nop\)\s*")
_BUILDKIT = re.compile(r"\s+# buildkit\Z")
_ARGUMENTS = re.compile(r"\|[0-9]{1,3} ")
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "cmd", "powershell", "powershell.exe", "pwsh"))
_LAST_OPTION = re.compile(r"-[A-Za-z]*c|/[Cc]|-[Cc]ommand").fullmatch
_KEYWORD = re.compile(r"[A-Za-z]{3,11}")
_GO_WORD = re.compile(r'"(?:[^"\\]|\\.)*"')
_GO_PORT = re.compile(r"([0-9]{1,5}(?:-[0-9]{1,5})?/[a-z]{3,4}):\{\}")
_LISTS = frozenset(("CMD", "ENTRYPOINT", "SHELL", "VOLUME"))
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*=")


def from_history(entries: Iterable[HistoryEntry]) -> Dockerfile | None:
    """The Dockerfile as one stage without a base; None if the history shows no instruction.

    The instructions of the base image's Dockerfile come first, because a history does not show where they end.
    """
    found: list[Instruction] = []
    for entry in entries:
        instruction = _instruction(entry.created_by)
        if instruction is not None and len(found) < MAX_INSTRUCTIONS:
            found.append(instruction)
    return Dockerfile(stages=(Stage(base="", instructions=tuple(found)),), is_guessed=True) if found else None


def unread(entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    """Problems for the parts of a history that are not looked at."""
    if len(entries) > MAX_INSTRUCTIONS:
        reason = f"its history has {len(entries):,} entries, of which {MAX_INSTRUCTIONS:,} are looked at"
        yield Problem("", -1, "history", reason, facts=("settings",))
    for number, entry in enumerate(entries, 1):
        if len(entry.created_by) > MAX_INSTRUCTION:
            reason = f"instruction {number} of its history is longer than what is looked at"
            yield Problem("", -1, "history", reason, facts=("settings",))


def _instruction(created_by: str) -> Instruction | None:
    text = strip_blanks(_BUILDKIT.sub("", created_by[:MAX_INSTRUCTION].rstrip()))
    nothing_run = _NO_COMMAND.match(text)
    if nothing_run is not None:
        return _read(text[nothing_run.end() :])
    word = _KEYWORD.match(text)
    if word is not None and word[0] == "RUN" and text[3:4].isspace():
        return _run(_command(strip_blanks(text[3:])) or strip_blanks(text[3:]))
    if word is not None and word[0] in KEYWORDS and text[word.end() : word.end() + 1].isspace():
        return _read(text)
    command = _command(text)
    return _run(command) if command else None


def _run(command: str) -> Instruction:
    # Not parsed: a command from a history has no flags, and no here-documents to read.
    return Instruction(keyword="RUN", value=command, text=f"RUN {command}")


def _command(text: str) -> str:
    """The command of `|1 A=b /bin/sh -c command`; "" if it is not run by a shell. Build arguments are left out, because they may be
    secret.
    """
    if _ARGUMENTS.match(text):
        _, found, rest = text.partition(" /bin/sh -c ")
        if found:
            return strip_blanks(rest)
        text = " ".join(text.split(" ")[1 + int(text[1 : text.index(" ")]) :])
    words = text.split(" ", _MAX_WORDS)
    if words[0].rpartition("/")[2] not in _SHELLS:
        return ""
    for place, word in enumerate(words[1:_MAX_WORDS], 1):
        if _LAST_OPTION(word):
            return strip_blanks(text.split(" ", place + 1)[-1]) if len(words) > place + 1 else ""
    return ""


def _read(text: str) -> Instruction | None:
    """An instruction as a builder recorded it; None if it cannot be read."""
    keyword, _, rest = text.partition(" ")
    keyword, rest = keyword.upper(), strip_blanks(rest)
    value = _value(keyword, rest)
    try:
        found = instruction_of(JoinedInstruction(0, f"{keyword} {value}".replace("\n", " "), [f"{keyword} {value}"]))
    except HullmarkError:
        return None
    return msgspec.structs.replace(found, line=0)


def _value(keyword: str, text: str) -> str:
    """The rest of an instruction in the Dockerfile's own form. Builders write Go's lists and maps, and values without quotes."""
    if keyword in _LISTS and text.startswith("[") and text.endswith("]"):
        return _list(text)
    if keyword == "EXPOSE" and text.startswith("map["):
        return " ".join(_GO_PORT.findall(text))
    if keyword == "HEALTHCHECK" and text.startswith("&{"):
        return _health(text)
    return _assignments(text) if keyword in ("ENV", "LABEL") else text


def _list(text: str) -> str:
    try:
        msgspec.json.decode(text.encode("utf-8", "replace"), type=list[str])
    except (msgspec.DecodeError, RecursionError):
        words = [_plain(word) for word in _GO_WORD.findall(text)] or text[1:-1].split()
        return json.dumps(words, ensure_ascii=False)
    return text


def _plain(word: str) -> str:
    """The text inside Go's quotes."""
    try:
        return msgspec.json.decode(word.encode("utf-8", "replace"), type=str)
    except msgspec.DecodeError:
        return word[1:-1]


def _health(text: str) -> str:
    """The command of `&{["CMD-SHELL" "curl x"] "30s" …}`, which is a structure as Go prints it."""
    words: list[str] = []
    at = len("&{[")
    while (found := _GO_WORD.match(text, at)) is not None:
        words.append(_plain(found[0]))
        at = found.end() + 1
    if not words or words[0] == "NONE":
        return "NONE"
    return f"CMD {words[1]}" if words[0] == "CMD-SHELL" and len(words) > 1 else f"CMD {json.dumps(words[1:])}"


def _assignments(text: str) -> str:
    """`A=b c D=e` with its values in quotes, because builders write them without. Unchanged if it can be read as it is."""
    words = split_words(text, has_heredocs=True)  # empty if a quote is open
    if words and ("=" not in words[0] or all(map(_ASSIGNED.match, words))):
        return text
    found: list[list[str]] = []
    for word in text.split(" "):
        if _ASSIGNED.match(word) or not found:
            found.append([word])
        else:
            found[-1].append(word)
    return " ".join(_quote_assignment(" ".join(words)) for words in found)


def _quote_assignment(assignment: str) -> str:
    name, _, value = assignment.partition("=")
    if "'" not in value:
        return f"{name}='{value}'"
    escaped = re.sub(r'["\\$]', lambda mark: f"\\{mark[0]}", value)
    return f'{name}="{escaped}"'
