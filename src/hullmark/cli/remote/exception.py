"""`hullmark exception`: findings that are accepted for a time."""

from __future__ import annotations

from hullmark.cli.remote.noun import Noun, field, listing, name_field, removing, sending
from hullmark.cli.remote.shown import time_of

_ALL, _ONE = "/exceptions", "/exceptions/{name}"

_NEW = (
    field("--rule", "the rule whose findings are accepted", metavar="ID", required=True),
    field("--subject", "on what, with * and ? as wildcards", metavar="PATTERN", required=True),
    field(
        "--expires",
        "its last day, as 2026-12-31, or the moment at which it ends, as 2026-12-31T14:00:00Z",
        metavar="TIME",
        required=True,
    ),
    field("--owner", "who answers for it", metavar="WHO", required=True),
    field("--reason", "why", metavar="TEXT", required=True),
    field("--ticket", "where it was decided", metavar="REF", default=""),
    field("--policy", "only for this policy (default: all)", metavar="PATTERN", default="*"),
    field("--images", "only for these references (default: all)", metavar="PATTERN", default="*"),
)
_ENDED = field("--ended", "also those that were ended by hand", action="store_true")
_COLUMNS = (("ID", "id"), ("RULE", "rule"), ("SUBJECT", "subject"), ("EXPIRES", "expires"), ("OWNER", "owner"))
_MORE = {"ended": ("ENDED", time_of("ended_at"))}

VERBS = (
    Noun(
        "exception",
        "accept findings for a time on the server, or end that",
        {
            "add": sending(
                "accept the findings of a rule on some subjects until a day or a moment",
                *("POST", _ALL, _NEW, "exception {id} counts until {expires}"),
            ),
            "list": listing("list what is accepted", _ALL, _COLUMNS, "no exception", (_ENDED,), _MORE),
            "end": removing(
                "end an exception now: its findings count again",
                *(_ONE, name_field("the exception", "ID"), "ended", "exception {ended} ended"),
            ),
        },
    ),
)
