"""What is signed about an image: the verdicts in force, by the server's key, and how to check them."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.server.console.pages.image.opened import OpenedImage, Tab
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow


class SignaturesView(msgspec.Struct, kw_only=True):
    """The verdicts that are signed when they are asked for; `has_key`: the server has a key to sign with."""

    has_key: bool
    rows: list[VerdictRow]
    bundles: str
    name: str


async def show(image: OpenedImage) -> Any:
    """The tab."""
    async with image.services.database.tenant(image.caller.account_id) as connection:
        rows = await verdicts.current(connection, image.caller.account_id, image.row.id)
    return SignaturesView(
        has_key=bool(image.services.settings.signing_key),
        rows=rows,
        bundles=f"/api/v1/images/{image.row.digest}/statements",
        name=next(iter(image.row.tags), image.row.reference or image.row.digest),
    )


TAB = Tab(key="signatures", title="Signatures", show=show, permission="verdicts:read", needs_analysis=False)
