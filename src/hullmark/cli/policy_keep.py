"""`hullmark policy keep` and `list_versions`: versions of policies, so that a past day can be judged by the policy of that day."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.rows import print_json, print_rows
from hullmark.cli.settings import moment, settings_of

if TYPE_CHECKING:
    from hullmark.app.kept_policies import Version

_DIGITS = 19


def keep(arguments: argparse.Namespace) -> int:
    """Keep a policy as the version in force from a moment on."""
    shelf = settings_of(arguments).policies()
    version, is_new = shelf.keep(Path(arguments.policy), at=moment(arguments.at), now=moment(None), name=arguments.name)
    if arguments.output == "json":
        print_json({**_row(version), "is_new": is_new})
        return 0
    from hullmark.report.terminal import safe

    row = _row(version)
    word = "kept" if is_new else "nothing new, kept already"
    sys.stdout.write(f"{safe(version.name)}: {word}, in force from {row['at']} on, {version.policy}\n")
    return 0


def list_versions(arguments: argparse.Namespace) -> int:
    """List the versions that are kept, of all policies or of some."""
    from hullmark.report.terminal import safe

    versions = [
        version
        for version in settings_of(arguments).policies().versions()
        if not arguments.names or version.name in arguments.names
    ]
    rows = [_row(version) for version in sorted(versions, key=lambda version: (version.name, version.at))]
    if arguments.output == "json":
        print_json(rows)
    elif rows:
        columns = ("POLICY", "IN FORCE FROM", "KEPT", "DIGEST")
        print_rows(columns, [(safe(row["name"]), row["at"], row["kept_at"], row["policy"][:_DIGITS]) for row in rows])
    else:
        sys.stdout.write("none is kept\n")
    return 0


def _row(version: Version) -> dict[str, str]:
    times = {"at": version.at, "kept_at": version.kept_at}
    shown = {name: time.isoformat(timespec="seconds").replace("+00:00", "Z") for name, time in times.items()}
    return {"name": version.name, "policy": version.policy, **shown}
