"""Evaluations of images by policies."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.model.limit import Limit
from hullmark.report.anchore import evaluations as shapes
from hullmark.report.anchore.evaluations import Answer, Evaluation
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore import held
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.anchore.judging import DatedVerdict, Judge
from hullmark.server.api.anchore.policies import document_of
from hullmark.server.api.caller import Caller
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.judging.selection import choose
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import policies, verdicts
from hullmark.server.tables.judging.policies import PolicyVersion

_READ: dict[str, Any] = {"permission": "verdicts:read"}
_MOST_EARLIER = Limit(100, "earlier verdicts that are shown", "shortened")


@get(["/images/{digest:str}/check", "/images/by_id/{digest:str}/check"], opt=_READ)
async def check(  # noqa: PLR0913 - one for each parameter of the query
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    judging: NamedDependency[Judge],
    tag: FromQuery[str] = "",
    policy_id: Annotated[str, QueryParameter(name="policyId", max_length=200)] = "",
    detail: FromQuery[bool] = True,
    history: FromQuery[bool] = False,
) -> Answer:
    """Judge an image under a tag by the policy that is active for it, or by one that is named. `history`: earlier verdicts after it."""
    if not tag:
        raise make_refusal(400, "the tag is missing", "name the tag that the image is to be judged under: ?tag=")
    row = held.require_analysed(await held.find(services, caller, digest))
    fulltag = held.full_tag(held.reference_of(tag))
    version = await _policy(services, caller, policy_id, fulltag)
    dated = await judging.verdict(caller.account_id, row, version, fulltag)
    judgements = [dated]
    if history:
        judgements += await _earlier(services, caller, row, (version.name, fulltag))
    document = document_of(version) if detail and caller.may("policies:read") else None
    found = [_evaluation(caller, row, fulltag, judgement, version.name, document) for judgement in judgements]
    return shapes.check(digest, fulltag, found, detail=detail)


def _evaluation(
    caller: Caller, row: HeldImage, fulltag: str, dated: DatedVerdict, policy: str, document: Json | None
) -> Evaluation:
    return Evaluation(
        account=caller.account,
        config_digest=row.config_digest,
        fulltag=fulltag,
        policy_id=policy,
        evaluated_at=dated.at,
        verdict=dated.verdict,
        policy=document,
    )


async def _policy(services: Services, caller: Caller, name: str, fulltag: str) -> PolicyVersion:
    """The newest version of a policy of a name, or the one in force for a tag outside of all environments. Raises Told 404."""
    async with services.database.tenant(caller.account_id) as connection:
        if name:
            found = await policies.version_of(connection, caller.account_id, name) if "\0" not in name else None
        else:
            rows = await policies.activations(connection, caller.account_id)
            usual = [row for row in rows if not row.environment and not row.is_shadow]
            chosen = choose(usual, (fulltag,))
            found = await policies.version_by_id(connection, chosen[0].activation.version_id) if chosen else None
    if found is None:
        raise missing(f"policy {name}") if name else missing("active policy", "add a policy and activate it")
    return found


async def _earlier(services: Services, caller: Caller, row: HeldImage, judged: tuple[str, str]) -> list[DatedVerdict]:
    """The verdicts of a policy on an image under a tag that were written down, the newest first."""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await verdicts.history(connection, caller.account_id, row.id, before=None, limit=_MOST_EARLIER)
    wanted = [
        row for row in rows if (row.policy, row.reference) == judged and not row.environment and not row.is_shadow
    ]

    def read() -> list[DatedVerdict]:
        return [DatedVerdict(verdict_at(services.objects, row), row.at) for row in wanted]

    return await asyncio.to_thread(read)


ROUTES = [check]
