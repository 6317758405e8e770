"""`hullmark diff`: what differs between two images, or why two verdicts differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.fail_on import add_fail_on, difference_condition
from hullmark.cli.output import add_output, wanted_outputs, write
from hullmark.cli.progress import progress
from hullmark.cli.rows import plain, print_json, print_line, print_rows
from hullmark.cli.settings import (
    SOURCES,
    add_advisory_options,
    add_source_options,
    moment,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hullmark.policy.verdict_diff import Difference

NAME = "diff"
HELP = "say what differs between two images, or two verdicts"
EPILOG = (
    """\
BEFORE and AFTER are images, or other SOURCEs (below), or inventories that `hullmark scan --files -o json=FILE` wrote: then packages,
files, settings, layers, licences and sizes are compared, and vulnerabilities where there are advisories.

Or they are files that `hullmark check -o json=FILE` wrote. If the snapshots of advisories that they name are still kept, a change of
severity or of known exploitation is told apart from a changed advisory.

exit status: of images 0, or by --fail-on 1 or 3; of verdicts 0 both say the same, 1 they differ

"""
    + SOURCES
)

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("before", metavar="BEFORE", help="the earlier image or verdict")
    parser.add_argument("after", metavar="AFTER", help="the later image or verdict")
    add_output(parser, "table, json; of images also markdown")
    parser.add_argument(
        "--by-layer",
        action="store_true",
        help="also what each layer of AFTER adds, changes and hides, and what lies hidden in it; images only",
    )
    known = "new-SEVERITY (or worse), new-kev, new-fixable, new-any: vulnerabilities that AFTER has and BEFORE has not"
    add_fail_on(parser, known)
    add_advisory_options(parser)
    add_source_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare the two: as verdicts if one of them is one, else as images."""
    from hullmark.app.images import is_verdict

    sides = (arguments.before, arguments.after)
    if any(map(is_verdict, sides)):
        return _verdicts(arguments)
    _refuse_missing(sides)
    return _images(arguments)


def _refuse_missing(sides: Sequence[str]) -> None:
    """Raise HullmarkError for a bare word beside something that is on this machine: it is not a file, and hardly an image."""
    from hullmark.model.errors import HullmarkError

    missing = [text for text in sides if not Path(text).exists() and not set(text) & set(":/@")]
    if len(missing) == 1 and any(Path(text).exists() for text in sides):
        text = missing[0]
        advice = (
            "BEFORE and AFTER are images, or verdicts: hullmark check -o json=FILE IMAGE writes one; "
            f"an image of this name is registry:{text}"
        )
        raise HullmarkError(f"there is no file {text}", advice=advice)


def _images(arguments: argparse.Namespace) -> int:
    """Compare two images; status 1 if --fail-on is met, 3 if that cannot be told."""
    from hullmark.app.images import difference_of, scanned_for_difference

    settings = settings_of(arguments)
    outputs = wanted_outputs("difference", arguments.output)
    status_of = difference_condition(arguments.fail_on)
    options = settings.source_options()
    scanned = []
    for source in (arguments.before, arguments.after):
        with progress(source, wanted=settings.wants_progress()) as watch:
            scanned.append(scanned_for_difference(source, settings.means(watch), options))
    today = moment(None).date().isoformat()
    with settings.open_snapshot_if_any() as advisories:
        difference = difference_of(scanned[0], scanned[1], advisories, today, by_layer=arguments.by_layer)
    write([difference], outputs, settings)
    return status_of(difference)


def _verdicts(arguments: argparse.Namespace) -> int:
    """Compare two verdicts; status 1 if they differ."""
    from hullmark.app.images import is_verdict
    from hullmark.app.verdicts import advisory_lookup, read_verdict
    from hullmark.model.errors import HullmarkError
    from hullmark.policy.verdict_diff import Cause, compare

    form = (arguments.output or ["table"])[-1]
    if form not in ("table", "json"):
        raise HullmarkError(f"{form[:100]!r} is not a format for verdicts", advice="choose one of json, table")
    if arguments.by_layer or arguments.fail_on:
        option = "--by-layer" if arguments.by_layer else "--fail-on"
        raise HullmarkError(f"{option} is for images, and these are verdicts", advice="leave it out, or name images")
    for text in (arguments.before, arguments.after):
        if not Path(text).exists():
            advice = "BEFORE and AFTER are verdicts: hullmark check -o json=FILE IMAGE writes one"
            raise HullmarkError(f"there is no file {text}", advice=advice)
        if not is_verdict(text):
            advice = "name two verdicts, or two images, SBOMs or inventories"
            raise HullmarkError(f"{text} is not a verdict, and the other one is", advice=advice)
    before, after = read_verdict(Path(arguments.before)), read_verdict(Path(arguments.after))
    with advisory_lookup(settings_of(arguments).shelf()) as lookup:
        difference = compare(before, after, lookup)
    if form == "json":
        print_json(_document(difference))
    else:
        _print(difference)
    return 0 if difference.cause is Cause.NOTHING else 1


def _document(difference: Difference) -> Any:
    """The difference with findings as verdicts show them."""
    from hullmark.report.verdict_json import finding_json

    document = plain(difference)
    for shown, change in zip(document["changes"], difference.changes, strict=True):
        shown["finding"] = plain(finding_json(change.finding))
    return document


def _print(difference: Difference) -> None:
    from hullmark.report.terminal import safe

    arrow = f"{difference.before.value} to {difference.after.value}"
    certain = "" if difference.is_certain else " (most likely: other inputs differ too)"
    print_line(f"{arrow}: {difference.cause.value}{certain}")
    print_line(safe(difference.sentence))
    for other in difference.also:
        before, after = safe(other.before) or "none", safe(other.after) or "none"
        print_line(f"also another {other.what}: {before}, then {after}", hang=2)
    if difference.changes:
        sys.stdout.write("\n")
        rows: list[tuple[str, ...]] = [
            (
                "+" if c.is_gained else "-",
                c.finding.action.value,
                c.finding.rule_id,
                safe(c.finding.subject),
                c.cause.value,
            )
            for c in difference.changes[:_SHOWN]
        ]
        print_rows(("", "ACTION", "RULE", "SUBJECT", "CAUSE"), rows)
    if len(difference.changes) > _SHOWN:
        sys.stdout.write(f"and {len(difference.changes) - _SHOWN} more, all of them with -o json\n")
