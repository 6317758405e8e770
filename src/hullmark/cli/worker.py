"""`hullmark worker`: one worker of a server on other machines."""

from __future__ import annotations

import argparse

NAME = "worker"
HELP = "run one more worker of a server"
EPILOG = """\
HULLMARK_DATABASE_URL and HULLMARK_OBJECTS name the database and the object store of a server of several machines
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--data", metavar="DIR", help="where snapshots of advisories are copied to [HULLMARK_DATA]")


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop."""
    from hullmark.cli import serve

    return serve.run(argparse.Namespace(data=arguments.data, listen=None, role="worker"))
