"""`hullmark policy`: write, check, test and try policies."""

from __future__ import annotations

import argparse

from hullmark.cli import policy_convert, policy_init, policy_keep, policy_look, policy_try
from hullmark.cli.remote import policy as on_server
from hullmark.cli.remote.actions import Action, add_action, add_other_names
from hullmark.cli.rows import add_output
from hullmark.cli.server_options import add_server_options, add_timeout
from hullmark.cli.settings import add_advisory_options, add_policy_options

NAME = "policy"
HELP = "write, check, test, try out and activate policies"
EPILOG = """\
add, list, show, versions, active, activate, deactivate and delete are about the policies of a server (--server); simulate works there
where it is given no inventories, and all else on this machine. `hullmark policy ACTION --help` says more of each.
"""

_POLICY = "the policy: a file, or a folder whose files are read as one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_server_options(parser, with_trust=True)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    for name, action in _ACTIONS.items():
        add_action(actions, name, action, is_remote=name in _ON_SERVER)
    add_other_names(actions)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    if arguments.action not in _ON_SERVER and arguments.server:
        from hullmark.model.errors import HullmarkError

        raise HullmarkError(f"policy {arguments.action} works on this machine", advice="leave --server out")
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
    parser.add_argument(
        "policy", metavar="POLICY", help=f"the draft of {_POLICY}; on a server a file, or a policy's name"
    )
    parser.add_argument(
        "inventories",
        metavar="INVENTORY|DIR",
        nargs="*",
        help="what `hullmark scan --for-policies -o json=FILE` wrote, or folders of it; none: all images of the account on the server",
    )
    parser.add_argument("--against", metavar="POLICY", help="the policy in force, to show what would change")
    parser.add_argument("--environment", metavar="NAME", default="", help="where the images are to run")
    parser.add_argument("--at", metavar="TIME", help="the moment that counts as now, as 2026-03-01T12:00:00Z")
    parser.add_argument("--all", action="store_true", help="list also images of which the verdict stays")
    add_timeout(parser)
    add_advisory_options(parser)
    add_output(parser)


def _keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="POLICY", help="the policy, native or Anchore's, or a folder of them")
    parser.add_argument("--name", metavar="NAME", default="", help="what to keep it under (default: its own name)")
    parser.add_argument("--at", metavar="TIME", help="since when it is in force (default: now)")
    add_policy_options(parser)
    add_output(parser)


def _add_list_arguments(parser: argparse.ArgumentParser) -> None:
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


def _run_simulation(arguments: argparse.Namespace) -> int:
    """Here for inventories of this machine, else on the server."""
    if not arguments.inventories:
        return on_server.simulate(arguments)
    if arguments.server:
        from hullmark.model.errors import HullmarkError

        raise HullmarkError("a server tries drafts on its own images", advice="leave the inventories out, or --server")
    return policy_try.simulate(arguments)


_ACTIONS = {
    "init": Action("write a policy to begin with, and its test cases", policy_init.add_arguments, policy_init.init),
    "validate": Action("name every mistake in policies", _validate, policy_look.validate),
    "test": Action("judge the test cases beside a policy", _test, policy_try.test),
    "simulate": Action("show what a draft would make of known images", _simulate, _run_simulation),
    "keep": Action("keep a policy as the version in force from now on", _keep, policy_keep.keep),
    "kept": Action("list the versions of policies that are kept", _add_list_arguments, policy_keep.list_versions),
    "convert": Action("write a native policy for an Anchore policy bundle", _convert, policy_convert.convert),
    "gates": Action("list every trigger; as markdown, the reference page", _gates, policy_look.gates),
    "describe": Action("show what triggers do, and their parameters", _describe, policy_look.describe),
    "schema": Action("print the JSON schema of policies, for editors", _schema, policy_look.schema),
    **on_server.ACTIONS,
}
_ON_SERVER = {"simulate", *on_server.ACTIONS}
