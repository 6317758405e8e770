"""`hullmark migrate`: the server's database into the form that this version works with."""

from __future__ import annotations

import argparse

NAME = "migrate"
HELP = "bring the server's database (HULLMARK_DATABASE_URL) into the form of this version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--check", action="store_true", help="only say whether it is; status 1 if it is not")


def run(arguments: argparse.Namespace) -> int:
    """Migrate, and say from where to where."""
    import os

    from hullmark.cli.extras import server_extra
    from hullmark.model.errors import HullmarkError

    with server_extra():
        from hullmark.store.migrate import form_of, migrate, newest_form
    url = os.environ.get("HULLMARK_DATABASE_URL", "")
    if not url:
        raise HullmarkError("there is no database to migrate", advice="set HULLMARK_DATABASE_URL=postgresql://…")
    before = form_of(url)
    if arguments.check:
        print(f"the database has the form {before or '(empty)'}; the newest is {newest_form()}")
        return 0 if before == newest_form() else 1
    after = migrate(url)
    print(f"the database had the form {before or '(empty)'} and has {after} now")
    return 0
