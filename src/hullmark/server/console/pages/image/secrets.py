"""The secrets in an image: where and of which kind. Nobody is shown the secret itself, which was never stored."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.secret import Secret
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of


class SecretsView(msgspec.Struct, kw_only=True):
    """All secrets; `is_searched`: somebody looked."""

    secrets: ShownPage[Secret]
    is_searched: bool
    counting: int
    ghosts: int


_COLUMNS: tuple[Column[Secret], ...] = (
    Column("severity", "Severity", lambda row: row.severity),
    Column("title", "Kind", lambda row: row.title),
    Column("place", "Place", lambda row: row.place),
    Column("path", "Where", lambda row: row.path or row.name, "code"),
    Column("line", "Line", lambda row: row.line or None, "number"),
    Column("layer", "Layer", lambda row: row.layer if row.layer >= 0 else None, "number"),
    Column("allowed", "Does not count", lambda row: row.allowed),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    found = (await image.analysis()).facts.secrets
    rows = sorted(found or (), key=lambda secret: bool(secret.allowed))
    listing = listing_of("secrets", _COLUMNS, rows)
    return export_listing(image.request, listing) or SecretsView(
        secrets=await listing.shown(image.request),
        is_searched=found is not None,
        counting=sum(not secret.allowed for secret in rows),
        ghosts=sum(secret.is_ghost for secret in rows),
    )


TAB = Tab(key="secrets", title="Secrets", show=show)
