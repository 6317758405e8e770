"""Finds the settings a rule asks about that nothing sets and whose values are not known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.policy.facts import Facts
from hullmark.policy.values import NameGlob

_DOTS = re.compile(r"\.(?![^\[\]]*\])")
_ALL_IS_WRITTEN = re.compile(
    r"apk\.|apt\.source\[|ca\.|cron\.|group\.|ld\.|pam\.|passwd\.|ssh_keys\.|sshd\.Match\[|sudoers\.(alias|nopasswd|rule|scoped)\b"
).match
"""Files that hold all that there is: what is not written in them is not there, and no program has a default for it."""

_INSTANCE = re.compile(
    r"(postgresql\.cluster|redis\.(server|sentinel))\[[^\]]*\]|php(\[[^\]]*\])?\.(?!path|host)\w+"
).fullmatch
"""Places in which a program stands once: all have the same settings."""

_UNKNOWN = "what the program does then is not known"


def untold(glob: NameGlob, facts: Facts, *, has_found: bool) -> Iterator[tuple[str, str]]:
    """Settings that match and whose values are not known, each with a clause that says why. `has_found`: other matching settings are known.

    Empty if the program is not configured, or if the place of the setting (a virtual host, a folder, a user) does not exist.
    """
    configuration = facts.configuration
    if configuration is None:
        return
    unset = {one.key: one.reason for one in configuration.unset if glob.matches(one.key)}
    yield from ((key, reason) for key, reason in unset.items() if reason)
    if _ALL_IS_WRITTEN(glob.text) or (unset and not has_found):
        return
    *around, leaf = _DOTS.split(glob.text)
    place = ".".join(around)
    if not has_found:
        if any(_is_at(place, key) for key in _places(facts)):
            yield glob.text, _UNKNOWN
    elif place and NameGlob(leaf).is_literal:
        fitting = NameGlob(place)
        for key in sorted(_places(facts)):
            if (
                _INSTANCE(key)
                and fitting.matches(key)
                and f"{key}.{leaf}" not in unset
                and not _is_set(key, leaf, facts)
            ):
                yield f"{key}.{leaf}", _UNKNOWN


def _is_at(place: str, key: str) -> bool:
    """Whether a place matches the place in a rule. A program's name matches each of its installations."""
    if not place:
        return False
    return NameGlob(place).matches(key) or (place.isidentifier() and key.startswith(f"{place}["))


def _places(facts: Facts) -> frozenset[str]:
    """All the places that settings are in: `nginx`, `nginx.http`, `nginx.http.server[0]`."""
    found: set[str] = set()
    for setting in facts.configuration.settings if facts.configuration is not None else ():
        found.update(setting.key[: dot.start()] for dot in _DOTS.finditer(setting.key))
    return frozenset(found)


def _is_set(place: str, leaf: str, facts: Facts) -> bool:
    wanted = f"{place}.{leaf}"
    settings = facts.configuration.settings if facts.configuration is not None else ()
    return any(setting.key == wanted for setting in settings)
