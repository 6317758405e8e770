"""The ledger of an image's layers: what each brought, what of that later ones hide, and which instruction did it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.bars import draw_bars, waterfall
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of
from hullmark.server.stories.images.documents import StoredAnalysis
from hullmark.server.stories.images.file_tree import FileTree

_NAME = 40
_WIDTH = 900


class LayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A layer. `kept` are the bytes of its files that a container sees, `hidden` those that later layers delete or replace."""

    number: int
    instruction: str
    digest: str
    stored: int
    packages: int
    files: int
    kept: int
    hidden_files: int
    hidden: int


class LayersView(msgspec.Struct, kw_only=True):
    """All layers, and the sums."""

    layers: ShownPage[LayerRow]
    chart: Markup
    stored: int
    kept: int
    hidden: int
    is_listed: bool


_COLUMNS: tuple[Column[LayerRow], ...] = (
    Column("number", "Layer", lambda row: row.number, "number"),
    Column("instruction", "Instruction", lambda row: row.instruction, "code"),
    Column("stored", "Stored", lambda row: row.stored, "number"),
    Column("files", "Files", lambda row: row.files, "number"),
    Column("kept", "Unpacked", lambda row: row.kept, "number"),
    Column("hidden", "Wasted", lambda row: row.hidden, "number"),
    Column("packages", "Packages", lambda row: row.packages, "number"),
    Column("digest", "Digest", lambda row: row.digest, "code"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    analysis, tree = await image.analysis(), await image.files()
    rows = await asyncio.to_thread(_rows, analysis, tree)
    listing = listing_of("layers", _COLUMNS, rows)
    if (answer := export_listing(image.request, listing)) is not None:
        return answer
    steps = [(f"{row.number} {row.instruction}"[:_NAME], float(row.kept), float(row.hidden)) for row in rows]
    return LayersView(
        layers=await listing.shown(image.request, 200),
        chart=draw_bars(waterfall("What each layer adds", steps), _WIDTH),
        stored=sum(max(row.stored, 0) for row in rows),
        kept=sum(row.kept for row in rows),
        hidden=sum(row.hidden for row in rows),
        is_listed=tree is not None,
    )


def _rows(analysis: StoredAnalysis, tree: FileTree | None) -> list[LayerRow]:
    layers = analysis.inventory.source.layers
    sums = [[0, 0, 0, 0] for _ in layers]
    for file in tree.files if tree is not None else ():
        if 0 <= file.layer < len(layers) and file.type != "dir" and file.state != "missing":
            at = 2 if file.state == "ghost" else 0
            sums[file.layer][at] += 1
            sums[file.layer][at + 1] += max(file.size, 0)
    packages = [0] * len(layers)
    for package in analysis.inventory.packages:
        at = package.locations[0].layer if package.locations else -1
        if 0 <= at < len(layers):
            packages[at] += 1
    return [
        LayerRow(
            number=number,
            instruction=layer.created_by,
            digest=layer.digest or layer.diff_id,
            stored=layer.size,
            packages=packages[number],
            files=sums[number][0],
            kept=sums[number][1],
            hidden_files=sums[number][2],
            hidden=sums[number][3],
        )
        for number, layer in enumerate(layers)
    ]


TAB = Tab(key="layers", title="Layers", show=show)
