"""What an image is built on, what it was called, and the other images of its repository."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.listing import Column, Listing, Shown
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, exported
from hullmark.server.tables.images import images
from hullmark.server.tables.images.images import EarlierTag, HeldImage, ImageFilter

_BASE_NAME, _BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


class LineageView(msgspec.Struct, kw_only=True):
    """`base_name` and `base_digest` are what the image says of the one that it is built on ("": nothing)."""

    base_name: str
    base_digest: str
    repository: str
    tags: list[str]
    earlier: list[EarlierTag]
    siblings: Shown[HeldImage]


_COLUMNS: tuple[Column[HeldImage], ...] = (
    Column("name", "Image", lambda row: (row.tags or [row.reference])[0]),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("built", "Built", lambda row: row.created_at, "time"),
    Column("size", "Size", lambda row: row.size, "number"),
    Column("packages", "Packages", lambda row: row.package_count, "number"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    config = (await image.analysis()).facts.config
    labels = config.labels if config is not None else {}
    registry, repository = _repository(image.row)
    listing = _siblings(image, registry, repository)
    return exported(image.request, listing) or LineageView(
        base_name=labels.get(_BASE_NAME, ""),
        base_digest=labels.get(_BASE_DIGEST, ""),
        repository=f"{registry}/{repository}" if repository else "",
        tags=image.row.tags,
        earlier=image.row.earlier_tags,
        siblings=await listing.shown(image.request),
    )


def _repository(row: HeldImage) -> tuple[str, str]:
    """Where the image is from, by its first name."""
    name = next(iter((*row.tags, *(tag["reference"] for tag in row.earlier_tags), row.reference)), "")
    registry, _, rest = name.partition("@")[0].partition("/")
    repository, colon, _ = rest.rpartition(":")
    return registry, repository if colon else rest


def _siblings(image: OpenedImage, registry: str, repository: str) -> Listing[HeldImage]:
    wanted = ImageFilter(registry=registry, repository=repository)

    async def fetch(cursor: str, limit: int) -> Page[HeldImage]:
        if not repository:
            return Page(items=[], next=None)
        after = values_in(cursor, tuple[datetime, int])
        async with image.services.database.tenant(image.caller.account_id) as connection:
            rows = await images.list_images(connection, image.caller.account_id, wanted, after, limit + 1)
        found = page(rows, limit, lambda row: (row.held_at, row.id))
        return Page(items=[row for row in found.items if row.id != image.row.id], next=found.next)

    return Listing(name="siblings", columns=_COLUMNS, fetch=fetch)


TAB = Tab(key="lineage", title="Lineage", show=show)
