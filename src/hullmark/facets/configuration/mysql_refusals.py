"""What MySQL and MariaDB refuse to start with, and how they read a name that is not written in full (as MariaDB 11.8 answers).

Types are the same in all releases. Which names there are is known of MariaDB 11.8 alone, and of it only where no plugin is loaded, for
plugins have options of their own. Which words an option takes, and the range of a number, differ from release to release, and are not
said: a number that is out of its range is adjusted.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from msgspec.structs import replace

from hullmark.facets.configuration.mysql_grammar import (
    BARE,
    DECIMALS,
    NAMES,
    NUMBERS,
    NUMBERS_OF_ANY_SIGN,
    NUMBERS_OR_NONE,
    TEXTS,
)
from hullmark.facets.configuration.mysql_names import DEFAULTS, LISTS, REPEATED, SWITCHES
from hullmark.facets.configuration.mysql_options import Option
from hullmark.facets.configuration.parser import Files
from hullmark.rootfs.reads import Remark

COMPLETE = (11, 8)
"""The release all of whose names are known here."""

PLUGINS = frozenset(("early_plugin_load", "plugin_load", "plugin_load_add"))
"""Options that load plugins, which have options of their own."""

_KNOWN = NAMES | SWITCHES | LISTS | REPEATED | DEFAULTS.keys()
_SPELLED = {name.lower(): name for name in sorted(_KNOWN)}
_SORTED = sorted(_SPELLED)
_NUMBERS = NUMBERS | NUMBERS_OR_NONE | NUMBERS_OF_ANY_SIGN
_NUMBER = re.compile(r"([+-]?)[0-9]*(?:[kmgtpe].*)?", re.IGNORECASE | re.DOTALL).fullmatch
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE).fullmatch
_LOOSE = re.compile(r"(?:loose|autoset)_", re.IGNORECASE).match
_PREFIX = re.compile(r"(skip|disable|enable)_", re.IGNORECASE).match
_MAXIMUM = re.compile(r"maximum_", re.IGNORECASE).match
_NEEDED = NUMBERS | NUMBERS_OF_ANY_SIGN | DECIMALS | TEXTS


def expand_option_name(files: Files, option: Option, *, is_complete: bool) -> Option:
    """An option of a server with its name in full and without `loose`. What the server refuses, and a name that is not in full, has a
    Problem. `is_complete`: all names of the release are known.
    """
    name, is_loose = option.name.replace("-", "_"), False
    if loose := _LOOSE(name):
        name, is_loose = name[loose.end() :], True
    if _MAXIMUM(name):
        return replace(option, name=name)
    meant, head = _full_names(name), ""
    if not meant and (prefix := _PREFIX(name)):
        head = prefix[0].lower()
        meant = _full_names(name[len(head) :])
    is_exact = len(meant) == 1 and len(meant[0]) == len(name) - len(head)
    if not is_exact and not is_complete:
        if meant:
            files.problem(option.path, f"{name[:100]} may be a shortened name, and is not taken for one", option.line)
        return replace(option, name=name)
    found = replace(option, name=head + meant[0] if len(meant) == 1 else name)
    reason = "" if is_loose or head else refusal(meant[0], option.value, is_complete=is_complete) if meant else ""
    if len(meant) > 1:
        reason = f"{name[:100]} may be {meant[0]} as well as {meant[1]}"
    elif not meant and not is_loose:
        reason = f"{name[:100]} is not an option"
    if reason:
        files.problem(option.path, Remark(f"the server refuses to start: {reason}"), option.line)
    return found


def _full_names(name: str) -> tuple[str, ...]:
    """The options that a name may mean, at most two of them: itself, written as usual, or those that begin with it; none: it is not
    known here.
    """
    lower = name.lower()
    if lower in _SPELLED:
        return (_SPELLED[lower],)
    at = bisect_left(_SORTED, lower)
    return tuple(_SPELLED[other] for other in _SORTED[at : at + 2] if lower and other.startswith(lower))


def refusal(name: str, value: str | None, *, is_complete: bool) -> str:
    """Why a server refuses a value of an option (its full name), as far as that is sure; "" if it does not. None: no value is given."""
    if value is None:
        return f"{name} needs a value" if name in _NEEDED else ""
    if name in BARE:
        return f"{name} takes no value"
    if name in DECIMALS:
        return "" if _DECIMAL(value) else f"{name} is a number"
    if name not in _NUMBERS:
        return ""
    number = _NUMBER(value)
    if number is None:
        return f"{name} is a whole number, with or without one of the units K, M, G, T, P and E"
    # Other releases take the smallest number in place of a negative one.
    return f"{name} is not negative" if number[1] == "-" and is_complete and name not in NUMBERS_OF_ANY_SIGN else ""
