"""`hullmark restore`: put a backup back."""

from __future__ import annotations

import argparse

NAME = "restore"
HELP = "restore a backup of a server into an empty place"
EPILOG = """\
HULLMARK_DATABASE_URL and HULLMARK_OBJECTS name the database and the object store of a server of several machines
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("backup", metavar="BACKUP", help="the folder or file that `hullmark backup` wrote")
    parser.add_argument("--data", metavar="DIR", help="where the server keeps its state [HULLMARK_DATA]")
    parser.add_argument(
        "--unmuted",
        action="store_true",
        help="have it tell people, watch and fetch at once: the server that the backup is of is gone",
    )
    parser.add_argument("--force", action="store_true", help="replace a database that is not empty")


def run(arguments: argparse.Namespace) -> int:
    """Put it back, and say what came."""
    import os
    from pathlib import Path

    from hullmark.cli.extras import server_extra

    with server_extra():
        from hullmark.server.stories.backup.restore import restore
        from hullmark.server.stories.settings import settings_from
    settings = settings_from(os.environ, data=arguments.data)
    done = restore(settings, os.environ, Path(arguments.backup), force=arguments.force, unmuted=arguments.unmuted)
    print(
        f"{arguments.backup} of {done.told.made_at} is back: {done.written.objects:,} objects of {done.written.bytes:,} bytes,"
        f" the database in form {done.form}"
    )
    if not arguments.unmuted:
        print("it is muted: it sends, watches and fetches nothing until you say `hullmark system unmute`")
    return 0
