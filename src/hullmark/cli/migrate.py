"""`hullmark migrate`: the server's database into the form that this version works with, and its first person."""

from __future__ import annotations

import argparse

NAME = "migrate"
HELP = "bring a server's database into the form of this version"
EPILOG = """\
HULLMARK_DATABASE_URL names the database of a server of several machines
the first person is `admin`, with HULLMARK_ADMIN_PASSWORD, or with a password that is written into a file below the data folder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--check", action="store_true", help="only say whether it is; status 1 if it is not")
    parser.add_argument("--data", metavar="DIR", help="where the first password is written [HULLMARK_DATA]")


def run(arguments: argparse.Namespace) -> int:
    """Migrate, and say from where to where."""
    import os

    from hullmark.cli.extras import server_extra
    from hullmark.model.errors import HullmarkError

    with server_extra():
        import asyncio

        from hullmark.server.process.process import first_start
        from hullmark.server.stories.services import services_for
        from hullmark.server.stories.settings import settings_from
        from hullmark.server.tables.forms import form_of, newest_form
        from hullmark.server.tables.migrate import migrate
    settings = settings_from(os.environ, data=arguments.data)
    url = settings.database_url
    if not url:
        raise HullmarkError("there is no database to migrate", advice="set HULLMARK_DATABASE_URL=postgresql://…")
    before = form_of(url)
    if arguments.check:
        print(f"the database has the form {before or '(empty)'}; the newest is {newest_form()}")
        return 0 if before == newest_form() else 1
    after = migrate(url)
    print(f"the database had the form {before or '(empty)'} and has {after} now")
    if password := asyncio.run(first_start(services_for(settings, dict(os.environ), connections=1))):
        print(f"the first person is admin; the password is in {password}")
    return 0
