"""The facet `configuration`: kept files → settings in effect."""

from __future__ import annotations

import re
from itertools import islice

from msgspec.structs import replace

from hullmark.facets.configuration import PARSERS
from hullmark.facets.configuration.files import KeptFiles, is_named
from hullmark.facets.configuration.start import read_start
from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import KEPT
from hullmark.model.configuration import Configuration
from hullmark.model.limit import Limit
from hullmark.model.setting import Place, Setting

MAX_SETTINGS = Limit(200_000, "settings of one program")
"""So many settings one program may have; what comes after them is left out, with a Problem."""

_NUMBER = re.compile(r"(\d{1,9})")


def assemble(view: FacetView) -> Configuration:
    """The settings of every program that the image has configuration for."""
    files = KeptFiles(view)
    names = tuple(name for parser in PARSERS for name in parser.programs)
    files.start = read_start(view.config, files, lambda program: is_named(program, names))
    settings: list[Setting] = []
    for parser in PARSERS:
        files.turn_to(parser)
        found = list(islice(parser.settings(files), MAX_SETTINGS + 1))
        if len(found) > MAX_SETTINGS:
            files.problem("", f"{parser.name} has more than {MAX_SETTINGS:,} settings; the rest was left out")
        settings += found[:MAX_SETTINGS]
        files.tell_of_start(is_there=bool(found))
    files.tell_the_rest()
    located = _Locator(files)
    settings = [located.setting(setting) if setting.path else setting for setting in settings]
    return Configuration(
        settings=tuple(sorted(settings, key=_order)), files=tuple(sorted(files.used)), unset=files.told_unset()
    )


class _Locator:
    """Finds layers and real files of settings; each file once."""

    def __init__(self, files: KeptFiles) -> None:
        self._files = files
        self._known: dict[str, tuple[int, str]] = {}

    def setting(self, setting: Setting) -> Setting:
        """A setting with the layer and the real file of each of its lines."""
        layer, file = self._of(setting.path)
        more = tuple(self._place(place) for place in setting.more)
        return replace(setting, layer=layer, file=file, more=more)

    def _place(self, place: Place) -> Place:
        layer, file = self._of(place.path)
        return replace(place, layer=layer, file=file)

    def _of(self, path: str) -> tuple[int, str]:
        if path not in self._known:
            real = (self._files.real(path) or path) if path.startswith("/") else path
            self._known[path] = (self._files.layer(path), real if real != path else "")
        return self._known[path]


def _order(setting: Setting) -> tuple[tuple[str, int], ...]:
    """Keys by their words, numbers in them by their value."""
    parts = _NUMBER.split(setting.key)
    return tuple((part, 0) if not i % 2 else ("", int(part)) for i, part in enumerate(parts))


FACET = Facet(name="configuration", reads=(KEPT,), assemble=assemble)
