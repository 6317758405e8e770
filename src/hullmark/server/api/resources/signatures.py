"""What others signed about images, as their registries have it: who is believed, and looking again."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import find
from hullmark.server.stories.images.signature_looks import look_at, may_be_looked_at
from hullmark.server.stories.images.signed import get_signed
from hullmark.server.stories.images.signers import TrustedSigners, signed_rows, trusted_signers
from hullmark.server.stories.muting import ADVICE, is_muted
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import policies


class SignedDocumentView(msgspec.Struct, kw_only=True):
    """A document that somebody signed. `digest` is its own; `kind` says what it is, `form` its format or type.

    `state`: verified (`signer` signed it, a key's fingerprint or an identity, whom the `rules` trust), unverified, or unchecked; of the
    latter two `reason` says why. `says` is what it tells; nobody vouches for that unless it is verified. `names` are who it says
    signed. `is_on_index`: it is attached to an index that lists the image.
    """

    digest: str
    kind: str
    form: str
    state: Literal["verified", "unverified", "unchecked"]
    signer: str
    rules: list[str]
    reason: str
    says: list[str]
    names: list[str]
    is_on_index: bool


class SignaturesView(msgspec.Struct, kw_only=True):
    """What a registry had beside an image. `at` is when it told all that is kept (null: nobody looked), asked for by `reference`.

    `failed_at` is when it did not tell all after that, and `failure` why: what it told before is kept. `unseen` says what could not be
    seen: rules that ask for more than what was seen cannot tell.
    """

    at: datetime | None
    reference: str
    failed_at: datetime | None
    failure: str
    unseen: list[str]
    documents: list[SignedDocumentView]


@get(
    "/images/{digest:str}/signatures",
    operation_id="list_signatures",
    opt={"permission": "verdicts:read"},
    summary="What others signed about an image",
)
async def list_signatures(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> SignaturesView:
    """Signatures and attestations, as the registry had them when somebody last looked, by the trust of rules in force."""
    return await _view(services, caller, await find(services, caller, digest))


@post(
    "/images/{digest:str}/signatures",
    operation_id="look_for_signatures",
    status_code=200,
    opt={"permission": "images:write", "fails": (409,)},
    summary="Look again for signatures",
)
async def look_for_signatures(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> SignaturesView:
    """Ask the registry at once what others signed about the image. If that is something else than before, the image is judged again."""
    return await _view(services, caller, await look(services, caller, digest, origin))


async def look(services: Services, caller: Caller, name: str, origin: RequestOrigin) -> HeldImage:
    """Ask the registry what is signed about an image that the account holds. Raises Refusal 404, or 409 where there is none to ask."""
    row = await find(services, caller, name)
    if not may_be_looked_at(row):
        raise Refusal(409, "only of an analysed image in a registry it can be asked what is signed", "wait for it")
    if await is_muted(services):
        raise Refusal(409, "the server is muted and asks no registry", ADVICE)
    async with services.database.tenant(caller.account_id) as connection:
        await audit.record(connection, caller, "image.signatures", "image", row.digest, None, None, origin)
    await look_at(services, caller.account_id, row)
    return row


async def trusted_by(services: Services, account_id: int) -> list[TrustedSigners]:
    """Whom the rules in force of an account trust."""
    async with services.database.tenant(account_id) as connection:
        active = await policies.activations(connection, account_id)
        versions = await policies.versions_by_ids(connection, {row.version_id for row in active})
    named = [(version.name, version.text) for version in versions.values()]
    return await asyncio.to_thread(trusted_signers, named)


async def _view(services: Services, caller: Caller, row: HeldImage) -> SignaturesView:
    kept = await asyncio.to_thread(get_signed, services.objects, caller.account_id, row.id)
    if kept is None:
        return SignaturesView(at=None, reference="", failed_at=None, failure="", unseen=[], documents=[])
    trusted = await trusted_by(services, caller.account_id)
    rows = await asyncio.to_thread(signed_rows, kept, trusted, services.clock())
    return SignaturesView(
        at=kept.at,
        reference=kept.reference,
        failed_at=kept.failed_at,
        failure=kept.failure,
        unseen=list(kept.documents.unseen),
        documents=[
            SignedDocumentView(
                digest=row.place,
                kind=row.kind,
                form=row.form,
                state=row.state,
                signer=row.signer,
                rules=list(row.rules),
                reason=row.reason,
                says=list(row.says),
                names=list(row.names),
                is_on_index=row.is_on_index,
            )
            for row in rows
        ],
    )


ROUTES = [list_signatures, look_for_signatures]
