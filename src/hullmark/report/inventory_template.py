"""An inventory through a template of the user's own (Jinja, https://jinja.palletsprojects.com/), in a sandbox.

The template sees the keys of `hullmark-inventory/1` and `timestamp`. Filters beside Jinja's: `visible` (nothing that a terminal would
obey), `csv` (a cell that no sheet computes).
"""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.report import inventory_json
from hullmark.report.format import Format, RenderContext
from hullmark.report.templates import filled_in


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """What the template of the context gives. Raises HullmarkError where it cannot be filled in."""
    values: dict[str, Any] = msgspec.to_builtins(inventory_json.document(inventory, context))
    return filled_in(values, context)


FORMAT = Format(
    kind="inventory",
    name="template",
    media_type="text/plain; charset=utf-8",
    file_name="packages.txt",
    render=render,
    tells_relations=True,
    tells_licences=True,
)
