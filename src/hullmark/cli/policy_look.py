"""`hullmark policy validate`, `gates`, `describe` and `schema`: what a policy says, and what policies can say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.rows import plain, print_json, print_line, print_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hullmark.policy.decode import Mistake
    from hullmark.policy.describe import TriggerRow


def validate(arguments: argparse.Namespace) -> int:
    """Read each policy; every mistake is a line of its own."""
    results = [_validate_policy(name) for name in arguments.policies]
    if arguments.output == "json":
        print_json(results)
    else:
        for result in results:
            _print_result(result)
    return 2 if any(result["mistakes"] for result in results) else 0


def _validate_policy(name: str) -> dict[str, object]:
    from hullmark.app.check import load
    from hullmark.policy.languages import language_of
    from hullmark.policy.native import InvalidPolicy

    try:
        policy = load(Path(name))
    except InvalidPolicy as error:
        return {
            "policy": name,
            "kind": "native",
            "digest": "",
            "rules": 0,
            "mistakes": _format_mistakes(error.mistakes),
        }
    language = language_of(policy)
    summary = {"policy": name, "kind": language.name, "digest": policy.digest, "rules": policy.rule_count}
    return {**summary, "mistakes": _format_mistakes(language.mistakes(policy))}


def _format_mistakes(mistakes: Iterable[Mistake]) -> list[dict[str, object]]:
    return [{"file": m.file, "line": m.line, "where": m.where, "reason": m.reason} for m in mistakes]


def _print_result(result: dict[str, object]) -> None:
    name, mistakes = result["policy"], result["mistakes"]
    if not isinstance(mistakes, list) or not mistakes:
        print_line(f"{name}: valid, {result['rules']} rules, {result['digest']}", hang=2)
        return
    for mistake in mistakes:
        file = f"{name}/{mistake['file']}" if mistake["file"] else name
        line = f":{mistake['line']}" if mistake["line"] else ""
        print_line(f"{file}{line}: {mistake['where'] or 'the policy'}: {mistake['reason']}", hang=2)


def gates(arguments: argparse.Namespace) -> int:
    """List every trigger."""
    from hullmark.policy.describe import describe as rows_of
    from hullmark.policy.reference import reference_page

    rows = rows_of()
    if arguments.output == "markdown":
        sys.stdout.write(reference_page())
    elif arguments.output == "json":
        print_json([plain(row) for row in rows])
    else:
        print_rows(("TRIGGER", "WHEN IT FIRES", "NEEDS"), [_row(row) for row in rows], ("NEEDS",))
    return 0


def _row(row: TriggerRow) -> tuple[str, ...]:
    first = " ".join(row.description.split()).partition(". ")[0].rstrip(".")
    return (f"{row.gate}.{row.trigger}", first, ", ".join(row.needs))


def describe(arguments: argparse.Namespace) -> int:
    """Show triggers with their parameters."""
    from difflib import get_close_matches

    from hullmark.model.errors import HullmarkError
    from hullmark.policy.decode import nearest
    from hullmark.policy.describe import describe as rows_of

    rows, wanted = rows_of(), []
    names = {f"{row.gate}.{row.trigger}" for row in rows} | {row.gate for row in rows}
    for name in arguments.names or sorted({row.gate for row in rows}):
        found = [row for row in rows if name.replace("/", ".") in (row.gate, f"{row.gate}.{row.trigger}")]
        if not found:
            near = [known for known in sorted(names) if known.startswith(name[:4])]
            meant = nearest(name, near or names) if near or get_close_matches(name, names, 1) else ""
            raise HullmarkError(
                f"there is no gate or trigger {name!r}{meant}", advice="hullmark policy gates lists them"
            )
        wanted += found
    if arguments.output == "json":
        print_json([plain(row) for row in wanted])
        return 0
    for row in wanted:
        _print_trigger(row)
    return 0


def _print_trigger(row: TriggerRow) -> None:
    print_line(f"{row.gate}.{row.trigger}")
    print_line(" ".join(row.description.split()), "  ")
    for param in row.params:
        default = "must be given" if param.required else f"default {param.default}"
        print_line(f"{param.name}: {param.takes} ({default})", "  ", 6)
        if param.description:
            print_line(" ".join(param.description.split()), "      ")
    print_line(f"needs {', '.join(row.needs) or 'nothing that costs'}; {row.module}", "  ", 6)
    sys.stdout.write("\n")


def schema(arguments: argparse.Namespace) -> int:
    """Print the JSON schema."""
    from hullmark.policy.describe import policy_schema

    print_json(policy_schema())
    return 0
