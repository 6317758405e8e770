"""Who signed, by a certificate of Sigstore's. Everything that it takes is handed in: no log and no authority is asked.

The steps are those of Sigstore's clients (sigstore/architecture-docs, client-spec.md, section 4), those first that cost least.
All times that are proven must lie in the certificate's.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.guard import guard_call
from hullmark.proof.dsse import Key, checked_key
from hullmark.proof.sigstore.certificate_log import check_certificate_log
from hullmark.proof.sigstore.chain import check_moment, issuer_of
from hullmark.proof.sigstore.content import SignedContent
from hullmark.proof.sigstore.entry_body import check_body
from hullmark.proof.sigstore.identity import CertificateIdentity, ExpectedIdentity, check_identity, identity_of
from hullmark.proof.sigstore.material import Material
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.timestamp import stamped_at
from hullmark.proof.sigstore.transparency import moment_of
from hullmark.proof.sigstore.trusted_root import TrustedRoot, read_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_NO_LOG = "that the signature is in a transparency log, which was ignored"
_NO_CERTIFICATE_LOG = "that the certificate is in a log of certificates: the trusted root names none"
_IGNORED_CERTIFICATE_LOG = "that the certificate is in a log of certificates, which was ignored"
_NO_TIME = "when it was signed: the certificate is valid now"


class IdentityTrust(msgspec.Struct, frozen=True, kw_only=True):
    """Whose certificates are believed, for whom. What is ignored is then not proven: `ignores_log` is about the transparency log,
    `ignores_certificate_log` about timestamps in certificates."""

    root: TrustedRoot
    identities: tuple[ExpectedIdentity, ...]
    ignores_log: bool = False
    ignores_certificate_log: bool = False


class CertificateSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that is believed: whose, by which certificate (its fingerprint), at which proven times; `unproven` are clauses."""

    identity: CertificateIdentity
    fingerprint: str
    times: tuple[datetime, ...] = ()
    unproven: tuple[str, ...] = ()


def verify_certificate(
    content: SignedContent, material: Material, trust: IdentityTrust, now: datetime
) -> CertificateSignature:
    """Who signed. Raises NotTrusted for an authority or identity that is not trusted, NotVerified for what is wrong or cannot be
    checked. `now` counts where no time is proven, and need not be."""

    def raise_unverifiable(error: Exception) -> CertificateSignature:
        raise NotVerified(f"its certificate cannot be checked: {str(error)[:200]}") from error

    # The library reads parts of certificates when they are asked for, and has many ways to say that one is damaged.
    return guard_call(lambda: _verify_content(content, material, trust, now), raise_unverifiable, NotVerified)


def _verify_content(
    content: SignedContent, material: Material, trust: IdentityTrust, now: datetime
) -> CertificateSignature:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    # 1. Whom the certificate names, and whether the signature is its key's.
    leaf, extra = _certificates(material)
    identity = identity_of(leaf)
    check_identity(identity, trust.identities)
    signature = content.signature_by(key_of(leaf))
    if not signature:
        raise NotVerified("it was changed after it was signed: its certificate's key did not sign this")
    # 2. The times that are proven, all in the certificate's.
    times, unproven = _times(content, signature, material, trust)
    for moment in times:
        check_moment(leaf, moment)
    # 3. The chain, at each of them.
    usage, authorities = ExtendedKeyUsageOID.CODE_SIGNING, trust.root.authorities
    issuers = [issuer_of(leaf, extra, authorities, moment, usage) for moment in times or (now,)]
    # 4. The log of certificates.
    if trust.ignores_certificate_log or not trust.root.names_certificate_logs:
        unproven += (_IGNORED_CERTIFICATE_LOG if trust.ignores_certificate_log else _NO_CERTIFICATE_LOG,)
    else:
        check_certificate_log(leaf, issuers[0], trust.root.certificate_logs)
    return CertificateSignature(
        identity=identity,
        fingerprint=f"sha256:{hashlib.sha256(material.certificates[0]).hexdigest()}",
        times=times,
        unproven=unproven,
    )


def _certificates(material: Material) -> tuple[Certificate, tuple[Certificate, ...]]:
    if not material.certificates:
        raise NotVerified("it comes with no certificate")
    try:
        leaf, *extra = (read_certificate(der) for der in material.certificates)
    except ValueError as error:
        raise NotVerified("its certificate cannot be read") from error
    return leaf, tuple(extra)


def key_of(certificate: Certificate) -> Key:
    """The key in a certificate. Raises NotVerified."""

    def raise_unverifiable(error: Exception) -> Key:
        raise NotVerified("the key in its certificate is of a kind that cannot be checked") from error

    return guard_call(lambda: checked_key(certificate.public_key(), "its certificate"), raise_unverifiable)


def _times(
    content: SignedContent, signature: bytes, material: Material, trust: IdentityTrust
) -> tuple[tuple[datetime, ...], tuple[str, ...]]:
    """All proven times, and what is not proven. Unless the log is ignored, its entry must be good and some time proven."""
    from_log = () if trust.ignores_log else _verify_log_entries(content, signature, material, trust.root)
    stamped, refusal = _verify_timestamps(content, signature, material, trust.root)
    times = tuple(sorted({*from_log, *stamped}))
    if times:
        return times, (_NO_LOG,) if trust.ignores_log else ()
    if refusal is not None:
        raise refusal
    if not trust.ignores_log:
        raise NotVerified("nothing proves when it was signed: no log signed a time, and it has no timestamp")
    return (), (_NO_LOG, _NO_TIME)


def _verify_log_entries(
    content: SignedContent, signature: bytes, material: Material, root: TrustedRoot
) -> tuple[datetime, ...]:
    if not root.logs:
        raise NotVerified("the trusted root names no transparency log that can be used")
    if not material.entries:
        raise NotVerified("it comes with no entry of a transparency log")
    moments = []
    for entry in material.entries:
        moments.append(moment_of(entry, root.logs, needs_proof=material.needs_proof))
        check_body(entry.body, content, signature, material.certificates[0])
    return tuple(moment for moment in moments if moment is not None)


def _verify_timestamps(
    content: SignedContent, signature: bytes, material: Material, root: TrustedRoot
) -> tuple[tuple[datetime, ...], NotVerified | None]:
    """Times of authorities that the root names; one of another authority is none, and the last reason why is told."""
    times, refusal = [], None
    for stamp in material.timestamps if root.timestamp_authorities else ():
        try:
            times.append(stamped_at(stamp, content.envelope or signature, root.timestamp_authorities))
        except NotVerified as error:
            refusal = error
    return tuple(times), refusal
