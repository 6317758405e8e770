"""Feeds: documents → advisories. One module a source; a new one is one more name in a line below."""

from __future__ import annotations

from importlib import import_module

from hullmark.feeds.feed import Feed

_FEEDS: tuple[str, ...] = ()


def load() -> tuple[Feed, ...]:
    """Every feed, in the order of the list."""
    return tuple(import_module(f"hullmark.feeds.{name}").FEED for name in _FEEDS)
