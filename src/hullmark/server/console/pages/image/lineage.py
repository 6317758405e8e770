"""What an image is built on, what it was called, and the other images of its repository."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of
from hullmark.server.tables.images import images, lineage
from hullmark.server.tables.images.images import EarlierTag, HeldImage, ImageFilter

_MOST_RELATIVES = 100
_BASE_NAME, _BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


class RelativeRow(msgspec.Struct, frozen=True, kw_only=True):
    """An image that begins with the same layers: `kind` is base, child, or beside."""

    image: HeldImage
    shared: int
    kind: str


class LineageView(msgspec.Struct, kw_only=True):
    """`base_name` and `base_digest` are what the image says of the one that it is built on ("": nothing)."""

    base_name: str
    base_digest: str
    repository: str
    tags: list[str]
    earlier: list[EarlierTag]
    siblings: ShownPage[HeldImage]
    relatives: ShownPage[RelativeRow]


_COLUMNS: tuple[Column[HeldImage], ...] = (
    Column("name", "Image", lambda row: (row.tags or [row.reference])[0]),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("built", "Built", lambda row: row.created_at, "time"),
    Column("size", "Size", lambda row: row.size, "number"),
    Column("packages", "Packages", lambda row: row.package_count, "number"),
)


_RELATIVES: tuple[Column[RelativeRow], ...] = (
    Column("name", "Image", lambda row: (row.image.tags or [row.image.reference])[0]),
    Column("shared", "Layers in common", lambda row: row.shared, "number"),
    Column("layers", "Layers", lambda row: row.image.layer_count, "number"),
    Column("kind", "What it is", lambda row: row.kind),
    Column("built", "Built", lambda row: row.image.created_at, "time"),
    Column("digest", "Digest", lambda row: row.image.digest, "code"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    analysis = await image.analysis()
    config = analysis.facts.config
    labels = config.labels if config is not None else {}
    registry, repository = _repository(image.row)
    listing = _siblings(image, registry, repository)
    layers = [layer.digest for layer in analysis.inventory.source.layers]
    relatives = listing_of("relatives", _RELATIVES, await _relatives(image, layers), "relatives.cursor")
    return (
        export_listing(image.request, listing)
        or export_listing(image.request, relatives)
        or LineageView(
            base_name=labels.get(_BASE_NAME, ""),
            base_digest=labels.get(_BASE_DIGEST, ""),
            repository=f"{registry}/{repository}" if repository else "",
            tags=image.row.tags,
            earlier=image.row.earlier_tags,
            siblings=await listing.shown(image.request),
            relatives=await relatives.shown(image.request),
        )
    )


async def _relatives(image: OpenedImage, layers: list[str]) -> list[RelativeRow]:
    """Those that begin with the same layers, the closest first."""
    account = image.caller.account_id
    async with image.services.database.tenant(account) as connection:
        found = await lineage.relatives(connection, account, image.row.id, layers, _MOST_RELATIVES)
        rows = await images.held_by_ids(connection, account, [relative.image_id for relative in found])
    return [
        RelativeRow(
            image=rows[relative.image_id],
            shared=relative.shared,
            kind=_kind(rows[relative.image_id], relative.shared, layers),
        )
        for relative in found
        if relative.image_id in rows
    ]


def _kind(row: HeldImage, shared: int, layers: list[str]) -> str:
    if shared == row.layer_count < len(layers):
        return "base"
    return "child" if shared == len(layers) < row.layer_count else "beside"


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
