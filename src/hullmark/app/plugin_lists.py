"""Which plugins there are of each kind. A list loads the room of its own kind alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

_Rows = Iterable[tuple[str, str]]


def _catalogers() -> _Rows:
    """What finds packages, with the tags that it is chosen by. Those that look into folders alone come last."""
    from hullmark.catalog import CATALOGERS, DECLARED
    from hullmark.catalog.selection import tags_of

    return (
        (f"{cataloger.name} ({', '.join(tags_of(cataloger, CATALOGERS))})", cataloger.assemble.__module__)
        for cataloger in CATALOGERS + DECLARED
    )


def _formats() -> _Rows:
    """The output formats, with what they are of."""
    from hullmark.report import FORMATS

    return ((f"{name} ({kind})", module) for (kind, name), module in FORMATS.items())


def _facets() -> _Rows:
    """What else is taken from files."""
    from hullmark.facets import FACETS

    return sorted((name, f"hullmark.facets.{module}") for name, module in FACETS.items())


def _schemes() -> _Rows:
    """The version orders."""
    from hullmark.versions import SCHEMES

    return ((scheme.name, scheme.compare.__module__) for scheme in SCHEMES)


def _feeds() -> _Rows:
    """The sources of advisories. One function may read several feeds, each with values of its own."""
    from hullmark.advisories.feeds import load

    return ((feed.name, getattr(feed.parse, "func", feed.parse).__module__) for feed in load())


def _channels() -> _Rows:
    """The kinds of channels for notifications."""
    from hullmark.notify.channels import CHANNELS

    return ((channel.name, channel.module) for channel in CHANNELS.values())


_LISTS: Mapping[str, Callable[[], _Rows]] = {
    "catalogers": _catalogers,
    "facets": _facets,
    "feeds": _feeds,
    "schemes": _schemes,
    "formats": _formats,
    "channels": _channels,
}


def plugins_of(kind: str) -> list[tuple[str, str]]:
    """The plugins of a kind (`feeds`), each as what it is called and the module that it lives in."""
    return list(_LISTS[kind]())
