"""Images that run and that nobody added are added, where the account wants that."""

from __future__ import annotations

import structlog

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.server.stories.images.register import ImageRegistration, add
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.places import started
from hullmark.server.tables.places.started import UnknownImage

_log = structlog.get_logger("hullmark.worker")
_BY = "places"


async def add_running(services: Services, account_id: int, number: int) -> None:
    """Add an image that runs, by its number among those; what cannot be done is told as an event."""
    async with services.database.tenant(account_id) as connection:
        image = await started.unknown_image(connection, account_id, number)
    if image is None:
        return
    try:
        reference = _format_reference(image)
        platform = f"linux/{image.architecture}" if image.architecture else ""
        wanted = ImageRegistration(reference=reference, platform=platform, watch=False)
        await add(services, account_id, wanted, _BY)
    except HullmarkError as error:
        _log.info("not added", account=account_id, image=image.reference, reason=str(error))
        body = {"reference": image.reference, "digest": image.digest, "reason": str(error)[:500]}
        async with services.database.tenant(account_id) as connection:
            await events.tell(
                connection, account_id, "place.not_added", ("image", image.digest or image.reference), body, "error"
            )


def _format_reference(image: UnknownImage) -> str:
    """The reference with the digest that runs, where one is known: its tag may lead elsewhere by now."""
    named = parse_reference(image.reference)
    return str(named) if not image.digest or named.digest else f"{named.host}/{named.repository}@{image.digest}"
