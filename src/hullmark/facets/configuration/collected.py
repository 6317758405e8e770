"""Settings as they are gathered: one for each key, and not without end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import msgspec

from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.limit import Limit
from hullmark.model.setting import Place, Setting, Value

MAX_SETTINGS = Limit(100_000, "settings that are gathered of one installation of a program")
"""So many settings one program may have; what comes after them is left out, with a Problem."""


MAX_PLACES = Limit(100, "lines that contribute to one setting and are listed", "shortened")


def _places(more: Iterable[SourceLine], own: SourceLine) -> tuple[Place, ...]:
    """Places in their order, each once."""
    others = dict.fromkeys(place for place in more if place != own and place.path)
    return tuple(Place(*place) for place in islice(others, MAX_PLACES))


class UnknownDefault(msgspec.Struct, frozen=True):
    """In the place of a default that is not known, and why; without a reason: the program, as it is here, has no such setting."""

    reason: str = ""


DefaultValue = Value | UnknownDefault


class SettingCollector:
    """Settings by key. A later value replaces an earlier one."""

    def __init__(self, files: Files, main: str) -> None:
        """`main` is the file that the Problem is told about if there are too many."""
        self._files = files
        self._main = main
        self._settings: dict[str, Setting] = {}
        self._unset: dict[str, str] = {}
        self.is_full = False

    def add(
        self, key: str, value: DefaultValue, path: str = "", line: int = 0, more: Iterable[SourceLine] = ()
    ) -> None:
        """Note a value. Without a path it is the program's own default, which need not be known. `more` are the lines that contribute to it
        too, its own left out.
        """
        if isinstance(value, UnknownDefault):
            if key not in self._settings and len(self._unset) < MAX_SETTINGS:
                self._unset[key] = value.reason
            return
        if len(self._settings) >= MAX_SETTINGS and key not in self._settings:
            if not self.is_full:
                self._files.problem(
                    self._main, f"it comes to more than {MAX_SETTINGS:,} settings; the rest is left out"
                )
            self.is_full = True
            return
        self._settings[key] = Setting(
            key=key, value=value, path=path, line=line, more=_places(more, SourceLine(path, line))
        )

    def value(self, key: str) -> Value:
        """The value of a setting so far; None where it has none."""
        return self._settings[key].value if key in self._settings else None

    def replace(self, key: str, value: Value) -> None:
        """Change the value of a known setting, but not its place."""
        if key in self._settings:
            self._settings[key] = msgspec.structs.replace(self._settings[key], value=value)

    def settings(self) -> list[Setting]:
        """All of them, in the order in which their keys came up. What is not set and not known is told to the files."""
        for key, reason in self._unset.items():
            if key not in self._settings:
                self._files.unset(key, reason)
        return list(self._settings.values())
