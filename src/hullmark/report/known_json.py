"""An inventory with everything that policies use, as JSON: `hullmark-inventory/1` with `policy_facts`. It has no secrets."""

from __future__ import annotations

import msgspec

from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import InventoryJson, document


class KnownJson(InventoryJson, frozen=True):
    """The whole document; `policy_facts` uses the names of the Python API."""

    policy_facts: PolicyFacts


def render(known: KnownImage, context: RenderContext) -> bytes:
    """The document as one line."""
    inventory = document(known.inventory, context)
    return encode(KnownJson(**msgspec.structs.asdict(inventory), policy_facts=known.policy_facts))


FORMAT = Format(
    kind="known",
    name="json",
    media_type="application/vnd.hullmark.inventory.v1+json",
    file_name="inventory.json",
    render=render,
)
