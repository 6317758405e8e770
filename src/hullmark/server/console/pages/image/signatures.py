"""What is signed about an image: by others, as the registry has it beside the image, and by this server; who is believed, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import NOTATION, SIMPLE_SIGNING, SignedDocument
from hullmark.proof.claims import Claim, TrustRoots, claim_of, told_of
from hullmark.proof.dsse import Key, read_keys
from hullmark.proof.notation import read_certificates
from hullmark.proof.signer_names import signer_names
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import find
from hullmark.server.console.pages.image.opened import OpenedImage, Tab
from hullmark.server.console.views import redirect, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.images.documents import get_analysis
from hullmark.server.stories.images.logins import asking, login_for
from hullmark.server.stories.images.signed import KeptSigned, get_signed, look_beside
from hullmark.server.stories.judging.loaded import loaded
from hullmark.server.stories.muting import ADVICE, is_muted
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.images.registries import registries
from hullmark.server.tables.judging import policies, verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.source.reference import parse_reference

_GATE = "signatures"
_KINDS = {
    "signature": "signature",
    "provenance": "provenance",
    "summary": "SLSA summary",
    "bill": "bill of materials",
    "other": "statement",
}


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom rules in force trust; `rules` are those that name a key or an authority, by its fingerprint (a policy's rule for authorities
    as a whole: by "")."""

    roots: TrustRoots
    rules: dict[str, tuple[str, ...]]


class SignedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One document. `state`: verified by `signer`, which `rules` trust; not verified, for a reason (a clause); or it could not be checked.

    `says` is what it tells (of one that is not verified: only that). `names` are who it says signed. `on`: what it is attached to.
    """

    place: str
    kind: str
    form: str
    state: Literal["verified", "unverified", "unchecked"]
    signer: str = ""
    rules: tuple[str, ...] = ()
    reason: str = ""
    says: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    is_on_index: bool = False


class SignaturesView(msgspec.Struct, kw_only=True):
    """What others signed (`kept` None: nobody looked), and the verdicts that are signed when they are asked for; `has_key`: the server has
    a key to sign with. `may_look`: the registry can be asked again."""

    kept: KeptSigned | None
    documents: list[SignedRow]
    trusted: int
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
        active = await policies.activations(connection, account_id)
        versions = await policies.versions_by_ids(connection, {each.version_id for each in active})
    kept = await asyncio.to_thread(get_signed, services.objects, account_id, image.row.id)
    trust = await asyncio.to_thread(trust_of, [(each.name, each.text) for each in versions.values()])
    documents = await asyncio.to_thread(signed_rows, kept, trust, services.clock()) if kept is not None else []
    return SignaturesView(
        kept=kept,
        documents=documents,
        trusted=len(trust.rules),
        may_look=image.caller.may("images:write") and image.row.kind == "registry" and bool(image.row.document),
        has_key=bool(services.settings.signing_key),
        rows=rows,
        bundles=f"/api/v1/images/{image.row.digest}/statements",
        name=next(iter(image.row.tags), image.row.reference or image.row.digest),
    )


def trust_of(texts: Sequence[tuple[str, str]]) -> Trust:
    """Whom the rules of these policies (name, text) trust."""
    keys: dict[str, Key] = {}
    rules: dict[str, dict[str, None]] = {}
    authorities: dict[str, None] = {}
    for name, text in texts:
        for rule in getattr(loaded(text), "rules", ()):
            if rule.trigger.gate != _GATE:
                continue
            label = f"{name} · {rule.id}"
            for pem in getattr(rule.params, "keys", ()):
                for key in read_keys(pem.encode(), "keys"):
                    keys[key.fingerprint] = key
                    rules.setdefault(key.fingerprint, {})[label] = None
            for pem in getattr(rule.params, "authorities", ()):
                authorities[pem] = None
                rules.setdefault("", {})[label] = None
    certificates = read_certificates("\n".join(authorities).encode(), "authorities") if authorities else None
    roots = TrustRoots(keys=tuple(keys.values()), certificates=certificates)
    return Trust(roots=roots, rules={each: tuple(labels) for each, labels in rules.items()})


def signed_rows(kept: KeptSigned, trust: Trust, now: datetime) -> list[SignedRow]:
    """Each document with whether it is believed; signatures first, then what tells most."""
    subjects = kept.documents.subjects
    rows = [_row(document, kept, trust, now) for document in kept.documents.documents]
    order = list(_KINDS.values())
    first = subjects[0] if subjects else ""
    marked = [
        msgspec.structs.replace(row, is_on_index=document.subject != first)
        for row, document in zip(rows, kept.documents.documents, strict=True)
    ]
    return sorted(marked, key=lambda row: (order.index(row.kind), row.state != "verified", row.place))


def _row(document: SignedDocument, kept: KeptSigned, trust: Trust, now: datetime) -> SignedRow:
    told = _told(document)
    common = SignedRow(
        place=document.place,
        kind=_KINDS[told.kind],
        form=_form(document, told),
        state="unchecked",
        says=_says(told),
        names=signer_names(document),
    )
    if document.place in kept.without_body:
        return msgspec.structs.replace(common, reason="it is too large to be kept: ask the registry itself")
    try:
        claim = claim_of(document, kept.documents.subjects, trust.roots, now)
    except (HullmarkError, ValueError) as error:
        return msgspec.structs.replace(common, reason=str(error)[:300])
    if claim is None:
        reason = "no key that a policy in force names has signed it, or it is about another image"
        if not trust.rules:
            reason = "no policy in force names a key to verify it with"
        return msgspec.structs.replace(common, state="unverified", reason=reason)
    rules = trust.rules.get(claim.signer) or trust.rules.get("", ())
    return msgspec.structs.replace(common, state="verified", signer=claim.signer, rules=rules)


def _told(document: SignedDocument) -> Claim:
    """What it says, believed or not."""
    if not document.holds_statement:
        return Claim(kind="signature", signer="", place=document.place)
    try:
        return told_of(document)
    except (HullmarkError, ValueError):
        return Claim(kind="other", signer="", place=document.place, predicate_type=document.media_type)


def _form(document: SignedDocument, told: Claim) -> str:
    if document.media_type == SIMPLE_SIGNING:
        return "cosign"
    return "Notary Project" if document.media_type in NOTATION else told.predicate_type[:300]


def _says(told: Claim) -> tuple[str, ...]:
    """What a statement tells, in sentences' parts."""
    found = [f"built by {told.builder[:300]}"] if told.builder else []
    found += [f"from {source[:300]}" for source in told.sources[:3]]
    if len(told.sources) > 3:
        found.append(f"and from {len(told.sources) - 3} more")
    if told.verifier:
        found.append(f"judged by {told.verifier[:300]}")
    if told.build_level:
        found.append(f"SLSA build level {told.build_level}")
    if told.source_level:
        found.append(f"SLSA source level {told.source_level}")
    return tuple(found)


@post("/{account:str}/images/{digest:str}/signatures", opt=rights("images:write"))
async def look_again(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    digest: FromPath[str],
) -> Response[bytes]:
    """Ask the registry again what is signed about an image."""
    row = await find(services, caller, digest)
    if row.kind != "registry" or not row.document:
        raise Refusal(409, "only of an analysed image in a registry it can be asked what is signed", "wait for it")
    if await is_muted(services):
        raise Refusal(409, "the server is muted and asks no registry", ADVICE)
    named = parse_reference(next(iter(row.tags), row.reference))
    async with services.database.tenant(caller.account_id) as connection:
        login = login_for(await registries(connection, caller.account_id), named, caller.account_id, services.vault)
        await audit.record_in(
            connection,
            caller.account_id,
            caller,
            "image.signatures",
            ("image", row.digest),
            (None, None),
            caller.origin,
        )

    def look() -> None:
        source = get_analysis(services.objects, row.document).inventory.source
        with asking(services, named, login) as options:
            accounts = [(caller.account_id, row.id)]
            look_beside(services.objects, str(named), source, options, accounts, services.clock())

    await asyncio.to_thread(look)
    return redirect(f"{account_base(caller.account)}/images/{row.digest}?tab=signatures")


ROUTES = [look_again]
TAB = Tab(key="signatures", title="Signatures", show=show, permission="verdicts:read", needs_analysis=False)
