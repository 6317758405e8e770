"""What the server's stories are handed: where state is, what encrypts, and what time it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from hullmark.model.image import Platform
from hullmark.net.guard import Guard, parse_networks
from hullmark.net.http import HttpSettings
from hullmark.net.trust import Trust
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.stories.settings import Settings
from hullmark.server.stories.vault import Vault, open_vault
from hullmark.server.tables.database import Database
from hullmark.server.tables.notice.turns import Turns
from hullmark.source import SourceOptions
from hullmark.source.cloud_logins import CloudLogins
from hullmark.source.clouds import clouds_of


def _now() -> datetime:
    return datetime.now(UTC)


class Services:
    """Database, object store, settings, keys, clock, what outgoing requests may reach, and for which channels this process acts.

    It is not a msgspec struct on purpose: the framework would look into each of its fields for every request.
    """

    __slots__ = ("clock", "cloud_logins", "database", "guard", "objects", "settings", "turns", "vault")

    def __init__(
        self,
        *,
        database: Database,
        objects: Objects,
        settings: Settings,
        vault: Vault,
        guard: Guard,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.database = database
        self.turns = Turns(database)
        self.objects = objects
        self.settings = settings
        self.vault = vault
        self.guard = guard
        self.clock = clock
        self.cloud_logins: CloudLogins | None = None


def services_for(
    settings: Settings, environment: dict[str, str], *, connections: int = 10, hurried: int = 0
) -> Services:
    """The services of these settings; the database is not opened yet. Raises HullmarkError for what cannot be used."""
    services = Services(
        database=Database(settings.database_url, most=connections, hurried=hurried),
        objects=open_objects(settings.objects_url, environment),
        settings=settings,
        vault=open_vault(settings.key_path),
        guard=Guard(parse_networks(settings.allow_addresses)),
    )
    services.cloud_logins = _cloud_logins(settings, environment)
    return services


def _cloud_logins(settings: Settings, environment: dict[str, str]) -> CloudLogins | None:
    clouds = clouds_of(settings.cloud_logins)
    http = HttpSettings(trust=Trust(environment=environment), environment=environment, timeout=20.0, retries=2)
    return CloudLogins(clouds, http) if clouds else None


def outgoing(services: Services, platform: Platform | None = None) -> SourceOptions:
    """How registries are asked: guarded, without this machine's own logins but those of clouds that the operator allowed, proxies aside."""
    return SourceOptions(
        platform=platform,
        auth_files=(),
        guard=services.guard,
        cloud_logins=services.cloud_logins,
        timeout=20.0,
        retries=2,
    )
