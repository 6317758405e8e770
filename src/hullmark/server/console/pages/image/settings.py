"""How an image starts, and what the configuration files in it make its programs do. Secrets are masked when it is analysed."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.setting import Setting
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of


class SettingsView(msgspec.Struct, kw_only=True):
    """The image's own settings, how it was built, and the settings of its programs that fit the search."""

    config: ImageConfig | None
    history: tuple[HistoryEntry, ...]
    settings: ShownPage[Setting]
    text: str
    files: int


_COLUMNS: tuple[Column[Setting], ...] = (
    Column("key", "Setting", lambda row: row.key, "code"),
    Column("value", "Value", lambda row: value_text(row.value), "code"),
    Column("path", "Written in", lambda row: row.path, "code"),
    Column("line", "Line", lambda row: row.line or None, "number"),
    Column("layer", "Layer", lambda row: row.layer if row.layer >= 0 else None, "number"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    facts = (await image.analysis()).facts
    known = facts.configuration
    text = image.asked("q").casefold()
    rows = [setting for setting in known.settings if text in setting.key.casefold()] if known is not None else []
    listing = listing_of("settings", _COLUMNS, rows)
    return export_listing(image.request, listing) or SettingsView(
        config=facts.config,
        history=facts.config.history if facts.config is not None else (),
        settings=await listing.shown(image.request),
        text=image.asked("q"),
        files=len(known.files) if known is not None else 0,
    )


def value_text(value: object) -> str:
    """A setting's value in a word."""
    if value is None:
        return "set, without a value"
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


TAB = Tab(key="settings", title="Settings", show=show)
