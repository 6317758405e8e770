"""`hullmark diff`: why two verdicts differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.rows import add_output, plain, print_json, print_line, print_rows
from hullmark.cli.settings import add_advisory_options, settings_of

if TYPE_CHECKING:
    from hullmark.policy.verdict_diff import Difference

NAME = "diff"
HELP = "say what one thing made two verdicts differ"
EPILOG = """\
BEFORE and AFTER are files that `hullmark check -o json=FILE` wrote. If the snapshots of advisories that they name are still
kept, a change of severity or of known exploitation is told apart from a changed advisory.

exit status: 0 both say the same, 1 they differ
"""

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("before", metavar="BEFORE", help="the earlier verdict")
    parser.add_argument("after", metavar="AFTER", help="the later verdict")
    add_output(parser)
    add_advisory_options(parser, only_folder=True)


def run(arguments: argparse.Namespace) -> int:
    """Compare the two."""
    from hullmark.app.verdicts import advisory_lookup, read_verdict
    from hullmark.model.errors import HullmarkError
    from hullmark.policy.verdict_diff import Cause, compare

    for text in (arguments.before, arguments.after):
        if not Path(text).exists():
            advice = "BEFORE and AFTER are verdicts: hullmark check -o json=FILE IMAGE writes one"
            raise HullmarkError(f"there is no file {text}", advice=advice)
    before, after = read_verdict(Path(arguments.before)), read_verdict(Path(arguments.after))
    with advisory_lookup(settings_of(arguments).shelf()) as lookup:
        difference = compare(before, after, lookup)
    if arguments.output == "json":
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
