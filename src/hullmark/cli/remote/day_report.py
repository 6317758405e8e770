"""The numbers of a day, as people read them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from hullmark.cli.rows import print_json
from hullmark.report.terminal import safe


def show_report(arguments: argparse.Namespace, report: Mapping[str, Any]) -> None:
    """A report as JSON, or line by line."""
    if arguments.output == "json":
        print_json(report)
        return
    for depth, what, number in _lines(report):
        name = "  " * depth + what
        sys.stdout.write(safe(f"{name:<60}  {number}".rstrip()) + "\n")


def _lines(report: Mapping[str, Any]) -> Iterator[tuple[int, str, object]]:
    changed = report["transitions"]
    yield 0, f"{report['day']} in {report['timezone']}", ""
    yield 0, "snapshots of advisories", report["snapshots"]
    yield 0, "causes", sum(report["causes"].values())
    yield from _parts(report["causes"])
    yield 0, "packages in which policies find something else", report["matched"]["packages"]
    yield 0, "images of which there is something to tell", report["matched"]["images"]
    yield 0, "transitions", changed["count"]
    yield from _parts(changed["by_kind"])
    yield 0, "of these told", changed["told"]
    yield 0, "of these suppressed", sum(changed["suppressed"].values())
    yield from _parts(changed["suppressed"])
    yield 0, "of these not decided yet", changed["pending"]
    yield 0, "told, by the state of the message", sum(report["items"].values())
    yield from _parts(report["items"])
    yield 0, "messages that began", sum(message["count"] for message in report["messages"])
    for message in report["messages"]:
        yield 1, f"{message['channel']}, {message['form']}, {message['state']}", message["count"]
    yield 0, "attempts to deliver", sum(report["attempts"].values())
    yield from _parts(report["attempts"])
    yield 0, "silences", report["silences"]
    for check in report["checks"]:
        if not check["holds"]:
            yield 0, f"WRONG: {check['says']}", f"{check['left']} is not {check['right']}"
    yield 0, "adds up", "yes" if report["adds_up"] else "no"


def _parts(counts: Mapping[str, int]) -> Iterator[tuple[int, str, int]]:
    for what, count in counts.items():
        yield 1, what, count
