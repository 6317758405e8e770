"""`hullmark audit`: who changed what in an account."""

from __future__ import annotations

from hullmark.cli.remote.noun import Noun, field, listing
from hullmark.cli.remote.shown import time_of

_FILTERS = (
    field("--of", "only this, as policy.activate or policy.*", sent="action", metavar="ACTION", default=""),
    field("--actor", "only by this one, as person:anna or key:deploy", metavar="WHO", default=""),
    field("--resource-type", "only of this kind, as image", metavar="KIND", default=""),
    field("--resource", "only of this one", metavar="NAME", default=""),
    field("--since", "from this moment on", metavar="TIME", default=""),
    field("--before", "until before this moment", metavar="TIME", default=""),
)
_COLUMNS = (
    ("AT", time_of("at")),
    ("WHO", "actor"),
    ("DID", "action"),
    ("ON", "resource_type"),
    ("NAME", "resource"),
    ("FROM", "address"),
)

VERBS = (
    Noun(
        "audit",
        "list who changed what on the server",
        {"list": listing("list changes, the newest first", "/audit", _COLUMNS, "nothing was changed", _FILTERS)},
    ),
)
