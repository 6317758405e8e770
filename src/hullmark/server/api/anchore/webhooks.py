"""Tests of webhooks: through the account's channels that speak as Anchore does."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark.notify.anchore import CHANNEL, TYPES
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.caller import Caller
from hullmark.server.stories.muting import require_unmuted
from hullmark.server.stories.notice.notices import sample_notice
from hullmark.server.stories.notice.sending import send
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.notice import channels, deliveries

_WRITE: dict[str, Any] = {"permission": "notices:write"}
_MOST = 20
_SECONDS = 30.0


@post("/system/webhooks/{kind:str}/test", status_code=200, opt={**_WRITE, "fails": (502,)})
async def try_webhook(
    kind: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    notification_type: FromQuery[str] = "",
) -> Json:
    """Send a test notification of a type, now, to each channel of the account that sends Anchore's notifications."""
    if notification_type and notification_type not in TYPES:
        raise make_refusal(400, f"{notification_type[:50]!r} is not a notification_type", f"one of {', '.join(TYPES)}")
    type = notification_type or (kind if kind in TYPES else TYPES[0])
    async with services.database.tenant(caller.account_id) as connection:
        rows = await channels.channels(connection, caller.account_id)
    wanted = [row for row in rows if row.kind == CHANNEL.name and row.is_active][:_MOST]
    await require_unmuted(services)
    if not wanted:
        raise missing(f"active channel of the kind {CHANNEL.name}", "add one with POST /api/v1/channels")
    failed: list[str] = []
    until = time.monotonic() + _SECONDS
    for row in wanted:
        if time.monotonic() > until:
            failed.append(f"{row.name}: not tried, since those before it took so long")
            continue
        notice = sample_notice(services.settings, caller.account, services.clock(), str(uuid4()))
        notice = msgspec.structs.replace(notice, cause=msgspec.structs.replace(notice.cause, subject=type))
        attempt = await send(services, row, notice)
        failed += [f"{row.name}: {attempt.error}"] if attempt.outcome != "delivered" else []
        async with services.database.tenant(caller.account_id) as connection:
            if await channels.channel_named(connection, caller.account_id, row.name) is not None:
                await deliveries.log_test(connection, caller.account_id, row.id, UUID(notice.id), attempt)
            details = {"outcome": attempt.outcome}
            await audit.record(connection, caller, "channel.test", "channel", row.name, None, details, origin)
    if failed:
        raise make_refusal(
            502, f"the test did not arrive: {'; '.join(failed)}"[:1000], "look at the channel's settings"
        )
    return {"status": "success", "notification_type": type, "channels": [row.name for row in wanted]}


ROUTES = [try_webhook]
