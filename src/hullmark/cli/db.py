"""`hullmark db`: the advisories that images are matched with."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from hullmark.cli import db_fetch, db_look, db_share
from hullmark.cli.rows import add_output
from hullmark.cli.settings import add_advisory_options, add_keeping_options, settings_of

if TYPE_CHECKING:
    from hullmark.cli.settings import Settings

NAME = "db"
HELP = "fetch, show, search, compare and share the advisories"

EPILOG = """\
actions
  update                     fetch what changed and make a snapshot; status 3 if a feed failed or is held (its last good data
                             stays), 2 if none could be had
  status                     what there is: each namespace's count, age, licence and whether it is whole; feeds that failed or are held
  search ID|PACKAGE          what is known of a vulnerability or package
  diff DIGEST|FILE [DIGEST|FILE]   what changed between two snapshots
  use DIGEST                 take an earlier snapshot into use
  export FILE                write the snapshot into a bundle, for machines without a network
  import FILE                take a bundle's snapshot into use
  push NAME                  put the snapshot into a registry, as an OCI artifact
  pull NAME                  take a registry's snapshot into use
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("action", metavar="ACTION", choices=tuple(_ACTIONS), help="see below")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs="*", help="what the action is about")
    add_output(parser)
    group = parser.add_argument_group("update")
    group.add_argument(
        "--from",
        dest="origin",
        metavar="DIR|URL",
        help="a mirror: a folder or address with HOST/PATH as the upstreams have them",
    )
    group.add_argument("--feeds", metavar="NAMES", help="only these feeds, with commas (hullmark feeds lists them)")
    group.add_argument("--anew", action="store_true", help="fetch and read everything again")
    group.add_argument(
        "--accept-shrinking", action="store_true", help="take a feed's data even if it gives much less than before"
    )
    group = parser.add_argument_group("export, import, push, pull")
    group.add_argument("--since", metavar="DIGEST", help="export only what changed since this snapshot")
    group.add_argument("--key", metavar="FILE", help="sign with this private key (Ed25519, PEM)")
    group.add_argument("--trust", metavar="FILE", help="accept only what one of these public keys signed (PEM)")
    group.add_argument("--allow-unsigned", action="store_true", help="accept what nobody signed")
    group.add_argument("--insecure", action="store_const", const="true", help="plain HTTP, unverified certificates")
    group.add_argument("--cacert", metavar="FILE", help="certificates to trust besides the system's")
    add_keeping_options(parser)
    parser.add_argument("-q", "--quiet", action="store_const", const="true", help="no progress, only the result")
    add_advisory_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action](arguments, settings_of(arguments))


_ACTIONS: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
    "update": db_fetch.update,
    "status": db_look.status,
    "search": db_look.search,
    "diff": db_look.diff,
    "use": db_look.use,
    "export": db_share.export,
    "import": db_share.bring,
    "push": db_share.push,
    "pull": db_share.pull,
}
