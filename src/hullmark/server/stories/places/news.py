"""What people hear of places: uncertified images that start, drift of containers, weaknesses of hosts, problems of collectors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hullmark.model.limit import Limit
from hullmark.model.notice import Cause, Evidence, Transition, TransitionKind
from hullmark.model.place import InventoryReport, PlaceEvent
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.places.reported import in_time
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.places import granted, started
from hullmark.server.tables.places.collectors import CollectorRow
from hullmark.server.tables.places.intake import Differences, Source
from hullmark.server.tables.places.place_settings import PlaceSettings
from hullmark.server.tables.places.started import ContainerImage, UncertifiedImage

_LONGEST_TEXT = Limit(1000, "characters of what a collector says of an event", "shortened")
_GRACE_PRIORITY = 2


async def tell(
    connection: Connection, source: Source, report: InventoryReport, found: Differences, settings: PlaceSettings
) -> None:
    """Write down what is news in a report, with all that follows from it."""
    account_id = source.account_id
    if found.began:
        await _tell_uncertified(connection, source, report, found)
        if settings.analyses_unknown:
            for number in await started.want_unknown(connection, account_id, found.began, source.seen_at):
                await want_image(connection, account_id, number)
    changed = [*found.began, *found.ended]
    if changed:
        images = await started.images_with_grace(connection, account_id, changed)
        if await granted.asks_for_isolation(connection, account_id):
            images = await granted.analysed_images(connection, account_id, changed)
        await want_verdicts(connection, [(account_id, image) for image in images], "place changed", _GRACE_PRIORITY)
    await _tell_events(connection, source, report)


async def want_image(connection: Connection, account_id: int, number: int) -> None:
    """Have an image added that runs and that nobody added."""
    args = {"account_id": account_id, "running_image_id": number}
    await jobs.defer(connection, "add_running", args, once=f"add_running:{number}", queue="watching")


async def _tell_uncertified(
    connection: Connection, source: Source, report: InventoryReport, changed: Differences
) -> None:
    """A whole list is one cause; else each image is one in its cluster."""
    found = await started.list_uncertified_images(connection, source.account_id, changed.began, changed.ended)
    groups: dict[str, list[UncertifiedImage]] = {}
    for image in found:
        groups.setdefault(report.list or str(image.running_image_id), []).append(image)
    for key, images in groups.items():
        cause = cause_of_start(source, report, key, images)
        news = [started_uncertified(image, source.seen_at) for image in images]
        await transitions.tell(connection, source.account_id, cause, news, is_complete=not report.list or report.last)


def cause_of_start(source: Source, report: InventoryReport, key: str, images: Sequence[UncertifiedImage]) -> Cause:
    """What brings the news about that these images started: a whole list, or the start of the one of them."""
    where = f"{report.platform} {report.collector}"
    name = images[0].reference or images[0].digest
    return Cause(
        kind="place",
        key=f"place.uncertified:{source.collector_id}:{key}",
        subject=report.collector if report.list else name,
        sentence=(
            f"Images that no verdict lets pass were found to run in {where}."
            if report.list
            else f"{name} started in {where}: no verdict lets it pass."
        ),
        seen_at=source.seen_at,
    )


def started_uncertified(image: UncertifiedImage, at: datetime) -> Transition:
    """That an image which no verdict lets pass started."""
    why = {"stop": "its verdict is stop", "unknown": "its verdict is unknown"}.get(
        image.verdict, _explain_unjudged_image(image)
    )
    more = f" and at {image.places - 1} more" if image.places > 1 else ""
    return Transition(
        kind="place.uncertified",
        key=f"place.uncertified:{image.first}:{image.environment}",
        at=at,
        image_id=image.image_id,
        image_digest=image.digest,
        reference=image.reference,
        environment=image.environment,
        after=image.verdict,
        evidence=(
            Evidence(
                subject=image.name,
                message=f"it started at {image.name}{more}; {why}",
                since=at,
                advice=_ADVICE["place.uncertified"],
            ),
        ),
    )


def _explain_unjudged_image(image: UncertifiedImage) -> str:
    if image.image_id is None:
        return "nobody added the image"
    if image.state in ("waiting", "analysing"):
        return "it is not analysed yet"
    return "it could not be analysed" if image.state == "failed" else "no policy judges it"


_ADVICE: dict[TransitionKind, str] = {
    "place.uncertified": "add the image and have it judged, or stop it",
    "place.drift": "start the container anew from its image, and find out what changed it",
    "place.host": "bring the host up to date, or move what runs on it",
    "place.problem": "see the log of the collector",
}
_KINDS: dict[str, TransitionKind] = {"drift": "place.drift", "host": "place.host", "problem": "place.problem"}


async def _tell_events(connection: Connection, source: Source, report: InventoryReport) -> None:
    """What a collector saw besides starts and ends: one cause a container, or a subject, and day."""
    if not report.events:
        return
    about = sorted({event.container for event in report.events if event.container})
    known = await started.containers_of(connection, source.account_id, source.collector_id, about)
    groups: dict[str, tuple[Cause, list[Transition]]] = {}
    for event in report.events:
        cause = cause_of(event, source, report.collector, known.get(event.container))
        _, news = groups.setdefault(cause.key, (cause, []))
        news.append(news_of(event, source, known.get(event.container)))
    for cause, news in groups.values():
        await transitions.tell(connection, source.account_id, cause, news)


def cause_of(event: PlaceEvent, source: Source, collector: str, at: ContainerImage | None) -> Cause:
    """What brings the news of an event about: one cause a container, or a subject, and day."""
    where = at.name if at is not None else collector
    sentence = {
        "drift": f"Files of a container at {where} differ from its image.",
        "host": f"The host {collector} weakens what runs on it.",
        "problem": f"What runs in {collector} is not completely known.",
    }[event.kind]
    subject = event.container or event.subject
    day = in_time(event.at).date().isoformat()
    return Cause(
        kind="place",
        key=f"place.{event.kind}:{source.collector_id}:{day}:{_text(subject)[:500]}",
        subject=where,
        sentence=sentence,
        seen_at=source.seen_at,
    )


def news_of(event: PlaceEvent, source: Source, at: ContainerImage | None) -> Transition:
    """What a collector saw of a container (None: it is about none that runs), as news."""
    moment, kind = in_time(event.at), _KINDS[event.kind]
    subject, summary = _text(event.subject), _text(event.summary)
    return Transition(
        kind=kind,
        key=f"{event.kind}:{source.collector_id}:{moment.isoformat()}:{event.container[:200]}:{subject[:500]}:{summary[:200]}",
        at=min(moment, source.seen_at),
        image_id=at.image_id if at is not None else None,
        image_digest=at.digest if at is not None else "",
        reference=at.reference if at is not None else "",
        environment=at.environment if at is not None else "",
        evidence=(
            Evidence(
                subject=subject,
                message=f"{subject}: {summary}" if subject else summary,
                path=subject if subject.startswith("/") else "",
                since=min(moment, source.seen_at),
                advice=_ADVICE[kind],
            ),
        ),
    )


async def tell_rival(connection: Connection, account_id: int, row: CollectorRow, now: datetime) -> None:
    """Tell, once a day, that two agents seem to report as one: what one lists ends what the other told."""
    key = f"place.problem:{row.id}:{now.date().isoformat()}:rival"
    said = f"two agents seem to report as {row.platform} {row.name}, or a clock was set back: what one lists ends what the other told"
    cause = Cause(
        kind="place",
        key=key,
        subject=row.name,
        sentence=f"What runs in {row.name} is not completely known.",
        seen_at=now,
    )
    evidence = Evidence(
        subject=row.name, message=said, since=now, advice="give each cluster and host a name of its own: --name"
    )
    await transitions.tell(
        connection, account_id, cause, (Transition(kind="place.problem", key=key, at=now, evidence=(evidence,)),)
    )


def _text(text: str) -> str:
    return text[:_LONGEST_TEXT].replace("\0", "")
