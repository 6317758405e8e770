"""`hullmark policy test` and `simulate`: a policy before it counts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.rows import plain, print_json, print_line, print_rows
from hullmark.cli.settings import moment, settings_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hullmark.app.trials import Flip, Trial
    from hullmark.cli.settings import Settings
    from hullmark.policy.rules import Policy

_SHOWN = 3


def test(arguments: argparse.Namespace) -> int:
    """Judge the cases of each policy; the exit status is 1 if one did not go as expected."""
    from hullmark.app.trials import list_failures, try_cases

    options = settings_of(arguments).source_options()
    trials = [try_cases(*_policy_and_cases(Path(name), arguments.cases), options) for name in arguments.policies]
    if arguments.output == "json":
        print_json([plain(trial) for trial in trials])
    else:
        for trial in trials:
            _print_trial(trial)
    is_lacking = arguments.coverage and any(trial.never_fired for trial in trials)
    return 1 if is_lacking or any(list_failures(trial) for trial in trials) else 0


def _policy_and_cases(path: Path, chosen: list[str]) -> tuple[Any, Any]:
    from hullmark.app.policies import case_files, load_cases, load_native
    from hullmark.model.errors import HullmarkError

    files = tuple(map(Path, chosen)) or case_files(path)
    if not files:
        beside = path / "NAME.test.yaml" if path.is_dir() else path.with_name(f"{path.stem}.test.yaml")
        raise HullmarkError(
            f"the policy {path} has no test cases", advice=f"write some into {beside}, or name them by --cases"
        )
    return load_native(path), [(file, load_cases(file)) for file in files]


def _print_trial(trial: Trial) -> None:
    from hullmark.app.trials import list_failures
    from hullmark.report.terminal import safe

    for tried in trial.cases:
        print_line(f"{safe(tried.name)} ({tried.verdict})", f"{'FAILED' if tried.differences else 'passed'}  ")
        for difference in tried.differences:
            print_line(safe(difference), "        ")
    if trial.never_fired:
        print_line(f"no case makes these rules fire: {', '.join(trial.never_fired)}", hang=2)
    count, wrong = len(trial.cases), len(list_failures(trial))
    print_line(f"{trial.policy}: {count - wrong} of {count} cases passed", hang=2)


def simulate(arguments: argparse.Namespace) -> int:
    """Judge known images by a draft, and show which verdicts would change, and why."""
    from hullmark.app.policies import load_native
    from hullmark.app.trials import inventories_in
    from hullmark.app.trials import simulate as flips_of

    draft = load_native(Path(arguments.policy))
    current = load_native(Path(arguments.against)) if arguments.against else None
    paths = [path for name in arguments.inventories for path in inventories_in(Path(name))]
    with _open_snapshot(settings_of(arguments), [draft, current]) as snapshot:
        flips = list(flips_of(draft, current, paths, moment(arguments.at), arguments.environment, snapshot))
    if arguments.output == "json":
        print_json({"images": [plain(flip) for flip in flips], "totals": _totals(flips)})
        return 0
    changed = [flip for flip in flips if flip.before != flip.after]
    _print_flips(flips if arguments.all or current is None else changed)
    _print_totals(flips, is_compared=current is not None)
    return 0


def _open_snapshot(settings: Settings, policies: list[Policy | None]) -> AbstractContextManager[Any]:
    """The advisories, if a rule asks for them and there are any."""
    from contextlib import nullcontext

    from hullmark.policy.needs import needs

    wants = any(policy is not None and needs(policy).matches for policy in policies)
    is_named = settings.get("snapshot") or settings.get("advisories")
    return settings.open_snapshot() if wants and (is_named or settings.shelf().current() is not None) else nullcontext()


def _totals(flips: list[Flip]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for flip in flips:
        key = f"{flip.before} to {flip.after}" if flip.before else flip.after
        totals[key] = totals.get(key, 0) + 1
    return totals


def _print_flips(flips: list[Flip]) -> None:
    if not flips:
        return
    from hullmark.report.terminal import safe

    rows: list[tuple[str, ...]] = [(safe(f.image), f.before, f.after, ", ".join(f.rules[:_SHOWN])) for f in flips]
    print_rows(("IMAGE", "NOW", "DRAFT", "BY"), rows)
    sys.stdout.write("\n")
    for flip in flips:
        if flip.reasons:
            print_line(safe(flip.image), hang=2)
        for reason in map(safe, flip.reasons[:_SHOWN]):
            print_line(reason, "  ")
        if len(flip.reasons) > _SHOWN:
            sys.stdout.write(f"  and {len(flip.reasons) - _SHOWN} more\n")
    sys.stdout.write("\n")


def _print_totals(flips: list[Flip], *, is_compared: bool) -> None:
    from hullmark.model.plural import plural

    counts = ", ".join(f"{count} {what}" for what, count in sorted(_totals(flips).items()))
    changed = sum(flip.before != flip.after for flip in flips)
    head = f"{changed} of {plural(len(flips), 'verdict')} would change" if is_compared else plural(len(flips), "image")
    sys.stdout.write(f"{head}: {counts}\n")
