"""What is signed about an image: by others, as the registry has it beside the image, and by this server; who is believed, and why."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.caller import Caller
from hullmark.server.api.resources.signatures import look, trusted_by
from hullmark.server.console.pages.image.opened import OpenedImage, Tab
from hullmark.server.console.views import redirect, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.images.signature_looks import may_be_looked_at
from hullmark.server.stories.images.signed import KeptSigned, get_signed
from hullmark.server.stories.images.signers import SignedRow, signed_rows
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow


class SignaturesView(msgspec.Struct, kw_only=True):
    """What others signed (`kept` None: nobody looked), and the verdicts that are signed when they are asked for; `has_key`: the server has
    a key to sign with. `trusted`: whether a rule in force names anybody. `may_look`: the registry can be asked again."""

    kept: KeptSigned | None
    documents: list[SignedRow]
    trusted: bool
    may_look: bool
    has_key: bool
    rows: list[VerdictRow]
    bundles: str
    name: str


async def show(image: OpenedImage) -> Any:
    """The tab."""
    services, account_id = image.services, image.caller.account_id
    async with services.database.tenant(account_id) as connection:
        rows = await verdicts.current(connection, account_id, image.row.id)
    trusted = await trusted_by(services, account_id)
    kept = await asyncio.to_thread(get_signed, services.objects, account_id, image.row.id)
    documents = await asyncio.to_thread(signed_rows, kept, trusted, services.clock()) if kept is not None else []
    return SignaturesView(
        kept=kept,
        documents=documents,
        trusted=bool(trusted),
        may_look=image.caller.may("images:write") and may_be_looked_at(image.row),
        has_key=bool(services.settings.signing_key),
        rows=rows,
        bundles=f"/api/v1/images/{image.row.digest}/statements",
        name=next(iter(image.row.tags), image.row.reference or image.row.digest),
    )


@post("/{account:str}/images/{digest:str}/signatures", opt=rights("images:write"))
async def look_again(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    digest: FromPath[str],
) -> Response[bytes]:
    """Ask the registry again what is signed about an image."""
    row = await look(services, caller, digest, caller.origin)
    return redirect(f"{account_base(caller.account)}/images/{row.digest}?tab=signatures")


ROUTES = [look_again]
TAB = Tab(key="signatures", title="Signatures", show=show, permission="verdicts:read", needs_analysis=False)
