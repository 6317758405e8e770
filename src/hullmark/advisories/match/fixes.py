"""Which fix of several is named, and whether a host can install it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hullmark.versions import generic, scheme_named
from hullmark.versions.scheme import InvalidVersion

_BUILT_FOR = re.compile(r"[._]el(\d+)(?:_(\d+))?(?!\d)")
_MODULE_FOR = re.compile(r"\.module\+el(\d+)\.(\d+)\.")


def nearest(version: str, scheme_name: str, fixes: Iterable[str]) -> str:
    """The least of the fixed versions above the installed one, "" if there is none: it is of the version's own line, if any is."""
    compare = (scheme_named(scheme_name) or generic.SCHEME).compare
    best = ""
    for fix in dict.fromkeys(fixes):
        try:
            if fix and compare(version, fix) < 0 and (not best or compare(fix, best) < 0):
                best = fix
        except InvalidVersion:
            continue
    return best


def is_reachable(fixed: str, release: str) -> bool:
    """Whether a host that stays at this release can install a fix: `.el9_6` is beyond 9.4, `.el8` is of another major release.

    A module's build names its release as `.module+el9.6.0+`. Where either does not say its release, it can.
    """
    built = _MODULE_FOR.search(fixed) or _BUILT_FOR.search(fixed)
    major, _, minor = release.partition(".")
    if built is None or not major.isdecimal():
        return True
    if built[1] != major:
        return False
    return not minor.isdecimal() or int(built[2] or "0") <= int(minor)
