"""Signed documents as inputs of verdicts: which are handed to rules, how a statement names them, and how those that it names are found
again."""

from __future__ import annotations

import hashlib

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.signed_document import DocumentInput, SignatureInputs, SignedDocument, SignedDocuments
from hullmark.proof.bundle import read_bundle
from hullmark.proof.dsse import IN_TOTO
from hullmark.proof.statement import read_statement
from hullmark.proof.verdict_statement import VERIFIER, VSA, StatementSignatures
from hullmark.proof.verification import NotProven

_MOST_CLAUSES, _LONGEST = 100, 500
_SHOWN = 3


class OtherSignatures(NotProven):
    """What a statement names is not all there."""


class RuleSignatures(msgspec.Struct, frozen=True):
    """What rules are handed, and how that is named."""

    documents: SignedDocuments
    inputs: SignatureInputs


class _Id(msgspec.Struct):
    id: str = ""


class _Summary(msgspec.Struct):
    verifier: _Id


def handed_to_rules(found: SignedDocuments) -> RuleSignatures:
    """Of what lies beside an image, what rules judge by: all but Hullmark's own verdicts, on which no verdict rests. Else each that is put
    beside an image would make the next one another."""
    others = [document for document in found.documents if not _is_own_verdict(document)]
    named = sorted(((document, _make_document_input(document)) for document in others), key=lambda pair: _order(*pair))
    left = len(found.unseen) - _MOST_CLAUSES
    more = (f"{left} more could not be seen",) if left > 0 else ()
    unseen = (*(clause[:_LONGEST] for clause in found.unseen[:_MOST_CLAUSES]), *more)
    return _build_rule_signatures(named, found.subjects, unseen)


def as_stated(handed: RuleSignatures, stated: StatementSignatures, digest: str) -> RuleSignatures:
    """What a statement names, of what lies beside the image with this digest now. What came after it is left out. Raises OtherSignatures
    where not all is there."""
    pairs = zip(handed.documents.documents, handed.inputs.documents, strict=True)
    there = [(document, named) for document, named in pairs if named.handed in stated.documents]
    missing = sorted(set(stated.documents) - {named.handed for _, named in there})
    # Whoever signed an index that is known to list the image signed the image: that is not taken from the statement alone.
    missing += [subject for subject in stated.subjects if subject not in (digest, *handed.documents.subjects)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        unseen = f"; not seen: {handed.documents.unseen[0]}" if handed.documents.unseen else ""
        raise OtherSignatures(
            f"beside the image are other signatures than the statement names: {', '.join(missing[:_SHOWN])}{more} is missing{unseen}",
            advice="judge the image where it was judged, with all that lay beside it: hullmark copy takes it along",
        )
    return _build_rule_signatures(there, stated.subjects, stated.unseen)


def _build_rule_signatures(
    pairs: list[tuple[SignedDocument, DocumentInput]], subjects: tuple[str, ...], unseen: tuple[str, ...]
) -> RuleSignatures:
    documents = tuple(document for document, _ in pairs)
    return RuleSignatures(
        SignedDocuments(documents=documents, unseen=unseen, subjects=subjects),
        SignatureInputs(documents=tuple(named for _, named in pairs), subjects=subjects, unseen=unseen),
    )


def _order(document: SignedDocument, named: DocumentInput) -> tuple[str, str, str]:
    return document.subject, document.place, named.handed


def _make_document_input(document: SignedDocument) -> DocumentInput:
    """Its annotations count: cosign's signatures over one payload differ in them alone."""
    digest = hashlib.sha256(document.body).hexdigest()
    whole = (document.annotations, digest, document.media_type, document.place, document.subject)
    handed = hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()
    return DocumentInput(place=document.place, digest=f"sha256:{digest}", handed=f"sha256:{handed}")


def _is_own_verdict(document: SignedDocument) -> bool:
    if not document.holds_statement:
        return False
    try:
        envelope = read_bundle(document.body, document.annotations).envelope
        if envelope.payload_type != IN_TOTO:
            return False
        statement = read_statement(envelope.payload)
        if statement.predicate_type != VSA:
            return False
        return msgspec.json.decode(statement.predicate, type=_Summary).verifier.id == VERIFIER
    except (HullmarkError, ValueError, RecursionError):
        return False
