"""Does a certificate lead to an authority that is trusted? (RFC 5280, section 6, as far as Sigstore's profile goes.)

What the profile does not know of (constraints on names, critical extensions of other kinds) is refused, never passed over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.proof.sigstore.refusal import NotTrusted, NotVerified
from hullmark.proof.sigstore.trusted_root import Authority

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Extensions, ObjectIdentifier

_DEEPEST = Limit(8, "certificates from a signer's to its authority's", "refused")
_KNOWN_CRITICAL = frozenset(
    # keyUsage, subjectAltName, basicConstraints, extKeyUsage
    ("2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37")
)
_NAME_CONSTRAINTS = "2.5.29.30"


def issuer_of(
    leaf: Certificate,
    extra: tuple[Certificate, ...],
    authorities: Iterable[Authority],
    moment: datetime,
    usage: ObjectIdentifier,
) -> Certificate:
    """The certificate that issued a signer's own, if a chain of certificates that are all valid at the moment leads to a trusted authority.

    `extra` are certificates that came with the signature: they may lead there, and are not trusted themselves. `usage` is what the signer's
    certificate must be for. Raises NotTrusted if no authority issued it, NotVerified if it is not valid.
    """
    from cryptography.x509 import ExtensionNotFound

    try:
        _check_leaf(leaf, moment, usage)
    except ExtensionNotFound as error:
        raise NotVerified(f"its certificate is not for this use: it has no {error.oid._name}") from error
    refusal: NotVerified = NotTrusted("its certificate leads to none of the trusted authorities")
    issuance = _Issuance()
    for authority in authorities:
        path = _path(leaf, authority, extra, issuance)
        if not path:
            continue
        try:
            if not authority.span.covers(moment):
                raise NotVerified(f"its authority did not count at {moment:%Y-%m-%dT%H:%M:%SZ}, by the trusted root")
            for below, certificate in enumerate(path[1:]):
                _check_authority(certificate, below, moment, usage)
        except NotVerified as error:
            refusal = error
            continue
        return path[1]
    raise refusal


class _Issuance:
    """Which certificate issued which, each pair looked at once: whoever signs chooses the certificates that come along."""

    def __init__(self) -> None:
        self._known: dict[tuple[Certificate, Certificate], bool] = {}

    def holds(self, issuer: Certificate, certificate: Certificate) -> bool:
        """Whether the one's key signed the other."""
        if issuer.subject != certificate.issuer:
            return False
        pair = (issuer, certificate)
        if pair not in self._known:
            self._known[pair] = _has_issued(issuer, certificate)
        return self._known[pair]


def _path(
    leaf: Certificate, authority: Authority, extra: tuple[Certificate, ...], issuance: _Issuance
) -> tuple[Certificate, ...]:
    """The shortest way from a certificate to a root of the authority, both included; () for none. Each certificate is visited once."""
    waiting: deque[tuple[Certificate, ...]] = deque([(leaf,)])
    left = dict.fromkeys((*authority.anchors, *authority.others, *extra))
    while waiting:
        path = waiting.popleft()
        if len(path) > 1 and path[-1] in authority.anchors:
            return path
        if len(path) >= _DEEPEST:
            continue
        for candidate in [each for each in left if issuance.holds(each, path[-1])]:
            del left[candidate]
            waiting.append((*path, candidate))
    return ()


def _has_issued(issuer: Certificate, certificate: Certificate) -> bool:
    def verify() -> bool:
        certificate.verify_directly_issued_by(issuer)
        return True

    return guard_call(verify, lambda error: False)


def extensions_of(certificate: Certificate) -> Extensions:
    """What a certificate says besides. Raises NotVerified where it cannot be read."""

    def raise_damage(error: Exception) -> Extensions:
        raise NotVerified(f"an extension of its certificate cannot be read: {str(error)[:100]}") from error

    return guard_call(lambda: certificate.extensions, raise_damage)


def check_moment(certificate: Certificate, moment: datetime) -> None:
    """Raises NotVerified unless the certificate is valid at the moment."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= moment <= end:
        raise NotVerified(
            f"its certificate is valid from {begin:%Y-%m-%dT%H:%M:%SZ} until {end:%Y-%m-%dT%H:%M:%SZ}, "
            f"and not at {moment:%Y-%m-%dT%H:%M:%SZ}"
        )


def _check_leaf(leaf: Certificate, moment: datetime, usage: ObjectIdentifier) -> None:
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage, KeyUsage

    extensions = extensions_of(leaf)
    _check_critical(extensions)
    check_moment(leaf, moment)
    if usage not in extensions.get_extension_for_class(ExtendedKeyUsage).value:
        raise NotVerified(f"its certificate is not for {usage._name}")
    if not extensions.get_extension_for_class(KeyUsage).value.digital_signature:
        raise NotVerified("its certificate is not for signatures")
    if any(isinstance(extension.value, BasicConstraints) and extension.value.ca for extension in extensions):
        raise NotVerified("its certificate is an authority's own")


def _check_authority(certificate: Certificate, below: int, moment: datetime, usage: ObjectIdentifier) -> None:
    """`below` is how many authorities stand between it and the signer's certificate."""
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extensions = extensions_of(certificate)
    _check_critical(extensions)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= moment <= end:
        raise NotVerified(f"a certificate of its authority is not valid at {moment:%Y-%m-%dT%H:%M:%SZ}")
    is_authority = False
    for value in (extension.value for extension in extensions):
        if isinstance(value, BasicConstraints):
            is_authority = value.ca and (value.path_length is None or below <= value.path_length)
        elif isinstance(value, KeyUsage) and not value.key_cert_sign:
            raise NotVerified("a certificate of its chain may not sign certificates")
        elif isinstance(value, ExtendedKeyUsage) and not {usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
            value
        ):
            raise NotVerified(f"a certificate of its chain is not for {usage._name}")
    if not is_authority:
        raise NotVerified("a certificate of its chain is not an authority's")


def _check_critical(extensions: Extensions) -> None:
    for extension in extensions:
        name = extension.oid.dotted_string
        if name == _NAME_CONSTRAINTS or (extension.critical and name not in _KNOWN_CRITICAL):
            raise NotVerified(f"a certificate has an extension that cannot be checked: {name}")
