"""Verdicts as statements: an in-toto Statement v1 with a SLSA Verification Summary (https://slsa.dev/verification_summary/v1).

What the summary has no field for is under one name of our own, `urn:hullmark:verdict:1`, as the in-toto rules for extension fields ask;
no standard field changes its meaning. The bytes are canonical: keys sorted, no white space, times in UTC.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import msgspec

from hullmark._version import __version__
from hullmark.model.errors import HullmarkError
from hullmark.model.purl import make_purl
from hullmark.model.signed_document import SignatureInputs
from hullmark.model.verdict import PASSING, Outcome, Verdict
from hullmark.proof.statement import STATEMENT, Statement, Subject

VSA = "https://slsa.dev/verification_summary/v1"
"""The predicate type of verification summaries."""

VERIFIER = "urn:hullmark:verifier"
"""Who verified, as consumers compare it."""

OWN = "urn:hullmark:verdict:1"
"""The name of our own part."""

SNAPSHOT = "urn:hullmark:snapshot"
"""The URI under which the snapshot of advisories is among the inputs."""

_LEVEL = "HULLMARK_"
_HEX = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}").fullmatch


class Subjects(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is about: the digests that stand for it (the manifest's first), what it is called, and where it is."""

    digests: tuple[str, ...]
    name: str
    resource: str


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """How was judged, besides image, policy and snapshot. `reference` is the tag it was judged under; files are named by their digests."""

    reference: str = ""
    environment: str = ""
    profile: str = "native"
    context: str = ""
    dockerfile: str = ""
    options: str = ""
    trusted_keys: str = ""


class StatementSignatures(msgspec.Struct, frozen=True, kw_only=True):
    """What rules were handed of what others signed: digests of `documents` as handed (bytes, type, place, subject, annotations),
    the digests that stood for the image, and what was not seen: clauses."""

    documents: tuple[str, ...]
    subjects: tuple[str, ...]
    unseen: tuple[str, ...]


class OwnPart(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Our own part. `document` is the digest of the whole verdict as JSON (`hullmark-verdict/1`), `findings`
    counts what counts, by action. `signatures`: None where nobody could look for them, not set where no rule asked."""

    analyzer: str
    circumstances: Circumstances
    document: dict[str, str]
    expires: str
    findings: dict[str, int]
    image: str
    policy: str
    reason: str
    snapshot: str | None
    verdict: Outcome
    signatures: StatementSignatures | msgspec.UnsetType | None = msgspec.UNSET


class _Digests(msgspec.Struct, frozen=True):
    uri: str = ""
    digest: dict[str, str] = {}


class _Verifier(msgspec.Struct, frozen=True):
    id: str
    version: dict[str, str] = {}


class _Summary(msgspec.Struct, frozen=True, rename="camel"):
    verifier: _Verifier
    time_verified: str
    resource_uri: str
    policy: _Digests
    verification_result: str
    own: OwnPart = msgspec.field(name=OWN)
    input_attestations: tuple[_Digests, ...] = ()
    verified_levels: tuple[str, ...] = ()
    slsa_version: str = "1.0"


class VerdictStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as it was stated; `payload` are its exact bytes. `at` is when it was judged, `expires` when it ends to hold."""

    subjects: tuple[Subject, ...]
    resource: str
    at: datetime
    expires: datetime
    own: OwnPart
    payload: bytes

    @property
    def passed(self) -> bool:
        """Whether the image passed."""
        return self.own.verdict in PASSING


def write_statement(
    verdict: Verdict, document: bytes, subjects: Subjects, expires: datetime, circumstances: Circumstances
) -> bytes:
    """The statement's bytes. `document` is the verdict as JSON. Equal inputs give equal bytes. Raises HullmarkError for a bad time."""
    inputs = verdict.inputs
    passed = verdict.verdict in PASSING
    level = f"{_LEVEL}{verdict.verdict.upper()}"
    snapshot = (_Digests(SNAPSHOT, _digest_set(inputs.snapshot)),) if inputs.snapshot else ()
    own = OwnPart(
        analyzer=inputs.analyzer,
        circumstances=circumstances,
        document={"sha256": hashlib.sha256(document).hexdigest()},
        expires=in_text(expires),
        findings=_count_findings(verdict),
        image=inputs.image,
        policy=inputs.policy,
        reason=verdict.reason,
        snapshot=inputs.snapshot,
        verdict=verdict.verdict,
        signatures=_convert_signatures(inputs.signatures),
    )
    summary = _Summary(
        verifier=_Verifier(VERIFIER, {"hullmark": __version__}),
        time_verified=in_text(moment_in(inputs.at)),
        resource_uri=subjects.resource,
        policy=_Digests("urn:hullmark:policy", _digest_set(inputs.policy)),
        verification_result="PASSED" if passed else "FAILED",
        own=own,
        input_attestations=(*snapshot, *_attestations(inputs.signatures)),
        verified_levels=(level,) if passed else ("FAILED", level),
    )
    statement = {
        "_type": STATEMENT,
        "predicate": msgspec.to_builtins(summary),
        "predicateType": VSA,
        "subject": [Subject(subjects.name, _digest_set(digest)) for digest in subjects.digests],
    }
    return msgspec.json.encode(statement, order="sorted")


def read_verdict_statement(statement: Statement, payload: bytes) -> VerdictStatement:
    """What a verdict's statement says. Raises ValueError if it is something else, or contradicts itself."""
    if statement.predicate_type != VSA:
        raise ValueError(f"it is a statement of another kind: {statement.predicate_type[:100]}")
    try:
        summary = msgspec.json.decode(statement.predicate, type=_Summary)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"it is a verification summary of another verifier: {str(error)[:200]}") from error
    if summary.verifier.id != VERIFIER:
        raise ValueError(f"it is a verification summary by {summary.verifier.id[:100]}")
    if (summary.verification_result == "PASSED") != (summary.own.verdict in PASSING):
        raise ValueError("its result and its verdict contradict each other")
    try:
        at, expires = moment_in(summary.time_verified), moment_in(summary.own.expires)
    except HullmarkError as error:
        raise ValueError(str(error)) from error
    return VerdictStatement(
        subjects=statement.subject,
        resource=summary.resource_uri,
        at=at,
        expires=expires,
        own=summary.own,
        payload=payload,
    )


def resource_of(repository: str, digest: str) -> str:
    """The package URL of an image in a registry (purl type `oci`); a bare digest where it is in none."""
    if not repository:
        return digest
    name = repository.rpartition("/")[2]
    return make_purl("oci", name, digest, qualifiers={"repository_url": repository})


def expiry(at: datetime, valid: timedelta) -> datetime:
    """When a statement ends to hold. Raises HullmarkError where that is beyond all calendars, or at once."""
    try:
        if valid <= timedelta():
            raise OverflowError
        return at + valid
    except OverflowError as error:
        raise HullmarkError("a statement cannot be valid for that long", advice="write it as 7d or 12h") from error


def moment_in(text: str) -> datetime:
    """A time as RFC 3339 has it, with its zone. Raises HullmarkError."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise HullmarkError(f"{text[:40]!r} is not a time with a zone", advice="write 2026-03-01T12:00:00Z") from error


def in_text(moment: datetime) -> str:
    """A time in UTC, in whole seconds, as statements have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _convert_signatures(
    signatures: SignatureInputs | msgspec.UnsetType | None,
) -> StatementSignatures | msgspec.UnsetType | None:
    if not isinstance(signatures, SignatureInputs):
        return signatures
    handed = tuple(sorted(document.handed for document in signatures.documents))
    return StatementSignatures(documents=handed, subjects=signatures.subjects, unseen=signatures.unseen)


def _attestations(signatures: SignatureInputs | msgspec.UnsetType | None) -> tuple[_Digests, ...]:
    """Each document once, sorted; several signatures may be over the same bytes."""
    documents = signatures.documents if isinstance(signatures, SignatureInputs) else ()
    named = sorted({(document.digest, document.place) for document in documents})
    return tuple(_Digests(place, _digest_set(digest)) for digest, place in named)


def _digest_set(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value} if _HEX(value) else {"sha256": hashlib.sha256(digest.encode()).hexdigest()}


def _count_findings(verdict: Verdict) -> dict[str, int]:
    counts = {"stop": 0, "warn": 0, "excepted": 0}
    for finding in verdict.findings:
        name = "excepted" if finding.allowlisted is not None else finding.action.value
        counts[name] = counts.get(name, 0) + 1
    return counts
