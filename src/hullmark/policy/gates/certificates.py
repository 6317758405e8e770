"""Gate `certificates`: certificates that have expired or are weak, and private keys that were left in the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from hullmark.model.certificate import Certificate, Item, KeyFile, KeyStore, PrivateKey, Unread
from hullmark.model.verdict import Evidence
from hullmark.policy.days import later
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob

_WEAK_HASHES = (NameGlob("md*"), NameGlob("sha1"), NameGlob("unknown"))

_STORES = (
    "/etc/ssl/certs/**",
    "/etc/ssl/cert.pem",
    "/etc/pki/**",
    "/usr/share/ca-certificates/**",
    "/usr/share/pki/**",
    "/usr/local/share/ca-certificates/**",
)
_AUTHORITIES = PathGlobs(tuple(map(PathGlob, (*_STORES, "cacert.pem", "cacerts", "ca-bundle.crt"))))

Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
Bits = Annotated[int, Meta(ge=0, le=100_000)]


class CertificateValidity(Params, frozen=True, kw_only=True):
    """Fires for each certificate that has expired, is not valid yet, or expires within `within_days` days."""

    paths: Annotated[
        tuple[PathGlob, ...], Meta(description="Only the certificates in these files; none: all files.")
    ] = ()
    allow: Allow = ()
    within_days: Annotated[
        int, Meta(ge=0, le=100_000, description="Also certificates that expire within this number of days.")
    ] = 0
    not_yet_valid: Annotated[bool, Meta(description="Whether certificates that are not valid yet count.")] = True


class Weak(Params, frozen=True, kw_only=True):
    """Fires for each certificate or private key that is too short, and for each certificate whose signature is too weak.

    The signatures of self-signed certificates are not checked, because nobody relies on them.
    """

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only those in these files; none: all files.")] = ()
    allow: Allow = ()
    rsa_bits: Annotated[Bits, Meta(description="The smallest RSA or DSA key.")] = 2048
    ec_bits: Annotated[Bits, Meta(description="The smallest key on an elliptic curve.")] = 224
    hashes: Annotated[
        tuple[NameGlob, ...], Meta(description="Hashes that must not be used in signatures; none: md5, sha1 and older.")
    ] = ()


class SelfSigned(Params, frozen=True, kw_only=True):
    """Fires for each self-signed certificate. Those in the stores of certificate authorities are left out, because all of them are
    self-signed.
    """

    paths: Annotated[
        tuple[PathGlob, ...], Meta(description="Only the certificates in these files; none: all files.")
    ] = ()
    allow: Allow = ()


class PrivateKeys(Params, frozen=True, kw_only=True):
    """Fires for each private key in a file, including files that a later layer deletes: anyone who has the image has the key."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only the keys in these files; none: all files.")] = ()
    allow: Allow = ()
    encrypted: Annotated[bool, Meta(description="Whether keys with a password count.")] = True


class UsualPassword(Params, frozen=True, kw_only=True):
    """Fires for each key store that anyone can open: with the password changeit, or without a password."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only these key stores; none: all.")] = ()
    allow: Allow = ()
    without_keys: Annotated[bool, Meta(description="Whether stores without a private key count.")] = False


def check_validity(params: CertificateValidity, facts: Facts) -> Iterator[Answer]:
    """Check the dates of certificates."""
    for file, item in _items(params, facts):
        if isinstance(item, Unread):
            yield _unread(file, item, facts)
        elif isinstance(item, Certificate):
            wrong = _wrong_time(params, item, facts)
            if wrong:
                message = f"The certificate of {item.name} in {file.path} {wrong}."
                yield Violation(f"{file.path}#{item.fingerprint}", message, _at(file, facts, item.fingerprint))


def weak(params: Weak, facts: Facts) -> Iterator[Answer]:
    """Check keys and signatures."""
    for file, item in _items(params, facts):
        if isinstance(item, Unread):
            yield _unread(file, item, facts)
            continue
        if isinstance(item, KeyStore):
            continue
        least = {"rsa": params.rsa_bits, "dsa": params.rsa_bits, "ec": params.ec_bits}.get(item.key, 0)
        what = f"The certificate of {item.name}" if isinstance(item, Certificate) else "The private key"
        subject = f"{file.path}#{item.fingerprint if isinstance(item, Certificate) else item.number}"
        if 0 < item.bits < least:
            message = f"{what} in {file.path} has {item.bits} bits ({item.key}), and must have {least}."
            yield Violation(subject, message, _at(file, facts, f"{item.key} {item.bits}"))
        elif isinstance(item, Certificate) and not item.is_self_signed and _is_weak_hash(params, item.hash_name):
            message = f"{what} in {file.path} is signed with {item.hash_name}, which is too weak."
            yield Violation(subject, message, _at(file, facts, item.hash_name))


def self_signed(params: SelfSigned, facts: Facts) -> Iterator[Answer]:
    """Report certificates that no authority vouches for."""
    for file, item in _items(params, facts):
        if isinstance(item, Unread):
            yield _unread(file, item, facts)
        elif isinstance(item, Certificate) and item.is_self_signed and not _AUTHORITIES.match(file.path):
            message = f"The certificate of {item.name} in {file.path} signs itself."
            yield Violation(f"{file.path}#{item.fingerprint}", message, _at(file, facts, item.fingerprint))


def private_key(params: PrivateKeys, facts: Facts) -> Iterator[Answer]:
    """Report private keys."""
    certified = _index_certificates(facts)
    for file, item in _items(params, facts):
        if isinstance(item, PrivateKey) and (params.encrypted or not item.is_encrypted):
            protected = "a private key that a password protects" if item.is_encrypted else "a private key"
            protected += f" that the password {item.password} opens" if item.password else ""
            kind = f" ({item.key} {item.bits or ''}".rstrip() + ")" if item.key else ""
            deleted = " (a later layer deletes or replaces it)" if file.is_ghost else ""
            beside = _nearest(file, certified.get(item.public, ()))
            message = f"The file {file.path}{deleted} holds {protected}{kind}{beside}: whoever has the image has it."
            subject = f"{file.path}#{item.number}" + (f"@{file.layer}" if file.is_ghost else "")
            yield Violation(subject, message, _at(file, facts, item.key))
        elif isinstance(item, Unread) and item.may_be_key:
            yield _unread(file, item, facts)


def usual_password(params: UsualPassword, facts: Facts) -> Iterator[Answer]:
    """Report key stores that a well-known password opens."""
    for file, item in _items(params, facts):
        if isinstance(item, KeyStore) and item.password is not None and (item.keys or params.without_keys):
            how = f"with the password {item.password}" if item.password else "without a password"
            message = f"The key store {file.path} ({item.format}, private keys: {item.keys}) can be opened {how}."
            yield Violation(file.path, message, _at(file, facts, item.format))
        elif isinstance(item, Unread) and item.may_be_key:
            yield _unread(file, item, facts)


def _index_certificates(facts: Facts) -> dict[str, list[tuple[str, str]]]:
    """The path and name of each certificate, by its public key."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in facts.certificates or ():
        for item in file.items:
            if isinstance(item, Certificate) and item.public and not file.is_ghost:
                found.setdefault(item.public, []).append((file.path, item.name))
    return found


def _nearest(file: KeyFile, certificates: Sequence[tuple[str, str]]) -> str:
    """Words about the certificate that belongs to a key. The one in the key's own file is preferred, then one in its folder, then any
    other.
    """
    if not certificates:
        return ""
    folder = file.path.rpartition("/")[0]
    path, name = min(certificates, key=lambda one: (one[0] != file.path, one[0].rpartition("/")[0] != folder, one))
    return f", beside its certificate of {name}" + (f" in {path}" if path != file.path else "")


def _is_weak_hash(params: Weak, name: str) -> bool:
    return name != "" and any(glob.matches(name) for glob in params.hashes or _WEAK_HASHES)


def _wrong_time(params: CertificateValidity, certificate: Certificate, facts: Facts) -> str:
    if certificate.ends < facts.now:
        return f"expired on {certificate.ends:%Y-%m-%d}"
    if params.not_yet_valid and facts.now < certificate.begins:
        return f"is not valid before {certificate.begins:%Y-%m-%d}"
    if params.within_days and certificate.ends < facts.now + timedelta(days=params.within_days):
        return f"expires on {certificate.ends:%Y-%m-%d}, in {(certificate.ends - facts.now).days} days"
    return ""


def _turns(params: CertificateValidity, facts: Facts) -> Iterator[datetime]:
    """The times at which certificates become valid, end, or are about to end."""
    for _, item in _items(params, facts):
        if isinstance(item, Certificate):
            yield from later(item.ends, 0, is_beyond=True)
            if params.not_yet_valid:
                yield item.begins
            if params.within_days:
                yield from later(item.ends, -params.within_days, is_beyond=True)


def _items(
    params: CertificateValidity | Weak | SelfSigned | PrivateKeys | UsualPassword, facts: Facts
) -> Iterator[tuple[KeyFile, Item]]:
    """The contents of the files that count. Files that later layers deleted count for private keys only."""
    allow, wanted = PathGlobs(params.allow), PathGlobs(params.paths)
    for file in facts.certificates or ():
        is_left_out = file.is_ghost and not isinstance(params, PrivateKeys)
        if is_left_out or allow.match(file.path) or (params.paths and not wanted.match(file.path)):
            continue
        for item in file.items:
            yield file, item


def _unread(file: KeyFile, item: Unread, facts: Facts) -> CannotTell:
    return CannotTell(f"of the file {file.path} not all is known: {item.reason}", _at(file, facts))


def _at(file: KeyFile, facts: Facts, detail: str = "") -> tuple[Evidence, ...]:
    return (facts.at(file.path, file.layer, detail),)


def _renew(params: CertificateValidity | Weak | SelfSigned, subject: str) -> str:
    return f"replace the certificate or key in {subject.partition('#')[0]}, or remove the file"


def _change(params: UsualPassword, subject: str) -> str:
    return f"give {subject} a password of its own, or hand it over when the container starts"


def _remove(params: PrivateKeys, subject: str) -> str:
    path = subject.partition("#")[0]
    return f"build without {path} in any layer, hand the key over when the container starts, and replace it"


_NEEDS = frozenset((Need.CERTIFICATES,))

TRIGGERS = (
    Trigger(
        gate="certificates",
        name="expired",
        params=CertificateValidity,
        check=check_validity,
        needs=_NEEDS,
        advice=_renew,
        deadlines=_turns,
    ),
    Trigger(gate="certificates", name="weak", params=Weak, check=weak, needs=_NEEDS, advice=_renew),
    Trigger(
        gate="certificates",
        name="self_signed",
        params=SelfSigned,
        check=self_signed,
        needs=_NEEDS,
        advice=_renew,
    ),
    Trigger(
        gate="certificates",
        name="private_key",
        params=PrivateKeys,
        check=private_key,
        needs=_NEEDS,
        advice=_remove,
    ),
    Trigger(
        gate="certificates",
        name="usual_password",
        params=UsualPassword,
        check=usual_password,
        needs=_NEEDS,
        advice=_change,
    ),
)
