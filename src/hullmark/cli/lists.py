"""`hullmark catalogers`, `facets`, `formats` …: what there is, with the module it lives in."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from hullmark.cli.rows import print_line


def _catalogers() -> Iterable[tuple[str, str]]:
    from hullmark.catalog import CATALOGERS, DECLARED
    from hullmark.catalog.selection import tags_of

    # Those of the second list look into folders alone.
    return (
        (f"{cataloger.name} ({', '.join(tags_of(cataloger, CATALOGERS))})", cataloger.assemble.__module__)
        for cataloger in CATALOGERS + DECLARED
    )


def _formats() -> Iterable[tuple[str, str]]:
    from hullmark.report import FORMATS

    return ((f"{name} ({kind})", module) for (kind, name), module in FORMATS.items())


def _facets() -> Iterable[tuple[str, str]]:
    from hullmark.facets import FACETS

    return sorted((name, f"hullmark.facets.{module}") for name, module in FACETS.items())


def _schemes() -> Iterable[tuple[str, str]]:
    from hullmark.versions import SCHEMES

    return ((scheme.name, scheme.compare.__module__) for scheme in SCHEMES)


def _feeds() -> Iterable[tuple[str, str]]:
    from hullmark.feeds import load

    # One function may read several feeds, each with values of its own.
    return ((feed.name, getattr(feed.parse, "func", feed.parse).__module__) for feed in load())


def _channels() -> Iterable[tuple[str, str]]:
    from hullmark.notify.channels import CHANNELS

    return ((channel.name, channel.module) for channel in CHANNELS.values())


def _list(name: str, what: str, rows: Callable[[], Iterable[tuple[str, str]]]) -> Any:
    def run(arguments: argparse.Namespace) -> int:
        found = list(rows())
        width = max((len(first) for first, _ in found), default=0)
        for first, module in found:
            print_line(module, f"{first:<{width}}  ")
        return 0

    return SimpleNamespace(NAME=name, HELP=f"list {what}", add_arguments=lambda parser: None, run=run)


VERBS = (
    _list("catalogers", "what finds packages", _catalogers),
    _list("facets", "what else is taken from files", _facets),
    _list("feeds", "the sources of advisories", _feeds),
    _list("schemes", "the version orders", _schemes),
    _list("formats", "the output formats", _formats),
    _list("channels", "the kinds of channels for notifications", _channels),
)
