"""`hullmark policy`: write, check, test and try policies."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from hullmark.cli import policy_convert, policy_keep, policy_look, policy_try
from hullmark.cli.rows import add_output
from hullmark.cli.settings import add_advisory_options, add_policy_options

NAME = "policy"
HELP = "check, test, try, keep and describe policies"
EPILOG = "`hullmark policy ACTION --help` says more of each."

_POLICY = "the policy: a file, or a folder whose files are read as one"


class _Action(NamedTuple):
    """A sub-action: its help, what it adds to the command line, what it does."""

    help: str
    add: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    for name, action in _ACTIONS.items():
        sub = actions.add_parser(
            name, help=action.help, description=action.help[0].upper() + action.help[1:] + ".", allow_abbrev=False
        )
        action.add(sub)
        # Both are the verb's own too; here they may also stand after the action, and do not undo what stands before.
        sub.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings")
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error happened")


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _validate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policies", metavar="POLICY", nargs="+", help=_POLICY)
    add_output(parser)


def _test(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policies", metavar="POLICY", nargs="+", help=_POLICY)
    parser.add_argument(
        "--cases",
        metavar="FILE",
        action="append",
        default=[],
        help="test cases (default: NAME.test.yaml beside NAME.yaml, or a folder's *.test.yaml)",
    )
    parser.add_argument("--coverage", action="store_true", help="fail if no case makes some rule fire")
    add_output(parser)


def _simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="POLICY", help=f"the draft of {_POLICY}")
    parser.add_argument(
        "inventories",
        metavar="INVENTORY|DIR",
        nargs="+",
        help="what `hullmark scan --for-policies -o json=FILE` wrote, or folders of it",
    )
    parser.add_argument("--against", metavar="POLICY", help="the policy in force, to show what would change")
    parser.add_argument("--environment", metavar="NAME", default="", help="where the images are to run")
    parser.add_argument("--at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z")
    parser.add_argument("--all", action="store_true", help="list also images of which the verdict stays")
    add_advisory_options(parser)
    add_output(parser)


def _keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="POLICY", help="the policy, native or Anchore's, or a folder of them")
    parser.add_argument("--name", metavar="NAME", default="", help="what to keep it under (default: its own name)")
    parser.add_argument("--at", metavar="TIME", help="since when it is in force (default: now)")
    add_policy_options(parser)
    add_output(parser)


def _kept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="which policies; none: all")
    add_policy_options(parser)
    add_output(parser)


def _convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="BUNDLE", help="an Anchore policy bundle, format 1_0 or 2")
    parser.add_argument(
        "--file", metavar="FILE", default="", help="where the native policy goes (default: standard output)"
    )


def _gates(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "markdown")


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="GATE[.TRIGGER]", nargs="*", help="which; none: all")
    add_output(parser)


def _schema(parser: argparse.ArgumentParser) -> None:
    del parser  # it takes none of its own


_ACTIONS = {
    "validate": _Action("name every mistake in policies", _validate, policy_look.validate),
    "test": _Action("judge the test cases beside a policy", _test, policy_try.test),
    "simulate": _Action("show what a draft would make of known images", _simulate, policy_try.simulate),
    "keep": _Action("keep a policy as the version in force from now on", _keep, policy_keep.keep),
    "kept": _Action("list the versions of policies that are kept", _kept, policy_keep.kept),
    "convert": _Action("write a native policy for an Anchore policy bundle", _convert, policy_convert.convert),
    "gates": _Action("list every trigger; as markdown, the reference page", _gates, policy_look.gates),
    "describe": _Action("show what triggers do, and their parameters", _describe, policy_look.describe),
    "schema": _Action("print the JSON schema of policies, for editors", _schema, policy_look.schema),
}
