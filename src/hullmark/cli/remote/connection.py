"""From the settings of a run to a client of the server that it names."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from hullmark.cli.remote.servers import KeptLogin, Servers
from hullmark.cli.setting_names import PASSWORD, USER
from hullmark.cli.settings import Settings, settings_of
from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiClient, ApiLogin, server_url

if TYPE_CHECKING:
    from hullmark.net.http import HttpSettings

_NO_SERVER = "name it by --server URL or HULLMARK_SERVER, or sign in: hullmark login URL"


def connect(arguments: argparse.Namespace, settings: Settings | None = None) -> ApiClient:
    """The client for this run: of the server that is named, else of the only one that there is a login for. Raises HullmarkError."""
    settings = settings or settings_of(arguments)
    servers = Servers(settings.config_folder())
    named = settings.server()
    if not named:
        known = servers.all()
        if len(known) != 1:
            what = "which of the servers that you are signed in to?" if known else "which server?"
            raise HullmarkError(what, advice=_NO_SERVER)
        named = next(iter(known))
    return client_for(named, settings, servers)


def client_for(named: str, settings: Settings, servers: Servers) -> ApiClient:
    """The client of one server, signed in as the environment, the settings or `hullmark login` have it."""
    # Whether plain HTTP will do may stand with the login that is looked up by the address.
    url = server_url(named, insecure=True)
    kept = None if _names_login(settings) else servers.all().get(url)
    url = server_url(named, insecure=bool(settings.get("insecure")) or (kept is not None and kept.insecure))
    return ApiClient(url, _login(settings, kept), http_settings(settings, kept))


def http_settings(settings: Settings, kept: KeptLogin | None = None) -> HttpSettings:
    """How connections are made: proxies and CAs as for registries."""
    from hullmark.net.http import HttpSettings
    from hullmark.net.trust import Trust

    trust = Trust(
        ca_file=settings.get("cacert") or (kept.cacert if kept else "") or None,
        insecure=bool(settings.get("insecure")) or (kept is not None and kept.insecure),
        environment=settings.environment,
    )
    return HttpSettings(trust=trust, environment=settings.environment)


def _names_login(settings: Settings) -> bool:
    return bool(settings.get("api_key") or settings.environment.get(USER.variable))


def _login(settings: Settings, kept: KeptLogin | None) -> ApiLogin:
    account = settings.get("account") or ""
    if key := settings.get("api_key"):
        return ApiLogin(key=str(key).strip(), account=account)
    environment = settings.environment
    if user := environment.get(USER.variable):
        return ApiLogin(user=user, password=environment.get(PASSWORD.variable, ""), account=account)
    if kept is not None:
        return ApiLogin(key=kept.api_key, account=account or kept.account)
    return ApiLogin(account=account)


def patient(api: ApiClient, seconds: float) -> ApiClient:
    """The same client, waiting longer for an answer."""
    return ApiClient(api.url, api.login, replace(api.settings, timeout=seconds))
