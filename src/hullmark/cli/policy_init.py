"""`hullmark policy init`: a policy to begin with, and its test cases."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default="policy.yaml", help="the file (default: policy.yaml)"
    )


def init(arguments: argparse.Namespace) -> int:
    """Write both files; none that is there is overwritten."""
    from hullmark.model.errors import HullmarkError
    from hullmark.policy.starting_point import starting_cases, starting_policy

    policy = Path(arguments.file)
    cases = policy.with_name(f"{policy.stem}.test.yaml")
    for path in (policy, cases):
        if path.exists():
            raise HullmarkError(f"{path} is there already", advice="name another file: hullmark policy init FILE")
    name = _NAME.sub("-", policy.stem).strip("-.") or "policy"
    texts = {policy: starting_policy(name, policy.name), cases: starting_cases(policy.name)}
    for path, text in texts.items():
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise HullmarkError(f"cannot write {path}: {error.strerror}", advice="check path and rights") from error
    sys.stdout.write(f"{policy}: a policy to begin with\n{cases}: its test cases\n")
    sys.stdout.write(f"next: hullmark policy test {policy}, then hullmark check --policy {policy} IMAGE\n")
    return 0
