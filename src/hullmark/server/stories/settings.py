"""The server's settings, from HULLMARK_… variables."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.guard import parse_networks
from hullmark.source.clouds import clouds_of

ROLES = ("api", "worker", "scheduler")

REQUEST_LIMIT = Limit(
    4 << 20, "bytes of a request where the route names no other limit", "refused", option="HULLMARK_REQUEST_LIMIT"
)
KEY_FILE = "secret.key"
_STATE = "/var/lib"
_WATCH_EVERY = (10, 604_800)
_SIGNATURES_EVERY = (60, 2_592_000)
_LONGEST_SESSION = 31_536_000
_DEFAULT_LISTEN = "127.0.0.1:8228"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the server runs.

    `data` is the folder of everything that is not elsewhere. `database_url` is "" for the embedded PostgreSQL, `objects` "" for a folder
    below `data`. `secret_key_file` holds the key that credentials are encrypted by ("": below `data`). `allow_addresses` are networks that
    outgoing requests may reach although they are loopback, link-local or metadata services'. `workers` is how many worker processes
    `serve` runs. `upload_limit` is in bytes, `lease` and `silence` in seconds: how long a worker may be silent before
    another takes its image or its job. `keep_days` is how long images without a tag are kept (0: for ever), `keep_places` for how many days
    it is known what ran where (0: for ever), `keep_snapshots` how many snapshots of advisories. `grace` is the age in seconds
    at which an object that nothing names is removed.
    `feeds` says where advisories come from: "" from nowhere, "default" from their upstreams, else a mirror's URL or folder; they are
    fetched every `feeds_every` seconds. `advisory_keys` is a file or folder of public keys (PEM) one of which must have signed bundles of
    advisories that are sent in ("": operators may send unsigned ones). `signing_key` signs verdicts: a private key (PEM), or `exec:PROGRAM`
    ("": none are signed); they hold for `signed_for` seconds. `snapshot_limit` is in bytes. Scans that store nothing take bodies
    of `scan_limit` bytes, `scan_seconds` and `scan_memory` bytes; `scan_slots` run at the same time in each process,
    one less of one account. `registry_parallel`
    images are read at the same time, by all workers together, from a registry whose login sets no number of its own.
    `public_url` is where people reach the server, for links in messages ("": where it listens). `smtp` is the relay for mails,
    `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`, `mail_from` their sender. Messages are tried for `deliver_for` seconds. A watched tag
    is looked at every `watch_every` seconds. Feeds that bring nothing for `stale_after` seconds are told of. What others
    signed about images is looked at every `signatures_every` seconds (0: only when somebody wants it).
    `trusted_proxies` are the networks of proxies whose `X-Forwarded-For` is believed. `metrics_listen` is where each role answers
    anybody's requests for `/metrics` and `/healthz` ("": nowhere; where the API answers, metrics need a permission).
    `cloud_logins` names clouds (`ecr,google`) whose registries are logged in to as this server itself: then every account reads what the
    server may read there. Somebody who signs in in a browser stays so for `session_life` seconds, and for `session_idle` without a request;
    `oidc_client` and `oidc_client_secret` are what this server is known by to the identity provider that people sign in with there.
    """

    data: Path
    listen: str = _DEFAULT_LISTEN
    database_url: str = ""
    objects: str = ""
    secret_key_file: str = ""
    admin_password: str = ""
    allow_addresses: str = ""
    trusted_proxies: str = ""
    metrics_listen: str = ""
    workers: int = 1
    upload_limit: int = 64 << 30
    request_limit: int = REQUEST_LIMIT
    body_wait: float = 30.0
    lease: float = 60.0
    silence: float = 60.0
    heartbeat: float = 10.0
    attempts: int = 3
    keep_days: int = 0
    keep_places: int = 400
    keep_snapshots: int = 30
    grace: float = 21_600.0
    rate: int = 600
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_groups: str = ""
    oidc_client: str = ""
    oidc_client_secret: str = ""
    session_idle: float = 43_200.0
    session_life: float = 604_800.0
    clamd: str = ""
    log_level: str = "info"
    feeds: str = ""
    feeds_every: float = 21_600.0
    advisory_keys: str = ""
    signing_key: str = ""
    signed_for: float = 86_400.0
    snapshot_limit: int = 8 << 30
    scan_limit: int = 64 << 20
    scan_seconds: float = 300.0
    scan_memory: int = 2 << 30
    scan_slots: int = 3
    registry_parallel: int = 8
    public_url: str = ""
    smtp: str = ""
    mail_from: str = ""
    deliver_for: float = 259_200.0
    watch_every: int = 300
    stale_after: float = 172_800.0
    signatures_every: float = 3_600.0
    cloud_logins: str = ""

    @property
    def host(self) -> str:
        """The address that is listened on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.listen.rpartition(":")[2])

    @property
    def objects_url(self) -> str:
        """Where the object store is."""
        return self.objects or str(self.data / "objects")

    @property
    def key_path(self) -> Path:
        """Where the key is that credentials are encrypted by."""
        return Path(self.secret_key_file) if self.secret_key_file else self.data / KEY_FILE


def settings_from(environment: Mapping[str, str], *, data: str | None = None, listen: str | None = None) -> Settings:
    """The settings of an environment; `data` and `listen` as flags override it. Raises HullmarkError that names the variable."""
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        variable = f"HULLMARK_{field.name.upper()}"
        if field.name != "data" and (text := environment.get(variable)) is not None:
            given[field.name] = _value(variable, text, field.type)
    folder = data or environment.get("HULLMARK_DATA") or usual_folder(environment, os.geteuid())
    settings = Settings(data=Path(folder).absolute(), **given)
    return _check_settings(msgspec.structs.replace(settings, listen=listen) if listen else settings)


def usual_folder(environment: Mapping[str, str], user: int) -> str:
    """Where the server keeps its state if nobody says: below the home, but for root not below one that others may not pass through, as
    PostgreSQL has to, unless a server has its state there already."""
    home = environment.get("HOME") or _STATE
    below = Path(home, ".local", "share", "hullmark", "server")
    is_open = (
        user != 0 or (below / KEY_FILE).exists() or not Path(home).is_dir() or Path(home).stat().st_mode & stat.S_IXOTH
    )
    return str(below) if is_open else f"{_STATE}/hullmark"


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings."""
    variables = {"HULLMARK_DATA": os.fspath(settings.data)}
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if field.name != "data" and value != field.default:
            variables[f"HULLMARK_{field.name.upper()}"] = str(value)
    return variables


def _value(variable: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise HullmarkError(f"{variable}={text[:100]!r} cannot be used", advice="give a number") from error


def _check_settings(settings: Settings) -> Settings:
    for address in (settings.listen, settings.metrics_listen or _DEFAULT_LISTEN):
        host, colon, port = address.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65_535:
            raise HullmarkError(f"{address!r} is not an address to listen on", advice="write it as HOST:PORT")
    parse_networks(settings.trusted_proxies, "HULLMARK_TRUSTED_PROXIES")
    clouds_of(settings.cloud_logins)
    if settings.workers < 1 or settings.lease <= settings.heartbeat:
        raise HullmarkError(
            "HULLMARK_WORKERS must be at least 1 and HULLMARK_LEASE longer than HULLMARK_HEARTBEAT",
            advice="correct them",
        )
    if not 60 <= settings.session_idle <= settings.session_life <= _LONGEST_SESSION:
        raise HullmarkError(
            "HULLMARK_SESSION_IDLE must be at least 60, and HULLMARK_SESSION_LIFE at least as long and at most a year",
            advice="give both in seconds",
        )
    if settings.signatures_every and not _SIGNATURES_EVERY[0] <= settings.signatures_every <= _SIGNATURES_EVERY[1]:
        bounds = f"0, or from {_SIGNATURES_EVERY[0]} to {_SIGNATURES_EVERY[1]} seconds"
        raise HullmarkError(f"HULLMARK_SIGNATURES_EVERY must be {bounds}", advice="correct it")
    if settings.registry_parallel < 1:
        raise HullmarkError("HULLMARK_REGISTRY_PARALLEL must be at least 1", advice="correct it")
    if not _WATCH_EVERY[0] <= settings.watch_every <= _WATCH_EVERY[1]:
        bounds = f"from {_WATCH_EVERY[0]} to {_WATCH_EVERY[1]}"
        raise HullmarkError(f"HULLMARK_WATCH_EVERY must be {bounds} seconds", advice="correct it")
    return settings
