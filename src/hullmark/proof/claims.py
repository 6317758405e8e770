"""What signed documents prove about an image, by keys that somebody trusts: signatures, and statements of where it comes from.

Reads cosign's simple signing (its `SIGNATURE_SPEC.md`), in-toto statements in DSSE envelopes and Sigstore bundles, SLSA provenance v0.2 and
v1, SLSA verification summaries v1, and the Notary Project's JWS envelopes. Nothing that is not verified is a claim. Who signs by a
certificate of Sigstore's is believed by identity (`proof.sigstore`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.signed_document import NOTATION, SIGNATURE, SIMPLE_SIGNING, SignedDocument, SignedDocuments
from hullmark.proof.bundle import SignedMessage, read_bundle, read_message
from hullmark.proof.dsse import IN_TOTO, Key, signer_of
from hullmark.proof.notation import Certificates, verified_target
from hullmark.proof.sigstore.content import SignedContent, of_bytes
from hullmark.proof.sigstore.material import CERTIFICATE, Material, annotated_material
from hullmark.proof.sigstore.refusal import NotTrusted
from hullmark.proof.sigstore.signature import IdentityTrust, verify_certificate
from hullmark.proof.statement import Statement, read_statement

PROVENANCE = ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2")
VSA = "https://slsa.dev/verification_summary/v1"
BILLS = re.compile(r"https://(?:spdx\.dev/Document|cyclonedx\.org/bom|syft\.dev/bom)").match

_LONGEST_SIGNATURE = Limit(16384, "characters of a signature", "refused")
_MOST_SOURCES = Limit(1000, "sources that one provenance names")
_LEVEL = re.compile(r"SLSA_(BUILD|SOURCE)_LEVEL_([0-9])(?:$|[^0-9])").match

Kind = Literal["signature", "provenance", "summary", "bill", "other"]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is proven: `signer` (the fingerprint of a key or of a root certificate, or an identity) says it of the image.

    Of provenance, `builder` is who built, `sources` from which repositories (as they are written there). Of a summary that passed,
    `build_level` and `source_level` are the SLSA levels, and `verifier` is who judged. `place` is the document's digest.
    """

    kind: Kind
    signer: str
    place: str
    predicate_type: str = ""
    builder: str = ""
    sources: tuple[str, ...] = ()
    verifier: str = ""
    build_level: int = 0
    source_level: int = 0


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """All claims, sorted by place, and what could not be checked and may prove more: a clause each."""

    claims: tuple[Claim, ...] = ()
    unchecked: tuple[str, ...] = ()


class TrustRoots(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody trusts: public keys, certificates of authorities (for the Notary Project's signatures), and identities.

    `lacks_root`: identities are trusted, and nobody said by which trusted root: what one of them may have signed cannot be checked.
    """

    keys: tuple[Key, ...] = ()
    certificates: Certificates | None = None
    identities: IdentityTrust | None = None
    lacks_root: bool = False


def proof_of(signed: SignedDocuments, roots: TrustRoots, now: datetime) -> Proof:
    """What the documents prove. One that nobody who is trusted signed, or that is about something else, proves nothing."""
    claims: list[Claim] = []
    unchecked = list(signed.unseen)
    for document in signed.documents:
        try:
            claim = claim_of(document, signed.subjects, roots, now)
        except (HullmarkError, ValueError) as error:
            unchecked.append(f"{document.place[:19]}: {error}")
            continue
        if claim is not None:
            claims.append(claim)
    return Proof(claims=tuple(sorted(claims, key=lambda claim: (claim.place, claim.kind))), unchecked=tuple(unchecked))


def claim_of(document: SignedDocument, subjects: tuple[str, ...], roots: TrustRoots, now: datetime) -> Claim | None:
    """What one document proves; None where nobody who is trusted signed it, or it is about something else.

    Raises HullmarkError or ValueError for one that cannot be checked."""
    if document.media_type == SIMPLE_SIGNING:
        return _simple_signing(document, subjects, roots, now)
    if document.media_type in NOTATION:
        return _notation(document, subjects, roots, now)
    message = read_message(document.body)
    if message is not None:
        return _message(message, document, subjects, roots, now)
    bundle = read_bundle(document.body, document.annotations)
    signer = signer_of(bundle.envelope, roots.keys)
    if not signer and bundle.has_certificate:
        signer = _by_certificate(bundle.content, bundle.read_material, roots, now)
    if not signer or bundle.envelope.payload_type != IN_TOTO:
        return None
    statement = read_statement(bundle.envelope.payload)
    return _of_statement(statement, signer, document.place) if statement.is_about(subjects) else None


def _by_certificate(content: SignedContent, read: Callable[[], Material], roots: TrustRoots, now: datetime) -> str:
    """The identity that is trusted and signed by a certificate, "" for another one. Raises ValueError where that cannot be told."""
    if roots.lacks_root:
        raise ValueError("it is signed by a certificate, and no trusted root says by which authorities to check it")
    if roots.identities is None:
        return ""
    try:
        return verify_certificate(content, read(), roots.identities, now).identity.name
    except NotTrusted:
        return ""


# Signatures


class _Image(msgspec.Struct):
    digest: str = msgspec.field(name="docker-manifest-digest")


class _Critical(msgspec.Struct):
    image: _Image
    type: str


class _SimpleSigning(msgspec.Struct):
    critical: _Critical


def _simple_signing(
    document: SignedDocument, subjects: tuple[str, ...], roots: TrustRoots, now: datetime
) -> Claim | None:
    text = document.annotations.get(SIGNATURE, "")[:_LONGEST_SIGNATURE]
    signature = base64.b64decode(text, validate=True)
    signer = next((key.fingerprint for key in roots.keys if key.has_signed(document.body, signature)), "")
    if not signer and CERTIFICATE in document.annotations:
        content = of_bytes(document.body, signature)
        signer = _by_certificate(content, lambda: annotated_material(document.annotations), roots, now)
    if not signer:
        return None
    try:
        critical = msgspec.json.decode(document.body, type=_SimpleSigning).critical
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError("what is signed is not of the simple signing format") from error
    is_about = critical.image.digest in subjects and critical.type == "cosign container image signature"
    return Claim(kind="signature", signer=signer, place=document.place) if is_about else None


def _message(
    message: SignedMessage, document: SignedDocument, subjects: tuple[str, ...], roots: TrustRoots, now: datetime
) -> Claim | None:
    """A signature over the manifest itself, as `cosign sign-blob` makes it: the manifest's digest is all that it takes to check it."""
    if message.digest not in subjects:
        return None
    signer = next((key.fingerprint for key in roots.keys if message.content.signature_by(key)), "")
    if not signer and message.has_certificate:
        signer = _by_certificate(message.content, message.read_material, roots, now)
    return Claim(kind="signature", signer=signer, place=document.place) if signer else None


def _notation(document: SignedDocument, subjects: tuple[str, ...], roots: TrustRoots, now: datetime) -> Claim | None:
    if document.media_type != NOTATION[0]:
        raise ValueError("it is a signature in COSE, which cannot be checked yet")
    if roots.certificates is None:
        return None
    target = verified_target(document.body, roots.certificates, now)
    if target is None or target.digest not in subjects:
        return None
    return Claim(kind="signature", signer=target.authority, place=document.place)


# Statements


class _Id(msgspec.Struct):
    id: str = ""


class _Uri(msgspec.Struct):
    uri: str = ""


class _RunDetails(msgspec.Struct):
    builder: _Id


class _Workflow(msgspec.Struct):
    repository: str = ""


class _Parameters(msgspec.Struct, rename="camel"):
    workflow: _Workflow | None = None
    config_source: _Uri | None = None
    source: _Uri | str | None = None


class _BuildDefinition(msgspec.Struct, rename="camel"):
    resolved_dependencies: tuple[_Uri, ...] = ()
    external_parameters: msgspec.Raw = msgspec.Raw()


class _Provenance1(msgspec.Struct, rename="camel"):
    run_details: _RunDetails
    build_definition: _BuildDefinition


class _Invocation(msgspec.Struct, rename="camel"):
    config_source: _Uri | None = None


class _Provenance02(msgspec.Struct):
    builder: _Id
    invocation: _Invocation | None = None
    materials: tuple[_Uri, ...] | None = None


class _Summary(msgspec.Struct, rename="camel"):
    verifier: _Id
    verification_result: str
    verified_levels: tuple[str, ...] = ()


def told_of(document: SignedDocument) -> Claim:
    """What a statement says, whoever signed it: a claim without a signer, which proves nothing. Raises HullmarkError or ValueError for
    one that cannot be read."""
    envelope = read_bundle(document.body).envelope
    if envelope.payload_type != IN_TOTO:
        return Claim(kind="other", signer="", place=document.place, predicate_type=envelope.payload_type)
    return _of_statement(read_statement(envelope.payload), "", document.place)


def _of_statement(statement: Statement, signer: str, place: str) -> Claim:
    kind = statement.predicate_type
    common = Claim(kind="other", signer=signer, place=place, predicate_type=kind)
    try:
        if kind in PROVENANCE:
            builder, sources = _provenance(statement)
            return msgspec.structs.replace(common, kind="provenance", builder=builder, sources=sources)
        if kind == VSA:
            return _of_summary(msgspec.json.decode(statement.predicate, type=_Summary), common)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"its predicate is not of the type that it names: {str(error)[:200]}") from error
    return msgspec.structs.replace(common, kind="bill") if BILLS(kind) else common


def _provenance(statement: Statement) -> tuple[str, tuple[str, ...]]:
    """Who built, and the sources: the one that the build was told first."""
    if statement.predicate_type == PROVENANCE[0]:
        new = msgspec.json.decode(statement.predicate, type=_Provenance1)
        definition = new.build_definition
        found = [_told_source(definition.external_parameters), *(uri.uri for uri in definition.resolved_dependencies)]
        builder = new.run_details.builder.id
    else:
        old = msgspec.json.decode(statement.predicate, type=_Provenance02)
        configured = old.invocation.config_source if old.invocation is not None else None
        found = [configured.uri if configured is not None else "", *(uri.uri for uri in old.materials or ())]
        builder = old.builder.id
    if len(found) > _MOST_SOURCES:
        raise ValueError(f"it names more than {_MOST_SOURCES} sources")
    return builder, tuple(dict.fromkeys(filter(None, found)))


def _told_source(parameters: msgspec.Raw) -> str:
    """The source that the build was told, as the build types of GitHub, BuildKit and Google have it; "" for other parameters."""
    try:
        found = msgspec.json.decode(parameters or b"{}", type=_Parameters)
    except msgspec.MsgspecError:
        return ""
    if found.workflow is not None:
        return found.workflow.repository
    if found.config_source is not None:
        return found.config_source.uri
    return found.source.uri if isinstance(found.source, _Uri) else found.source or ""


def _of_summary(summary: _Summary, common: Claim) -> Claim:
    levels = {"BUILD": 0, "SOURCE": 0}
    for text in summary.verified_levels if summary.verification_result == "PASSED" else ():
        match = _LEVEL(text)
        if match is not None:
            levels[match[1]] = max(levels[match[1]], int(match[2]))
    return msgspec.structs.replace(
        common,
        kind="summary",
        verifier=summary.verifier.id,
        build_level=levels["BUILD"],
        source_level=levels["SOURCE"],
    )
