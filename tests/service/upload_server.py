"""The real interface in a process of its own: standard input is its socket, LIMITS its argument; settings from the environment."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import msgspec
import uvicorn

from hullmark.server.api.app import create_app
from hullmark.server.api.protocol import ConnectionLimits, protocol_class
from hullmark.server.stories.identity.bootstrap import bootstrap
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import settings_from


async def _prepared(services: Services) -> None:
    async with services.database:
        await bootstrap(services)


def main() -> None:
    settings = settings_from(os.environ)
    asyncio.run(_prepared(services_for(settings, dict(os.environ), connections=2)))
    app = create_app(services_for(settings, dict(os.environ)))
    limits = msgspec.json.decode(sys.argv[1], type=ConnectionLimits)
    config = uvicorn.Config(app, http=protocol_class(limits), ws="none", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=sys.stdin.fileno())])


if __name__ == "__main__":
    main()
