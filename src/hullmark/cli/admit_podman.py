"""`hullmark admit podman`: which images podman may fetch, and a hook that judges every start."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hullmark.cli.host_gate import add_gate_options, gate_of, tell

HELP = "gate podman: write its policy of images, write a hook, or be that hook"
_LARGEST_STATE = 1 << 20
_HOOK_NAME = "hullmark.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's own arguments."""
    parser.add_argument(
        "--write-policy",
        metavar="FILE",
        help="write a containers-policy.json(5): images that pass, by digest, and no others",
    )
    parser.add_argument(
        "--key", metavar="FILE", default="", help="with --write-policy: images must be signed by this key, too"
    )
    parser.add_argument(
        "--write-hook", metavar="DIR", help="write the hook into a folder of hooks, as /etc/containers/oci/hooks.d"
    )
    parser.add_argument("--hook", action="store_true", help="judge the container whose state stands on standard input")
    parser.add_argument(
        "--runtime", metavar="NAME", default="runc", help="the OCI runtime that podman uses (default: runc)"
    )
    add_gate_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write what was asked for, or judge a start."""
    from hullmark.model.errors import HullmarkError

    if arguments.hook:
        return _judge(arguments)
    if not arguments.write_policy and not arguments.write_hook:
        raise HullmarkError("nothing to do", advice="give --write-policy FILE or --write-hook DIR")
    from hullmark.places.gates.podman import hook_of, policy_of
    from hullmark.places.gates.verdicts import LocalVerdicts

    if arguments.write_policy:
        verdicts = LocalVerdicts(Path(arguments.verdicts), is_read_only=True)
        _write(Path(arguments.write_policy), policy_of(verdicts.images(), arguments.key))
        verdicts.close()
    if arguments.write_hook:
        more = ["--settings", arguments.settings] if arguments.settings else []
        command = [sys.executable, "-c", "from hullmark.cli import program; program()", "admit", "podman", "--hook"]
        own = ["--runtime", arguments.runtime, "--verdicts", arguments.verdicts, *more]
        _write(Path(arguments.write_hook) / _HOOK_NAME, hook_of([*command, *own]))
    return 0


def _judge(arguments: argparse.Namespace) -> int:
    """The hook's exit status: anything but 0 keeps the container from starting."""
    from hullmark.model.errors import HullmarkError
    from hullmark.places.gates.podman import starting

    try:
        start = starting(sys.stdin.buffer.read(_LARGEST_STATE), arguments.runtime)
    except HullmarkError as error:
        tell(f"refused: {error}")
        return 1
    return 0 if gate_of(arguments).judge(start).is_allowed else 1


def _write(path: Path, document: object) -> None:
    """A whole file in place of the one before."""
    import json

    from hullmark.model.errors import HullmarkError

    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise HullmarkError(f"cannot write {path}: {error.strerror}", advice="check the path and its rights") from error
