"""`hullmark explain-change`: what made the verdict on an image flip, when, and who was told."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Iterator
from typing import Any

from hullmark.cli.remote.actions import add_limit
from hullmark.cli.remote.shown import show_list
from hullmark.cli.rows import add_output, print_line
from hullmark.cli.server_options import add_server_options

NAME = "explain-change"
HELP = "say why the verdict on an image changed, and who was told"
EPILOG = "The newest change comes first."

_SHOWN = 10
_LABEL = re.compile(r"(?:  (?:[a-z]+ +|[+-] (?:[a-z]+ +)?)| *)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("image", metavar="IMAGE", help="HOST/REPOSITORY:TAG, or a digest of the image")
    parser.add_argument("--policy", metavar="NAME", default="", help="only by this policy (default: any)")
    add_limit(parser)
    add_output(parser)
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and show."""
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.waiting import digest_of
    from hullmark.net.api_client import segment
    from hullmark.report.terminal import safe

    api = connect(arguments)
    path = f"/images/{segment(digest_of(api, arguments.image))}/changes"
    found = api.pages(path, {"policy": arguments.policy or None}, arguments.limit)
    if arguments.output == "json":
        return show_list(arguments, found, [], "")
    count = 0
    for count, change in enumerate(found, 1):
        if count > 1:
            sys.stdout.write("\n")
        for line in lines_of(change):
            words = safe(line)
            label = len(_LABEL.match(words)[0])  # type: ignore[index] # it fits everything
            print_line(words[label:], words[:label])
    if not count:
        sys.stdout.write("nothing changed\n")
    return 0


def lines_of(change: Any) -> Iterator[str]:
    """A change in lines for people."""
    before, after = change["before"], change["after"]
    policy = f"policy {after['policy']} {after['policy_version']}"
    where = f" in {change['environment']}" if change["environment"] else ""
    flip = f"{before['verdict']} to {after['verdict']}" if before else f"{after['verdict']}, the first verdict"
    if before and before["verdict"] == after["verdict"]:
        flip = f"{after['verdict']} as before, for other reasons"
    yield f"{_moment(after['at'])}  {flip} ({policy}{where})"
    yield from _cause(change["cause"])
    if not before or before["reason"] != after["reason"]:
        yield f"  verdict  {after['reason']}"
    for sign, name in (("+", "gained"), ("-", "lost")):
        for finding in change[name][:_SHOWN]:
            yield f"  {sign} {finding['action']:<4} {finding['rule']}: {finding['message']}"
        more = change[f"{name}_count"] - len(change[name][:_SHOWN])
        if more > 0:
            yield f"  {sign} and {more} more: -o json shows them"
    for other in change["also"]:
        yield f"  also     another {other['what']}: {other['before'] or 'none'}, then {other['after'] or 'none'}"
    yield from itertools.chain.from_iterable(_format_notice(notice) for notice in change["told"])


def _cause(cause: Any) -> Iterator[str]:
    if cause is None:
        return
    certain = "" if cause["certain"] else " (most likely: other inputs differ too)"
    yield f"  cause    {cause['kind']}{certain}: {cause['sentence']}"
    is_said = all(cause[name] and cause[name] in cause["sentence"] for name in ("before", "after"))
    if (cause["before"] or cause["after"]) and not is_said:
        yield f"           {cause['before'] or 'none'}, then {cause['after'] or 'none'}"


def _format_notice(notice: Any) -> Iterator[str]:
    if notice["outcome"] == "suppressed" or (notice["outcome"] == "told" and not notice["receivers"]):
        yield f"  told     {notice['kind']}: nobody: {notice['why'] or 'nobody was to hear of it'}"
    elif notice["outcome"] == "waiting":
        yield f"  told     {notice['kind']}: it is not decided yet who hears of it"
    for receiver in notice["receivers"]:
        is_there = receiver["state"] == "delivered" and receiver["delivered_at"]
        state = (
            f"at {_moment(receiver['delivered_at'])}" if is_there else _STATES.get(receiver["state"], receiver["state"])
        )
        yield f"  told     {notice['kind']}: {receiver['channel']} ({receiver['kind']}) {state}"


_STATES = {"gathering": "soon", "waiting": "is being sent to", "dead": "could not be reached"}


def _moment(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC"
