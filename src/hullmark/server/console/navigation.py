"""The places that the console's menu and its palette lead to."""

from __future__ import annotations

from typing import Literal

import msgspec

Group = Literal["watch", "inventory", "rules", "server"]
GROUPS: tuple[tuple[Group, str], ...] = (
    ("watch", "Watch"),
    ("inventory", "Inventory"),
    ("rules", "Rules"),
    ("server", "Server"),
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A page in the menu. `path` follows the account in its address; `permission` is what one needs to see it; `icon` is a part of
    templates/parts/icons.html; `order` sorts the entries of a group."""

    title: str
    path: str
    icon: str
    group: Group
    permission: str
    order: int = 50


class MenuGroup(msgspec.Struct, frozen=True):
    """A heading of the menu, and the entries below it."""

    title: str
    entries: tuple[Entry, ...]


def menu(entries: tuple[Entry, ...], permissions: frozenset[str]) -> tuple[MenuGroup, ...]:
    """The entries that these permissions open, by group; a group without any is left out."""
    groups = []
    for key, title in GROUPS:
        shown = sorted(
            (entry for entry in entries if entry.group == key and entry.permission in permissions),
            key=lambda entry: (entry.order, entry.title),
        )
        if shown:
            groups.append(MenuGroup(title, tuple(shown)))
    return tuple(groups)
