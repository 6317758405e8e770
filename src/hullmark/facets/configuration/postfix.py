"""Postfix: main.cf and master.cf in /etc/postfix (postconf(5), master(5), Postfix 3.10).

A parameter is named as in `postfix.main.inet_interfaces`, a service of the master as in
`postfix.service[smtp/inet].chroot`. References to other parameters are followed as far as the files and known defaults
tell: what the machine adds, as `$myhostname`, stays as it is written. Only /etc/postfix is read, whatever other folders
main.cf names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.entries import at_most
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.postfix_names import (
    AT_DELIVERY,
    DEFAULTS,
    KNOWN,
    LISTS,
    PROTOCOLS,
    RESTRICTIONS,
    SWITCHES,
    WORDS,
)
from hullmark.facets.configuration.postfix_syntax import Expander, UnexpandableError, logical_lines, split
from hullmark.facets.configuration.written import MASK, number, without_password
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import Remark

_FOLDER = "/etc/postfix"
_CHANGING = frozenset("e#XMFP")
_MAIN = "/etc/postfix/main.cf"
_MASTER = "/etc/postfix/master.cf"
_SPACE = " \t\n\v\f\r"
_BLANKS = " \t\r\n"
_ASSIGNMENT = re.compile(r"\s*+([^\s=]++)\s*+=(.*)", re.DOTALL | re.ASCII).fullmatch
_SECRET = re.compile(r".*_(?:password|bind_pw)", re.DOTALL).fullmatch
_WITH_LOGINS = re.compile(r".*_sasl_password_maps", re.DOTALL).fullmatch
_TABLE_OF_ITSELF = re.compile(r"((?:static|inline):).*", re.DOTALL)
_WITH_ARGUMENT = re.compile(r"check_.*|reject_r(?:bl|hsbl)_.*|permit_(?:dnswl|rhswl)_.*|sleep", re.DOTALL).fullmatch

_TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
_FIELDS = ("private", "unpriv", "chroot", "wakeup", "maxproc")
_FITS = (
    *(re.compile(r"[yn-]").fullmatch,) * 3,
    re.compile(r"-|[0-9]{1,9}\??").fullmatch,
    re.compile(r"-|[0-9]{1,9}").fullmatch,
)
_CHROOT = "${{$compatibility_level} <level {1} ? {y} : {n}}"


class _Parameter(msgspec.Struct, frozen=True):
    name: str
    text: str
    line: int


def _settings(files: Files) -> Iterable[Setting]:
    _tell_of_start(files)
    if files.status(_MAIN) is None and files.status(_MASTER) is None:
        return ()
    settings = SettingCollector(files, _MAIN)
    written = {parameter.name: parameter for parameter in at_most(files, _MAIN, _parameters(files))}
    expander = _expander(written)
    for name, text in DEFAULTS.items():
        if name not in written:
            written_as = _expand_parameter(files, expander, _Parameter(name, text, 0))
            settings.add(f"postfix.main.{name}", convert_value(name, written_as))
    for parameter in written.values():
        text = _expand_parameter(files, expander, parameter)
        if parameter.name in SWITCHES and text.lower() not in ("yes", "no") and "$" not in text:
            files.problem(_MAIN, Remark(f"{escape_brackets(parameter.name)} is neither yes nor no"), parameter.line)
        settings.add(
            f"postfix.main.{escape_brackets(parameter.name)}",
            convert_value(parameter.name, text),
            _MAIN,
            parameter.line,
        )
    _services(files, expander, written.get("default_process_limit"), settings)
    return settings.settings()


def _tell_of_start(files: Files) -> None:
    """What the image's start changes is not read: another folder, and what postconf writes before Postfix runs."""
    folder = files.environment("MAIL_CONFIG")
    if folder is not None and folder.text != _FOLDER:
        files.problem(folder.path, "MAIL_CONFIG names another folder than /etc/postfix, which is not read", folder.line)
    for command in files.commands:
        if not command.is_known:
            files.problem(
                command.path, f"{command.program} is started with an argument that is not known", command.line
            )
        words = [word.text or "" for word in command.arguments]
        if "-c" in words[:-1] and words[words.index("-c") + 1].rstrip("/") != _FOLDER:
            files.problem(
                command.path, "it is started with another folder than /etc/postfix, which is not read", command.line
            )
        changes = any(word[:1] == "-" and not _CHANGING.isdisjoint(word) for word in words) or any(
            "=" in word for word in words
        )
        if command.program == "postconf" and changes:
            files.problem(command.path, "postconf changes its files before it is started", command.line)


def _parameters(files: Files) -> Iterator[_Parameter]:
    for line, text in logical_lines(files, _MAIN):
        found = _ASSIGNMENT(text)
        if found is None:
            files.problem(_MAIN, Remark("it gives no parameter a value"), line)
        else:
            yield _Parameter(found[1], _mask_value(found[1], found[2].strip(_SPACE)), line)


def _mask_value(name: str, text: str) -> str:
    """A value without what is secret in it."""
    if _SECRET(name):
        return MASK if text else ""
    if _WITH_LOGINS(name):
        return _TABLE_OF_ITSELF.sub(rf"\1{MASK}", text)
    return without_password(text)


def _expander(written: Mapping[str, _Parameter]) -> Expander:
    """Expands by what is written and by known defaults. The domain comes from the machine's name if that is written."""
    values = {**KNOWN, **DEFAULTS, **{parameter.name: parameter.text for parameter in written.values()}}
    if "myhostname" in written and "mydomain" not in written:
        name = written["myhostname"].text
        if "$" not in name:
            values["mydomain"] = name.partition(".")[2] or "localdomain"
    return Expander(values)


def _expand_parameter(
    files: Files, expander: Expander, parameter: _Parameter, own: Mapping[str, str] | None = None, path: str = _MAIN
) -> str:
    if parameter.name in AT_DELIVERY:
        return parameter.text
    try:
        return expander.expand(parameter.text, own)
    except UnexpandableError as error:
        files.problem(path, f"{escape_brackets(parameter.name)} stays as it is written: {error}", parameter.line)
        return parameter.text


def convert_value(name: str, text: str) -> Value:
    """The value of a parameter, its references followed."""
    if name in RESTRICTIONS:
        return tuple(restrictions(split(text)))
    if name in PROTOCOLS:
        return tuple(split(text, ":, \t\r\n"))
    if name in LISTS:
        return tuple(split(text))
    if name in SWITCHES:
        return {"yes": True, "no": False}.get(text.lower(), text)
    found = number(text)
    return found if isinstance(found, int) and name not in WORDS else text


def restrictions(words: Iterable[str]) -> Iterator[str]:
    """Each restriction with its argument, as `check_client_access hash:/etc/postfix/access`.

    One that only warns has `warn_if_reject` in front.
    """
    held: list[str] = []
    for word in words:
        is_argument = bool(held) and _WITH_ARGUMENT(held[-1]) is not None
        held.append(word)
        if is_argument or not (word == "warn_if_reject" or _WITH_ARGUMENT(word)):
            yield " ".join(held)
            held = []
    if held:
        yield " ".join(held)


def _services(files: Files, expander: Expander, limit: _Parameter | None, settings: SettingCollector) -> None:
    """The services of master.cf. Of two with one name and type the last counts."""
    limit_written = limit or _Parameter("default_process_limit", KNOWN["default_process_limit"], 0)
    defaults = {
        "private": (True, "", 0),
        "unpriv": (True, "", 0),
        "chroot": (_expand_parameter(files, expander, _Parameter("chroot", _CHROOT, 0)) == "y", "", 0),
        "wakeup": (0, "", 0),
        "maxproc": (
            number(_expand_parameter(files, expander, limit_written)),
            *((_MAIN, limit.line) if limit else ("", 0)),
        ),
    }
    for line, text in at_most(files, _MASTER, logical_lines(files, _MASTER)):
        words = split(text, _BLANKS)
        wrong = _wrong(words)
        if wrong:
            files.problem(_MASTER, wrong, line)
            continue
        key = f"postfix.service[{escape_brackets(f'{words[0]}/{words[1]}')}]"
        for name, word in zip(_FIELDS, words[2:7], strict=True):
            place = defaults[name] if word == "-" else (_field(word), _MASTER, line)
            settings.add(f"{key}.{name}", *place)
        arguments, options = _arguments(files, words[8:], line)
        own = {"service_name": words[0], **{option.name: option.text for option in options}}
        settings.add(f"{key}.command", without_password(" ".join((words[7], *arguments))), _MASTER, line)
        given = (f"{option.name}={_expand_parameter(files, expander, option, own, _MASTER)}" for option in options)
        settings.add(f"{key}.options", tuple(given), _MASTER, line)


def _wrong(words: list[str]) -> str:
    """What is wrong with a line of master.cf; empty if nothing is."""
    if len(words) < 8:
        return "it has fewer than eight fields"
    if words[1] not in _TYPES:
        return "its type of service is not a valid one"
    for name, word, fits in zip(_FIELDS, words[2:7], _FITS, strict=True):
        if not fits(word):
            return f"its field {name} has a value that it cannot have"
    return ""


def _field(word: str) -> Value:
    if word in ("y", "n"):
        return word == "y"
    return int(word) if word.isdigit() else word


def _arguments(files: Files, words: list[str], line: int) -> tuple[list[str], list[_Parameter]]:
    """The arguments of a service's program, and the parameters that it is given with -o.

    Options end at the first word that does not begin with a dash.
    """
    arguments: list[str] = []
    options: dict[str, _Parameter] = {}
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        flags, has_option, text = words[at].partition("o")
        at += 1
        if flags != "-":
            arguments.append(flags)
        if not has_option:
            continue
        if not text:
            text = words[at] if at < len(words) else ""
            at += 1
        found = _ASSIGNMENT(text[1:].removesuffix("}") if text.startswith("{") else text)
        if found is None:
            files.problem(_MASTER, "its option gives no parameter a value", line)
        else:
            value = _mask_value(found[1], found[2].strip(_SPACE))
            options.pop(found[1], None)
            options[found[1]] = _Parameter(found[1], value, line)
    return arguments + words[at:], list(options.values())


PARSER = Parser(
    name="postfix",
    globs=("etc/postfix/main.cf", "etc/postfix/master.cf"),
    settings=_settings,
    programs=("postfix", "postconf", "master"),
)
