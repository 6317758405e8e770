"""Whether a verdict's statement may be believed. Each reason to refuse one has an error of its own.

The order is that of the SLSA rules for consumers: signature, subject, kind, verifier, policy, time. All that it needs is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.proof.bundle import Bundle
from hullmark.proof.dsse import IN_TOTO, Envelope, Key, signer_of
from hullmark.proof.sigstore.signature import CertificateSignature, IdentityTrust, verify_certificate
from hullmark.proof.statement import Statement, read_statement
from hullmark.proof.verdict_statement import VerdictStatement, in_text, read_verdict_statement

_SKEW = timedelta(minutes=5)
_GET_NEW = "have the image judged again: hullmark check --sign"


class NotProven(HullmarkError):
    """No statement can be believed."""


class ChangedStatement(NotProven):
    """It names a trusted key, whose signature does not fit its bytes."""


class UntrustedKey(NotProven):
    """None of the trusted keys signed it."""


class UntrustedCertificate(NotProven):
    """A certificate signed it, which is not believed, or cannot be checked."""


class OtherSubject(NotProven):
    """It is about another image."""


class OtherStatement(NotProven):
    """It is not a verdict's statement."""


class OtherPolicy(NotProven):
    """The verdict is by another policy."""


class ExpiredStatement(NotProven):
    """It has ended to hold."""


class EarlyStatement(NotProven):
    """It was made later than now."""


class ReplayedStatement(NotProven):
    """It is older than one that is known, or than what is accepted."""


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement must fulfil. `subjects` are digests that stand for the image, any of them. `policy` is a policy's digest ("": any).

    `not_before`: the oldest time of a verdict that is accepted. `newest_known`: the time of the newest verdict of this image, by this
    policy, that was ever seen here. `identities` are trusted besides keys (None: none is).
    """

    keys: tuple[Key, ...]
    subjects: tuple[str, ...]
    now: datetime
    policy: str = ""
    not_before: datetime | None = None
    newest_known: datetime | None = None
    identities: IdentityTrust | None = None


class VerifiedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that may be believed, and the fingerprint of the key that signed it, or the identity (`by_certificate` says more)."""

    statement: VerdictStatement
    signer: str
    bundle: Bundle
    by_certificate: CertificateSignature | None = None


def verify_newest(bundles: Iterable[Bundle], expected: Expectations) -> VerifiedStatement:
    """The newest verdict among statements that may be believed; of two of the same time, one that did not pass.

    Older ones than the newest never count, even where the newest has expired. Raises NotProven: where none may be believed, for the
    reason that came nearest to belief.
    """
    refusals: list[NotProven] = []
    believed: list[VerifiedStatement] = []
    for bundle in bundles:
        try:
            believed.append(_verify_statement(bundle, expected))
        except NotProven as error:
            refusals.append(error)
    if not believed:
        raise max(refusals, key=_nearness, default=NotProven("there is no statement", advice=_GET_NEW))
    newest = max(believed, key=lambda verified: (verified.statement.at, not verified.statement.passed))
    check_times(newest.statement, expected)
    return newest


_BY_NEARNESS: Sequence[type[NotProven]] = (
    UntrustedKey,
    UntrustedCertificate,
    ChangedStatement,
    OtherStatement,
    OtherSubject,
    OtherPolicy,
)


def _nearness(error: NotProven) -> int:
    return next((place for place, kind in enumerate(_BY_NEARNESS) if isinstance(error, kind)), -1)


def _verify_statement(bundle: Bundle, expected: Expectations) -> VerifiedStatement:
    signer, certified = _signer(bundle, expected)
    statement = _statement_in(bundle.envelope)
    if not statement.is_about(expected.subjects):
        named = ", ".join(f"{name}:{value}" for subject in statement.subject for name, value in subject.digest.items())
        raise OtherSubject(f"the statement is about another image: {named[:200]}", advice=_GET_NEW)
    try:
        verdict = read_verdict_statement(statement, bundle.envelope.payload)
    except ValueError as error:
        raise OtherStatement(f"the statement is not a verdict: {error}", advice=_GET_NEW) from error
    if expected.policy and verdict.own.policy != expected.policy:
        raise OtherPolicy(
            f"the verdict is by another policy: {verdict.own.policy[:100]}", advice=f"expected is {expected.policy}"
        )
    return VerifiedStatement(statement=verdict, signer=signer, bundle=bundle, by_certificate=certified)


def _signer(bundle: Bundle, expected: Expectations) -> tuple[str, CertificateSignature | None]:
    """Who signed: a trusted key, or an identity by a certificate. Raises UntrustedKey, ChangedStatement, UntrustedCertificate."""
    if not bundle.has_certificate or signer_of(bundle.envelope, expected.keys):
        return verified_signer(bundle.envelope, expected.keys), None
    if expected.identities is None:
        raise UntrustedCertificate(
            "the statement is signed by a certificate, and nobody said whose are trusted",
            advice="name --trusted-root FILE, --certificate-identity and --certificate-oidc-issuer, if you trust one",
        )
    try:
        certified = verify_certificate(bundle.content, bundle.read_material(), expected.identities, expected.now)
    except ValueError as error:
        raise UntrustedCertificate(
            f"the statement is signed by a certificate that is not believed: {error}",
            advice="do not trust it, unless you know why that is so",
        ) from error
    return certified.identity.name, certified


def verified_signer(envelope: Envelope, keys: tuple[Key, ...]) -> str:
    """The fingerprint of the trusted key that signed. Raises UntrustedKey, ChangedStatement."""
    signer = signer_of(envelope, keys)
    if signer:
        return signer
    if not envelope.signatures:
        raise UntrustedKey("the statement is not signed", advice=_GET_NEW)
    if any(key.fingerprint in envelope.hints for key in keys):
        raise ChangedStatement(
            "the statement was changed after it was signed: it names the trusted key, whose signature does not fit",
            advice="do not trust it, nor where it came from",
        )
    raise UntrustedKey(
        "the statement is signed by none of the trusted keys, or was changed after it was signed",
        advice="name the signer's public key with --key, if you trust it",
    )


def _statement_in(envelope: Envelope) -> Statement:
    if envelope.payload_type != IN_TOTO:
        raise OtherStatement(f"what is signed is not a statement: {envelope.payload_type[:100]}", advice=_GET_NEW)
    try:
        return read_statement(envelope.payload)
    except ValueError as error:
        raise OtherStatement(f"what is signed is not a statement: {error}", advice=_GET_NEW) from error


def check_times(statement: VerdictStatement, expected: Expectations) -> None:
    """Raises ReplayedStatement, EarlyStatement, ExpiredStatement."""
    known = expected.newest_known
    if known is not None and statement.at < known:
        raise ReplayedStatement(
            f"a newer verdict, of {in_text(known)}, is known: this one, of {in_text(statement.at)}, is replayed",
            advice="get the newest one from who judges",
        )
    if expected.not_before is not None and statement.at < expected.not_before:
        raise ReplayedStatement(
            f"the verdict, of {in_text(statement.at)}, is older than what is accepted: {in_text(expected.not_before)}",
            advice=_GET_NEW,
        )
    if statement.at > expected.now + _SKEW:
        raise EarlyStatement(
            f"the verdict is of {in_text(statement.at)}, which is later than now", advice="check both clocks"
        )
    if expected.now >= statement.expires:
        raise ExpiredStatement(f"the statement expired at {in_text(statement.expires)}", advice=_GET_NEW)
