"""Package URLs, one a line, sorted, without repeats (https://github.com/package-url/purl-spec)."""

from __future__ import annotations

from hullmark.model.inventory import Inventory
from hullmark.report.format import Format, RenderContext
from hullmark.report.terminal import safe


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The lines. Packages without a package URL are left out."""
    found = sorted({package.purl for package in inventory.packages if package.purl})
    return "".join(f"{safe(purl)}\n" for purl in found).encode()


FORMAT = Format(
    kind="inventory", name="purls", media_type="text/plain; charset=utf-8", file_name="purls.txt", render=render
)
