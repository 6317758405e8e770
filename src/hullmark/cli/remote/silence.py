"""`hullmark silence`: of what nobody is to hear for a time."""

from __future__ import annotations

from hullmark.cli.remote.noun import Noun, field, listing, name_field, removing, sending
from hullmark.cli.remote.shown import Column, time_of

_ALL, _ONE = "/silences", "/silences/{name}"

_NEW = (
    field("--until", "until when, as 2026-12-31T08:00:00Z", sent="ends_at", metavar="TIME", required=True),
    field("--from", "from when on (default: now)", sent="starts_at", dest="starts_at", metavar="TIME"),
    field("--owner", "who answers for it", metavar="WHO", required=True),
    field("--reason", "why", metavar="TEXT", required=True),
    field("--kind", "only this, as fix.*; again for more", sent="kinds", metavar="KIND", action="append", default=[]),
    field(
        "--images",
        "only these references, with commas between (default: all)",
        sent="selector",
        metavar="PATTERN",
        default="*",
    ),
    field("--subject", "only by causes like CVE-2026-* (default: all)", metavar="PATTERN", default="*"),
)
_ENDED = field("--ended", "also those that have ended", action="store_true")
_COLUMNS: tuple[Column, ...] = (
    ("ID", "id"),
    ("FROM", time_of("starts_at")),
    ("UNTIL", time_of("ends_at")),
    ("IMAGES", "selector"),
    ("KINDS", lambda silence: ", ".join(silence["kinds"]) or "all"),
    ("SUBJECT", "subject"),
    ("OWNER", "owner"),
    ("REASON", "reason"),
)
_MORE = {"ended": ("ENDED", time_of("ended_at"))}

VERBS = (
    Noun(
        "silence",
        "hold notifications back for a time, or end that",
        {
            "add": sending(
                "hold back messages about something until a moment; they are not sent later",
                *("POST", _ALL, _NEW, "silence {id} counts until {ends_at}"),
            ),
            "list": listing("list what is held back", _ALL, _COLUMNS, "no silence", (_ENDED,), _MORE),
            "end": removing(
                "end a silence now", _ONE, name_field("the silence", "ID"), "ended", "silence {ended} ended"
            ),
        },
        guide="be-told",
    ),
)
