"""`hullmark login`: make a key on a server, and keep it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.server_options import add_server_options
from hullmark.cli.setting_names import PASSWORD, USER
from hullmark.cli.settings import Settings, settings_of

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

WORKLOAD_AUDIENCE = "hullmark"

NAME = "login"
HELP = "sign in to a server, and keep an API key for it"
EPILOG = """\
name and password are asked for, or read from standard input (a line each), or come from HULLMARK_USER and HULLMARK_PASSWORD;
the password is not kept, and the key stands in ~/.config/hullmark/servers.yaml, which nobody else can read
with --oidc a CI job signs in without any key: docs/how-to/gate-in-ci.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        default="",
        help="the server, as https://hullmark.example.com (default: --server)",
    )
    parser.add_argument("--user", metavar="NAME", default="", help="who signs in (default: asked for)")
    parser.add_argument("--key-name", metavar="NAME", default="", help="what the key is called on the server")
    parser.add_argument(
        "--role", metavar="ROLE", default="", help="the key's role: viewer, ci, analyst … (default: your own)"
    )
    parser.add_argument("--expires", metavar="TIME", help="until when the key is good, as 2026-12-31 (default: no end)")
    parser.add_argument(
        "--with-key", action="store_true", help="keep a key that there is already, read from standard input"
    )
    parser.add_argument(
        "--oidc",
        metavar="AUDIENCE",
        nargs="?",
        const=WORKLOAD_AUDIENCE,
        default="",
        help="sign in as a CI job by the token that it has of its platform (GitHub Actions, or HULLMARK_ID_TOKEN as of GitLab); "
        "AUDIENCE is what GitHub is asked for (default: hullmark)",
    )
    add_server_options(parser, with_trust=True)


def run(arguments: argparse.Namespace) -> int:
    """Sign in, make a key, keep it."""
    from hullmark.cli.remote.servers import KeptLogin, Servers
    from hullmark.report.terminal import safe

    settings = settings_of(arguments)
    account = str(settings.get("account") or "")
    if arguments.oidc:
        from hullmark.cli.remote.workload_login import exchange_token

        key, name = exchange_token(_client(settings, arguments.url, account), settings, account, arguments.oidc), ""
        api = _client(settings, arguments.url, account, key=key)
        myself = api.get("/whoami")
    elif arguments.with_key:
        from hullmark.cli.remote.asking import prompt_value

        key, name = prompt_value("API key").strip(), ""
        api = _client(settings, arguments.url, account, key=key)
        myself = api.get("/whoami")
    else:
        api, myself, made = _made_key(arguments, settings, account)
        key, name = str(made["key"]), str(made["name"])
    kept = KeptLogin(
        api_key=key,
        key_name=name,
        account=account,
        cacert=str(Path(ca).absolute()) if (ca := settings.get("cacert")) else "",
        insecure=bool(settings.get("insecure")),
    )
    servers = Servers(settings.config_folder())
    servers.put(api.url, kept)
    who = safe(f"{myself['name']} in {myself['account']}")
    sys.stdout.write(f"signed in to {safe(api.url)} as {who}; the key is in {safe(str(servers.path))}\n")
    return 0


def _client(settings: Settings, url: str, account: str, **login: str) -> ApiClient:
    from hullmark.cli.remote.connection import http_settings
    from hullmark.net.api_client import ApiClient, ApiLogin, server_url

    address = server_url(url or settings.server(), insecure=bool(settings.get("insecure")))
    return ApiClient(address, ApiLogin(account=account, **login), http_settings(settings))


def _made_key(
    arguments: argparse.Namespace, settings: Settings, account: str
) -> tuple[ApiClient, dict[str, Any], dict[str, Any]]:
    from hullmark.cli.remote.asking import prompt_value
    from hullmark.net.api_client import ApiRefused

    environment = settings.environment
    user = arguments.user or environment.get(USER.variable) or prompt_value("name", is_secret=False)
    # The environment's password is that of the environment's person.
    is_environments = user == environment.get(USER.variable)
    password = (environment.get(PASSWORD.variable) if is_environments else "") or prompt_value("password")
    api = _client(settings, arguments.url, account, user=user, password=password)
    myself = api.get("/whoami")
    try:
        made = api.json("POST", "/keys", document=_key_request(arguments, myself, user))
    except ApiRefused as error:
        if error.status != 403:
            raise
        advice = f"have an admin make one (hullmark key add NAME --role {myself['role']}), then: hullmark login URL --with-key"
        raise ApiRefused(f"you may not make a key: {error}", advice=advice, status=403) from error
    return api, myself, made


def _key_request(arguments: argparse.Namespace, myself: dict[str, Any], user: str) -> dict[str, Any]:
    """The key to be made: it acts for the person, and may what the person may."""
    import secrets

    is_operator = bool(myself["is_operator"]) and not arguments.role
    request: dict[str, Any] = {
        "name": arguments.key_name or f"{user}-{secrets.token_hex(4)}",
        "role": arguments.role or ("admin" if is_operator else myself["role"]),
        "person": user,
        "scopes": myself["permissions"] if is_operator else [],
    }
    if arguments.expires:
        from hullmark.cli.settings import moment

        request["expires_at"] = moment(arguments.expires, "--expires").isoformat()
    return request
