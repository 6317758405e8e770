"""`hullmark event`: what happened on a server, and what happens."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hullmark.cli.remote.actions import Action, add_limit
from hullmark.cli.remote.noun import Noun, field, listing
from hullmark.cli.remote.shown import Column, cell, time_of
from hullmark.cli.rows import add_output, print_line
from hullmark.cli.server_options import seconds

_KIND = field("--kind", "only this, as image.analysed or image.*", metavar="KIND", default="")
_FILTERS = (
    _KIND,
    field("--level", "only info, or only error", metavar="LEVEL", default=""),
    field("--resource-type", "only of this kind, as image", metavar="KIND", default=""),
    field("--resource", "only of this one", metavar="NAME", default=""),
    field("--since", "from this moment on", metavar="TIME", default=""),
    field("--before", "until before this moment", metavar="TIME", default=""),
)
_NAMES = 3
_HEADROOM = 45.0
"""Seconds of silence before a stream counts as broken: the server says something every 15 seconds."""


def _watching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(_KIND.flag, **_KIND.how)
    parser.add_argument(
        "--after", metavar="ID", type=int, help="begin behind this event, so that none is missed (default: now)"
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, help="stop after this time (default: never)")
    add_limit(parser)
    add_output(parser)


def _reporting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--day", metavar="DAY", default="", help="which day, as 2026-03-01 (default: today)")
    parser.add_argument("--timezone", metavar="ZONE", default="", help="whose day, as Europe/Berlin (default: UTC)")
    add_output(parser)


def _report(arguments: argparse.Namespace) -> int:
    """The numbers of a day; 1 if they do not add up."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.day_report import show_report

    query = {"day": arguments.day or None, "timezone": arguments.timezone or None}
    found = connect(arguments).get("/notice-report", query)
    show_report(arguments, found)
    return 0 if found["adds_up"] else 1


def _watch(arguments: argparse.Namespace) -> int:
    """An event a line, as JSON or for people, as they happen."""
    from hullmark.cli.remote.connection import connect, patient
    from hullmark.net.event_stream import Watcher

    api = patient(connect(arguments), _HEADROOM)
    start = arguments.after if arguments.after is not None else _newest(list(api.pages("/events", most=1)))
    left = arguments.limit
    watcher = Watcher(api, "/events/stream", {"kind": arguments.kind}, str(start))
    with _ended_after(arguments.timeout):
        for event in watcher.events():
            _print(event.data, is_json=arguments.output == "json")
            left = None if left is None else left - 1
            if left == 0:
                break
    return 0


def _newest(events: list[Any]) -> int:
    return int(events[0]["id"]) if events else 0


def _print(data: str, *, is_json: bool) -> None:
    import json

    from hullmark.report.terminal import safe

    if is_json:
        sys.stdout.write(data + "\n")
    else:
        event = json.loads(data)
        words = (time_of("at")(event), event["kind"], event["resource"], more_of(event))
        print_line(safe("  ".join(map(str, words))), hang=2)
    sys.stdout.flush()


def more_of(event: dict[str, Any]) -> str:
    """What an event says besides: of transitions the cause, how many images, and which ones; of others all of it."""
    body = event["body"]
    if event["resource_type"] != "cause":
        return cell(body)
    names = [str(image["reference"] or image["image"]) for image in body["images"]]
    shown = ", ".join(names[:_NAMES]) + (f" and {body['count'] - _NAMES} more" if body["count"] > _NAMES else "")
    because = body["cause"]["sentence"] or body["cause"]["subject"]
    heard = "" if body["told"] else " (nobody was told)"
    return f"{shown}: {because}{heard}" if names else f"{because}{heard}"


_COLUMNS: tuple[Column, ...] = (
    ("ID", "id"),
    ("AT", time_of("at")),
    ("KIND", "kind"),
    ("OF", "resource_type"),
    ("NAME", "resource"),
    ("MORE", more_of),
)


class _TimeIsUp(Exception):
    pass


@contextmanager
def _ended_after(seconds: float | None) -> Iterator[None]:
    """Leave what is inside after a time, whatever it waits for."""
    if seconds is None:
        yield
        return
    import signal

    def ring(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        # One that comes just before the process blocks does not wake it: it rings again.
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 0.5)
        yield
    except _TimeIsUp:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


VERBS = (
    Noun(
        "event",
        "list or watch what happens on the server",
        {
            "list": listing("list what happened, the newest first", "/events", _COLUMNS, "nothing happened", _FILTERS),
            "watch": Action(
                "show what happens, as it happens; a connection that breaks is made again", _watching, _watch
            ),
            "report": Action(
                "the numbers of a day: seen, told, suppressed and why; 1 if they do not add up", _reporting, _report
            ),
        },
    ),
)
