"""What others signed about an image, document by document: who is believed, by which rules in force, and why others are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import NOTATION, SIMPLE_SIGNING, SignedDocument
from hullmark.policy.gates.signatures import TrustParams, roots_of
from hullmark.proof.claims import Claim, TrustRoots, claim_of, told_of
from hullmark.proof.signer_names import signer_names
from hullmark.server.stories.images.signed import KeptSigned
from hullmark.server.stories.judging.loaded import load_policy

_GATE = "signatures"
_KINDS = {
    "signature": "signature",
    "provenance": "provenance",
    "summary": "SLSA summary",
    "bill": "bill of materials",
    "other": "statement",
}
_LONGEST = 300


class TrustedSigners(NamedTuple):
    """Whom rules in force trust, and what these rules are called: `POLICY · RULE`."""

    roots: TrustRoots
    rules: tuple[str, ...]


class SignedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One document. `state`: verified by `signer`, which `rules` trust; not verified, for a reason (a clause); or it could not be checked.

    `says` is what it tells (of one that is not verified: only that). `names` are who it says signed. `is_on_index`: it is attached to an
    index that lists the image.
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


def trusted_signers(texts: Sequence[tuple[str, str]]) -> list[TrustedSigners]:
    """Whom the rules of these policies (name, text) trust; rules that trust the same are together."""
    found: dict[bytes, TrustedSigners] = {}
    for name, text in texts:
        for rule in getattr(load_policy(text), "rules", ()):
            if rule.trigger.gate != _GATE or not isinstance(rule.params, TrustParams):
                continue
            roots = roots_of(rule.params)
            if roots is None:
                continue
            key = _trust_named_in(rule.params)
            labels = found[key].rules if key in found else ()
            found[key] = TrustedSigners(roots, (*labels, f"{name} · {rule.id}"))
    return list(found.values())


def _trust_named_in(params: TrustParams) -> bytes:
    named = ("keys", "identities", "authorities", "trusted_root", "transparency_log")
    return msgspec.json.encode([getattr(params, name, None) for name in named], enc_hook=_text)


def _text(value: Any) -> str:
    """A glob, as it is written."""
    return str(value.text)


def signed_rows(kept: KeptSigned, trusted: Sequence[TrustedSigners], now: datetime) -> list[SignedRow]:
    """Each document with whether it is believed; signatures first, then what tells most."""
    subjects = kept.documents.subjects
    first = subjects[0] if subjects else ""
    rows = [
        msgspec.structs.replace(_row(document, kept, trusted, now), is_on_index=document.subject != first)
        for document in kept.documents.documents
    ]
    order = list(_KINDS.values())
    return sorted(rows, key=lambda row: (order.index(row.kind), row.state != "verified", row.place))


def _row(document: SignedDocument, kept: KeptSigned, trusted: Sequence[TrustedSigners], now: datetime) -> SignedRow:
    told = _read_claim(document)
    common = SignedRow(
        place=document.place,
        kind=_KINDS[told.kind],
        form=_form(document, told),
        state="unchecked",
        says=_says(told),
        names=signer_names(document),
    )
    if document.place in kept.without_body and not document.body:
        return msgspec.structs.replace(common, reason="it is too large to be kept: ask the registry itself")
    claims: list[tuple[Claim, tuple[str, ...]]] = []
    faults: list[str] = []
    for signers in trusted or [TrustedSigners(TrustRoots(), ())]:
        try:
            claim = claim_of(document, kept.documents.subjects, signers.roots, now)
        except (HullmarkError, ValueError) as error:
            faults.append(str(error)[:_LONGEST])
            continue
        if claim is not None:
            claims.append((claim, signers.rules))
    if claims:
        signer = claims[0][0].signer
        rules = tuple(rule for claim, labels in claims if claim.signer == signer for rule in labels)
        return msgspec.structs.replace(common, state="verified", signer=signer, rules=rules)
    if faults:
        return msgspec.structs.replace(common, reason=faults[0])
    reason = "nobody whom a policy in force names has signed it, or it is about another image"
    if not trusted:
        reason = "no policy in force names anybody to verify it by"
    return msgspec.structs.replace(common, state="unverified", reason=reason)


def _read_claim(document: SignedDocument) -> Claim:
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
    return "Notary Project" if document.media_type in NOTATION else told.predicate_type[:_LONGEST]


def _says(told: Claim) -> tuple[str, ...]:
    """What a statement tells, in sentences' parts."""
    found = [f"built by {told.builder[:_LONGEST]}"] if told.builder else []
    found += [f"from {source[:_LONGEST]}" for source in told.sources[:3]]
    if len(told.sources) > 3:
        found.append(f"and from {len(told.sources) - 3} more")
    if told.verifier:
        found.append(f"judged by {told.verifier[:_LONGEST]}")
    if told.build_level:
        found.append(f"SLSA build level {told.build_level}")
    if told.source_level:
        found.append(f"SLSA source level {told.source_level}")
    return tuple(found)
