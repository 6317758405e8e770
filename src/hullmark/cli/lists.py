"""`hullmark catalogers`, `facets`, `formats` …: what there is, with the module it lives in."""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any

from hullmark.cli.rows import print_line


def _list(name: str, what: str) -> Any:
    """The verb that lists one kind of plugin, which has the verb's name."""

    def run(arguments: argparse.Namespace) -> int:
        from hullmark.app.plugin_lists import plugins_of

        found = plugins_of(name)
        width = max((len(first) for first, _ in found), default=0)
        for first, module in found:
            print_line(module, f"{first:<{width}}  ")
        return 0

    return SimpleNamespace(NAME=name, HELP=f"list {what}", add_arguments=lambda parser: None, run=run)


VERBS = (
    _list("catalogers", "what finds packages"),
    _list("facets", "what else is taken from files"),
    _list("feeds", "the sources of advisories"),
    _list("schemes", "the version orders"),
    _list("formats", "the output formats"),
    _list("channels", "the kinds of channels for notifications"),
)
