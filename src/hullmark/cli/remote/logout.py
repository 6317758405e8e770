"""`hullmark logout`: revoke the key that `hullmark login` made, and forget it."""

from __future__ import annotations

import argparse
import sys

from hullmark.cli.server_options import add_server_options
from hullmark.cli.settings import settings_of

NAME = "logout"
HELP = "forget the key for a server, and revoke it there"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("url", metavar="URL", nargs="?", default="", help="the server (default: the only one)")
    parser.add_argument("--keep-key", action="store_true", help="do not revoke the key on the server")
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Revoke, and forget; what cannot be revoked is forgotten all the same."""
    from hullmark.cli.remote.connection import http_settings
    from hullmark.cli.remote.servers import Servers
    from hullmark.model.errors import HullmarkError
    from hullmark.net.api_client import ApiClient, ApiLogin, segment, server_url
    from hullmark.report.terminal import safe

    settings = settings_of(arguments)
    servers = Servers(settings.config_folder())
    known = servers.all()
    named = arguments.url or settings.server() or (next(iter(known)) if len(known) == 1 else "")
    url = server_url(named, insecure=True) if named else ""
    kept = known.get(url)
    if kept is None:
        there = f"you are signed in to {', '.join(known)}" if known else "you are signed in to none"
        raise HullmarkError(f"there is no key for {url}" if url else "which server?", advice=there)
    trouble = ""
    if kept.key_name and not arguments.keep_key:
        login = ApiLogin(key=kept.api_key, account=kept.account)
        try:
            ApiClient(url, login, http_settings(settings, kept)).json("DELETE", f"/keys/{segment(kept.key_name)}")
        except HullmarkError as error:
            trouble = f"hullmark: the key {kept.key_name} is still good there: {error}"
    servers.forget(url)
    if trouble:
        sys.stderr.write(f"{safe(trouble)}\n")
    sys.stdout.write(f"signed out of {safe(url)}\n")
    return 0
