"""`hullmark db`: the advisories that images are matched with."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from hullmark.cli import db_fetch, db_jars, db_look, db_share
from hullmark.cli.remote.actions import Action, add_action, add_other_names
from hullmark.cli.rows import add_output
from hullmark.cli.settings import add_advisory_options, add_keeping_options, settings_of

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings

NAME = "db"
HELP = "fetch, show, search, compare and share the advisories"
EPILOG = "`hullmark db ACTION --help` says what an action takes."

_SHARED = ("output", "quiet", "db_dir", "snapshot", "advisories")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments. What all actions share may stand before the action as well, and is not shown there."""
    _share(parser)
    for option in parser._actions:
        if option.dest in _SHARED:
            option.help = argparse.SUPPRESS
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    for name, action in _ACTIONS.items():
        add_action(actions, name, action, is_remote=False)
    add_other_names(actions)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _share(parser: argparse.ArgumentParser) -> None:
    add_output(parser)
    parser.add_argument("-q", "--quiet", action="store_const", const="true", help="no progress, only the result")
    add_advisory_options(parser)


def _update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="DIR|URL",
        help="a mirror: a folder or address with HOST/PATH as the upstreams have them",
    )
    parser.add_argument("--feeds", metavar="NAMES", help="only these feeds, with commas (hullmark feeds lists them)")
    parser.add_argument("--anew", action="store_true", help="fetch and read everything again")
    parser.add_argument(
        "--accept-shrinking", action="store_true", help="take a feed's data even if it gives much less than before"
    )
    add_keeping_options(parser)
    _reach(parser)


def _reach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--insecure", action="store_const", const="true", help="plain HTTP, unverified certificates")
    parser.add_argument("--cacert", metavar="FILE", help="certificates to trust besides the system's")


def _sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="FILE", help="sign with this private key (Ed25519, PEM)")


def _believe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust", metavar="FILE", help="accept only what one of these public keys signed (PEM)")
    parser.add_argument("--allow-unsigned", action="store_true", help="accept what nobody signed")
    add_keeping_options(parser)


def _since(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="DIGEST", help="export only what changed since this snapshot")


def _action(
    help: str,
    do: Callable[[argparse.Namespace, Settings], int],
    about: tuple[str, str] | None = None,
    adds: tuple[Callable[[argparse.ArgumentParser], None], ...] = (),
    example: str = "",
) -> Action:
    """An action: what it is about (its name in the usage, its help), what it adds besides what all share, and its example."""

    def add(parser: argparse.ArgumentParser) -> None:
        if about is not None:
            parser.add_argument("arguments", metavar=about[0], nargs="*", help=about[1])
        for add_verb in adds:
            add_verb(parser)
        _share(parser)
        # What stands before the action is not undone by what does not stand behind it.
        for option in parser._actions:
            if option.dest in _SHARED:
                option.default = argparse.SUPPRESS

    return Action(help, add, lambda arguments: do(arguments, settings_of(arguments)), example)


_FILE = ("FILE", "the bundle's file")
_REGISTRY = ("NAME", "a name in a registry, as registry.example.com/advisories:latest")

_ACTIONS = {
    "update": _action(
        "fetch what changed and make a snapshot; status 3 if a feed failed or is held (its last good data stays), 2 if none "
        "could be had",
        db_fetch.update,
        adds=(_update,),
    ),
    "status": _action(
        "show what there is: each namespace's count, age, licence and whether it is whole; feeds that failed or are held",
        db_look.status,
    ),
    "search": _action(
        "show what is known of vulnerabilities or packages",
        db_look.search,
        ("ID|PACKAGE", "CVE-2021-44228, or a package: pypi:django, openssl, pkg:npm/express"),
        example="CVE-2021-44228 pypi:django",
    ),
    "diff": _action(
        "show what changed between two snapshots",
        db_look.diff,
        ("DIGEST|FILE", "the older snapshot, and the newer one (default: that in use)"),
        example="8041f0954dd1",
    ),
    "use": _action(
        "take an earlier snapshot into use",
        db_look.use,
        ("DIGEST", "its digest, or the beginning of it"),
        example="8041f0954dd1",
    ),
    "export": _action(
        "write the snapshot into a bundle, for machines without a network",
        db_share.export,
        ("FILE", "the file to write"),
        (_since, _sign),
        "advisories.bundle --key key.pem",
    ),
    "import": _action(
        "take a bundle's snapshot into use", db_share.bring, _FILE, (_believe,), "advisories.bundle --trust key.pub.pem"
    ),
    "push": _action(
        "put the snapshot into a registry, as an OCI artifact",
        db_share.push,
        _REGISTRY,
        (_sign, _reach),
        "registry.example.com/advisories:latest --key key.pem",
    ),
    "pull": _action(
        "take a registry's snapshot into use",
        db_share.pull,
        _REGISTRY,
        (_believe, _reach),
        "registry.example.com/advisories:latest --trust key.pub.pem",
    ),
    "jars": _action(
        "show the index that names Java archives by SHA-1, or import one in its place: a list, or Trivy's Java database",
        db_jars.jars,
        ("FILE", "lines `SHA1 GROUP:ARTIFACT:VERSION`, or trivy-java.db"),
        example="trivy-java.db",
    ),
}
