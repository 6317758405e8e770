"""Verdicts: what holds now, what held then, all there ever were, and what a policy would say."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark._version import __version__
from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.proof.verdict_statement import Circumstances
from hullmark.report.format import RenderContext
from hullmark.server.api.caller import Caller
from hullmark.server.api.formats import render_result
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources.images import find, moment
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.images.reached import read_index
from hullmark.server.stories.judging.earlier import first_seen_of
from hullmark.server.stories.judging.signing import Signatory, sign_verdict
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import images
from hullmark.server.tables.images.names import name_of
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import CurrentVerdict, VerdictRow
from hullmark.source.manifest import OCI_MANIFEST, Descriptor

_READ: dict[str, Any] = {"permission": "verdicts:read"}
AsOf = Annotated[datetime | None, QueryParameter(description="What held at this moment.")]
KnownAt = Annotated[datetime | None, QueryParameter(description="By what was written down until this moment.")]


class VerdictView(msgspec.Struct, kw_only=True):
    """A verdict and what it was made of, by digest. `at` is the moment that counted as now."""

    id: int
    policy: str
    policy_version: int
    environment: str
    reference: str
    shadow: bool
    verdict: str
    reason: str
    stops: int
    warns: int
    cause: str
    at: datetime
    recorded_at: datetime
    image_digest: str
    policy_digest: str
    exceptions_digest: str
    snapshot_digest: str
    analyzer: str


def make_verdict_view(row: VerdictRow) -> VerdictView:
    """A verdict as it is answered."""
    values = {name: getattr(row, name) for name in VerdictView.__struct_fields__ if name != "shadow"}
    return VerdictView(shadow=row.is_shadow, **values)


@get("/verdicts/{digest:str}", operation_id="look_up_verdicts", opt=_READ, summary="May this image be deployed?")
async def look_up(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    environment: FromQuery[str] = "",
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> list[CurrentVerdict]:
    """The verdicts in force on an image, by any of its digests, in an environment and those of any environment. One look-up; those that
    held at a moment take two."""
    if as_of is not None or known_at is not None:
        return await _looked_up_then(services, caller, digest, environment, (as_of, known_at))
    async with services.database.glance(caller.account_id) as connection:
        found = await verdicts.look_up(connection, caller.account_id, digest, environment)
    if not found:
        raise not_found(f"verdict on {digest[:200]}", "add the image, activate a policy, wait until it is analysed")
    return found


Moments = tuple[datetime | None, datetime | None]
"""As of when, and known when; None: now."""


async def _looked_up_then(
    services: Services, caller: Caller, digest: str, environment: str, moments: Moments
) -> list[CurrentVerdict]:
    row = await find(services, caller, digest)
    found = [
        CurrentVerdict(
            image=row.digest,
            policy=current.policy,
            environment=current.environment,
            reference=current.reference,
            verdict=current.verdict,
            reason=current.reason,
            stops=current.stops,
            warns=current.warns,
            judged_at=current.at,
        )
        for current in await _find_verdicts(services, caller, row.id, moments)
        if current.environment in ("", environment)
    ]
    if not found:
        raise not_found(f"verdict on {digest[:200]} of that moment", "leave as_of and known_at out for the present one")
    return found


async def _find_verdicts(
    services: Services, caller: Caller, image_id: int, moments: Moments, *, shadows: bool = False
) -> list[VerdictRow]:
    """The verdicts that hold, or held at a moment by what was known then."""
    as_of, known_at = map(moment, moments)
    async with services.database.tenant(caller.account_id) as connection:
        if as_of is None and known_at is None:
            return await verdicts.current(connection, caller.account_id, image_id, shadows=shadows)
        return await verdicts.as_of(connection, caller.account_id, image_id, as_of or services.clock(), known_at)


@get("/images/{digest:str}/verdicts", operation_id="list_verdicts", opt=_READ, summary="The verdicts on an image")
async def of_image(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    shadows: FromQuery[bool] = False,
) -> list[VerdictView]:
    """The verdicts that hold, or held at a moment, by what is known, or was known then."""
    row = await find(services, caller, digest)
    return [
        make_verdict_view(verdict)
        for verdict in await _find_verdicts(services, caller, row.id, (as_of, known_at), shadows=shadows)
    ]


@get(
    "/images/{digest:str}/history",
    operation_id="list_verdict_history",
    opt=_READ,
    summary="All verdicts that an image ever had",
)
async def history(  # noqa: PLR0913 - one parameter a filter
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[VerdictView]:
    """The newest first. Nothing is ever taken out."""
    row = await find(services, caller, digest)
    before = values_in(cursor, int)
    async with services.database.tenant(caller.account_id) as connection:
        until = (moment(as_of), moment(known_at))
        rows = await verdicts.history(
            connection, caller.account_id, row.id, before=before, limit=limit + 1, until=until
        )
    found = page(rows, limit, lambda entry: entry.id)
    return Page(items=[make_verdict_view(entry) for entry in found.items], next=found.next)


@get(
    "/history/{number:int}",
    operation_id="get_verdict",
    opt={**_READ, "formats": "verdict"},
    summary="A verdict with its findings",
)
async def findings(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    format: FromQuery[str] = "json",
) -> Response[bytes]:
    """A verdict as `hullmark check` writes it: json, table, sarif, junit …"""
    async with services.database.tenant(caller.account_id) as connection:
        row = await verdicts.by_number(connection, caller.account_id, number) if 0 < number < 1 << 62 else None
    if row is None:
        raise not_found(f"verdict {number}")
    return await _document(services, caller, row, format)


async def _document(services: Services, caller: Caller, row: VerdictRow, format: str) -> Response[bytes]:
    """A verdict in a format, with what only a server knows beside it."""
    async with services.database.tenant(caller.account_id) as connection:
        name = await name_of(connection, caller.account_id, row.image_digest)
        image = await images.held_image(connection, caller.account_id, row.image_digest)
    reach = image.reach if image is not None else ""
    return await asyncio.to_thread(_render_verdict, services, row, format, name, reach)


def _render_verdict(services: Services, row: VerdictRow, format: str, name: str, reach: str) -> Response[bytes]:
    """As `_document`; for a thread. `reach` names what is kept of what the image's start reaches."""
    verdict = verdict_at(services.objects, row)
    packages = {finding.weakness.package for finding in verdict.findings if finding.weakness is not None}
    index = read_index(services.objects, reach) if packages else None
    context = RenderContext(
        tool_version=__version__,
        name=name,
        since=first_seen_of(verdict, row.at),
        reach={purl: index.of(purl) for purl in packages} if index is not None else {},
    )
    return render_result("verdict", format, verdict, context)


@get(
    "/images/{digest:str}/check",
    operation_id="check_image",
    opt={**_READ, "formats": "verdict", "fails": (409,)},
    summary="The verdict in force, with its findings",
)
async def check(  # noqa: PLR0913 - one parameter a filter
    digest: FromPath[str],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    policy: FromQuery[str] = "",
    environment: FromQuery[str] = "",
    as_of: AsOf = None,
    known_at: KnownAt = None,
    format: FromQuery[str] = "json",
) -> Response[bytes]:
    """The verdict of the policy in force (`policy` names one where there are several), as `hullmark check` writes it; the present one, or
    that of a moment."""
    row = await find(services, caller, digest)
    rows = await _find_verdicts(services, caller, row.id, (as_of, known_at))
    rows = [row for row in rows if policy in ("", row.policy) and row.environment in ("", environment)]
    if not rows:
        raise Refusal(
            409, f"the image has no verdict yet: it is {row.state}", "activate a policy, and wait for the image"
        )
    worst = max(rows, key=lambda row: (_SEVERITY[row.verdict], row.policy))
    answer = await _document(services, caller, worst, format)
    answer.headers["X-Hullmark-Verdict"] = worst.verdict
    return answer


class SignedVerdictView(msgspec.Struct, kw_only=True):
    """A verdict in force, signed: `bundle` is a Sigstore bundle, as `hullmark verify --bundle` takes it."""

    policy: str
    environment: str
    reference: str
    verdict: str
    bundle: dict[str, Any]


@get(
    "/images/{digest:str}/statements",
    operation_id="list_signed_verdicts",
    opt={**_READ, "fails": (409,)},
    summary="The verdicts in force, signed",
)
async def statements(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    policy: FromQuery[str] = "",
    environment: FromQuery[str] = "",
) -> list[SignedVerdictView]:
    """The verdicts as they hold now, signed with the server's key (HULLMARK_SIGNING_KEY): a newer one revokes those before it."""
    if not services.settings.signing_key:
        raise Refusal(409, "this server signs no verdicts", "give it a key: HULLMARK_SIGNING_KEY")
    row = await find(services, caller, digest)
    rows = await _find_verdicts(services, caller, row.id, (None, None))
    async with services.database.tenant(caller.account_id) as connection:
        name = await name_of(connection, caller.account_id, row.digest)
    wanted = [held for held in rows if policy in ("", held.policy) and held.environment in ("", environment)]
    account = caller.account
    return [await asyncio.to_thread(_make_signed_view, services, account, held, name) for held in wanted]


def _make_signed_view(services: Services, account: str, row: VerdictRow, name: str) -> SignedVerdictView:
    circumstances = Circumstances(
        reference=row.reference, environment=row.environment, options=f"exceptions {row.exceptions_digest}"
    )
    verdict = verdict_at(services.objects, row)
    subjects = (Descriptor(row.image_digest, 0, OCI_MANIFEST),)
    by = Signatory(services.settings, account, services.clock())
    made = sign_verdict(verdict, subjects, _repository(name), circumstances, by)
    return SignedVerdictView(
        policy=row.policy,
        environment=row.environment,
        reference=row.reference,
        verdict=row.verdict,
        bundle=msgspec.json.decode(made.bundle),
    )


def _repository(name: str) -> str:
    try:
        reference = parse_reference(name)
    except HullmarkError:
        return ""
    return f"{reference.host}/{reference.repository}"


_SEVERITY = {"go": 0, "warn": 1, "unknown": 2, "stop": 3}

ROUTES = [look_up, of_image, history, findings, check, statements]
