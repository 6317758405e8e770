"""Repositories in registries, asked with an account's login: their tags, and manifests as they are there."""

from __future__ import annotations

import asyncio

from hullmark.model.reference import Reference
from hullmark.server.stories.images.logins import RegistryLogin, asking, login_for
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.registries import registries
from hullmark.source.distribution import sessions_for
from hullmark.source.tag_list import all_tags


async def tags_of(services: Services, account_id: int, repository: Reference) -> list[str]:
    """The tags of a repository, sorted, at most MOST_TAGS. Raises ImageNotFound, NetError, HullmarkError."""
    login = await _login(services, account_id, repository)

    def look() -> list[str]:
        with asking(services, repository, login) as options:
            _, sessions = sessions_for(repository, options)
            return all_tags(sessions[-1])

    return await asyncio.to_thread(look)


async def manifest_of(services: Services, account_id: int, named: Reference) -> bytes:
    """The bytes of the manifest of a digest, as the registry has it. Raises ImageNotFound, NetError, HullmarkError."""
    login = await _login(services, account_id, named)

    def look() -> bytes:
        with asking(services, named, login) as options:
            _, sessions = sessions_for(named, options)
            return sessions[-1].manifest(named.digest)

    return await asyncio.to_thread(look)


async def _login(services: Services, account_id: int, named: Reference) -> RegistryLogin | None:
    async with services.database.tenant(account_id) as connection:
        rows = await registries(connection, account_id)
    return login_for(rows, named, account_id, services.vault)
