"""`hullmark backup`: all that a server keeps, into a folder or a file."""

from __future__ import annotations

import argparse

NAME = "backup"
HELP = "back up a server: its database and object store"
EPILOG = """\
HULLMARK_DATABASE_URL and HULLMARK_OBJECTS name the database and the object store of a server of several machines
the server may run meanwhile; docs/how-to/back-up-the-server.md says how to put a backup back
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--data", metavar="DIR", help="where the server keeps its state [HULLMARK_DATA]")
    parser.add_argument(
        "--to", metavar="TARGET", required=True, help="a new folder, or a new file whose name ends in .tar"
    )
    parser.add_argument(
        "--objects",
        choices=("copy", "list"),
        help="copy objects into the backup, or list them (default: copy those of a folder, list those that a bucket keeps)",
    )
    parser.add_argument("--with-secret-key", action="store_true", help="put the secret key into the backup too")


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say what it holds."""
    import os
    import sys
    from pathlib import Path

    from hullmark.cli.extras import server_extra

    with server_extra():
        from hullmark.server.stories.backup.backup import back_up
        from hullmark.server.stories.settings import settings_from
    settings = settings_from(os.environ, data=arguments.data)
    copy = None if arguments.objects is None else arguments.objects == "copy"
    made = back_up(settings, os.environ, Path(arguments.to), copy=copy, with_key=arguments.with_secret_key)
    did = "copied" if made.told.copied else "listed; their bucket must keep them"
    print(
        f"{made.path}: the database in form {made.told.form}, {made.written.objects:,} objects of {made.written.bytes:,} bytes ({did})"
    )
    if made.key_apart is None:
        sys.stderr.write("hullmark: the secret key is in the backup: who has it can read every stored credential\n")
    else:
        sys.stderr.write(
            f"hullmark: the secret key is not in the backup: keep {made.key_apart} elsewhere\n"
            "  without it no stored credential can be read again\n"
        )
    return 0
