"""`hullmark serve`: the server on this machine, or one of its roles."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.server.stories.settings import Settings

NAME = "serve"
HELP = "run the server: API, worker, scheduler and database"
EPILOG = """\
settings come from HULLMARK_… variables; docs/how-to/run-the-server.md has them all
  HULLMARK_DATABASE_URL   postgresql://… (default: an embedded PostgreSQL below --data)
  HULLMARK_OBJECTS        where documents are: a folder, s3://BUCKET/PREFIX, gs://…, az://… (default: below --data)
  HULLMARK_WORKERS        how many workers run on this machine (default: 1)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--data", metavar="DIR", help="where all state is kept [HULLMARK_DATA]")
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="where the API answers (default: 127.0.0.1:8228) [HULLMARK_LISTEN]"
    )
    parser.add_argument(
        "--role",
        choices=("all", "api", "worker", "scheduler"),
        default="all",
        help="run only this, over HULLMARK_DATABASE_URL and HULLMARK_OBJECTS",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop."""
    import gc
    import os

    from hullmark.cli.extras import server_extra

    gc.enable()  # a server lives long
    with server_extra():
        from hullmark.server.stories.settings import settings_from
    settings = settings_from(os.environ, data=arguments.data, listen=arguments.listen)
    if arguments.role == "all":
        _serve_all(settings)
    else:
        with server_extra():
            from hullmark.server.process.process import run_role
        run_role(arguments.role, settings)
    return 0


def _serve_all(settings: Settings) -> None:
    import asyncio

    from hullmark.cli.extras import server_extra

    with server_extra():
        from hullmark.server.logs import set_up
        from hullmark.server.process.supervisor import serve
    set_up(settings.log_level)
    _say(f"all state is kept in {settings.data}")
    asyncio.run(serve(settings, _say))


def _say(line: str) -> None:
    import sys

    sys.stderr.write(f"hullmark: {line}\n")
    sys.stderr.flush()
