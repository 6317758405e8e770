"""From a verdict to a signed statement beside its image, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from hullmark.app.check import CheckOptions
from hullmark.model.digest import digest_of
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.verdict import Verdict
from hullmark.policy.context import NO_CONTEXT
from hullmark.proof.bundle import Bundle, SignedBundle, read_bundle, write_bundle
from hullmark.proof.signing import Signer
from hullmark.proof.verdict_statement import (
    VSA,
    Circumstances,
    Subjects,
    expiry,
    in_text,
    moment_in,
    resource_of,
    write_statement,
)
from hullmark.report import verdict_json
from hullmark.report.documents import encode
from hullmark.scanning.documents import read_bounded
from hullmark.source import classify
from hullmark.source.attach import DOCUMENT_LIMIT, Statement, attach, signed_documents
from hullmark.source.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Index, decode, parse_manifest
from hullmark.source.places import split_place
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.repository import Repository, WritableRepository
from hullmark.source.source import ImageNotFound

VALID_FOR = timedelta(days=7)
"""How long a statement holds unless something else was said."""


class SignedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as it was signed: the statement's bytes, the bundle and the envelope in it, and to what it may be attached."""

    statement: bytes
    bundle: bytes
    envelope: bytes
    subjects: tuple[Descriptor, ...]
    created: str
    policy: str
    annotations: dict[str, str] = {}


def subjects_of(source: InventorySource, repository: Repository | None) -> tuple[Descriptor, ...]:
    """The manifest that was judged, and the index that its reference leads to, where that holds no other image.

    An index of several platforms is not a subject: a verdict on one of them must not stand for the others.
    """
    if not source.digest:
        raise HullmarkError(
            "the image has no manifest, so that no digest stands for it in a statement",
            advice="judge it from a registry or an OCI layout",
        )
    if repository is None:
        return (Descriptor(source.digest, 0, OCI_MANIFEST),)
    own = subject_in(repository, source.digest)
    _, rest = classify(source.reference)
    version = _version(rest, repository)
    if version in ("", source.digest):
        return (own,)
    try:
        whole = repository.manifest(version)
    except ImageNotFound:
        return (own,)
    document = parse_manifest(whole, "what the reference leads to")
    if not isinstance(document, Index):
        return (own,)
    images = {entry.digest for entry in document.manifests if not entry.is_attestation}
    index = Descriptor(digest_of(whole), len(whole), _media_type(whole))
    return (own, index) if images == {source.digest} else (own,)


def _version(rest: str, repository: Repository) -> str:
    if isinstance(repository, RegistryRepository):
        return repository.reference.version
    return split_place(rest)[1]


def subject_in(repository: Repository, digest: str) -> Descriptor:
    """A manifest of a repository, as a statement is attached to it. Raises HullmarkError."""
    body = repository.manifest(digest)
    return Descriptor(digest, len(body), _media_type(body))


class _ManifestType(msgspec.Struct, rename="camel"):
    media_type: str = ""
    manifests: msgspec.Raw = msgspec.Raw()


def _media_type(body: bytes) -> str:
    typed = decode(body, _ManifestType, "the manifest")
    return typed.media_type or (OCI_INDEX if typed.manifests else OCI_MANIFEST)


def state(
    verdict: Verdict, subjects: tuple[Descriptor, ...], name: str, expires: datetime, circumstances: Circumstances
) -> bytes:
    """The bytes of a verdict's statement. `name` is the repository, "" where there is none."""
    digests = tuple(subject.digest for subject in subjects)
    about = Subjects(digests=digests, name=name, resource=resource_of(name, digests[0]))
    return write_statement(verdict, _document(verdict), about, expires, circumstances)


def _document(verdict: Verdict) -> bytes:
    """The verdict as JSON, without explanations."""
    document = verdict_json.document(verdict)
    return encode(msgspec.structs.replace(document, explanations=msgspec.UNSET))


def by_key(signer: Signer) -> Callable[[bytes], SignedBundle]:
    """Signs statements with a key."""

    def sign(statement: bytes) -> SignedBundle:
        bundle, envelope = write_bundle(statement, signer)
        return SignedBundle(bundle=bundle, envelope=envelope)

    return sign


def sign_verdict(
    verdict: Verdict,
    source: InventorySource,
    sign: Callable[[bytes], SignedBundle],
    place: StatementPlace,
    check_options: CheckOptions,
) -> SignedVerdict:
    """Make a verdict a statement, and sign it. Raises HullmarkError."""
    repository = place.repository
    subjects = subjects_of(source, repository)
    at = moment_in(verdict.inputs.at)
    name = repository.name if isinstance(repository, RegistryRepository) else ""
    payload = state(verdict, subjects, name, expiry(at, place.valid_for), circumstances_of(check_options, source))
    signed = sign(payload)
    return SignedVerdict(
        statement=payload,
        bundle=signed.bundle,
        envelope=signed.envelope,
        annotations=signed.annotations,
        subjects=subjects,
        created=in_text(at),
        policy=verdict.inputs.policy,
    )


class StatementPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the judged image is (None: in no repository), and for how long a statement about it holds."""

    repository: Repository | None
    valid_for: timedelta = VALID_FOR


def attach_verdict(signed: SignedVerdict, repository: WritableRepository) -> tuple[str, ...]:
    """Put a signed verdict beside each of its subjects; returns the digests of the artifacts."""
    statement = Statement(
        bundle=signed.bundle,
        envelope=signed.envelope,
        predicate_type=VSA,
        created=signed.created,
        replaces=signed.policy,
        annotations=signed.annotations,
    )
    return tuple(attach(repository, subject, statement) for subject in signed.subjects)


def circumstances_of(options: CheckOptions, source: InventorySource) -> Circumstances:
    """How was judged, as a statement says it."""
    return Circumstances(
        reference=options.tag if options.tag is not None else (source.tags[0] if source.tags else ""),
        environment=options.environment,
        profile=options.profile,
        context=digest_of(msgspec.json.encode(options.context, order="sorted"))
        if options.context != NO_CONTEXT
        else "",
        dockerfile=digest_of(options.dockerfile.encode("utf-8", "surrogatepass")) if options.dockerfile else "",
        options=",".join((options.unmapped.value, options.digest, *options.without_quirks)),
        trusted_keys=digest_of_trust(options),
    )


def digest_of_trust(options: CheckOptions) -> str:
    """What stands in a statement for the keys and the trusted root that were handed over, "" for none."""
    handed = "".join((*options.trusted_keys, options.trusted_root))
    return digest_of(handed.encode()) if handed else ""


def bundles_in(path: Path) -> tuple[Bundle, ...]:
    """The statements in a file: one bundle or envelope, or one a line. Raises HullmarkError."""
    body = read_bounded(path, DOCUMENT_LIMIT)
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return tuple(read_bundle(line) for line in lines)
    return (read_bundle(body),)


class AttachedBundles(msgspec.Struct, frozen=True, kw_only=True):
    """Statements beside an image. `unreadable` is what is not a statement, `unseen` what was not looked at, and may be one: clauses."""

    bundles: tuple[Bundle, ...] = ()
    unreadable: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def bundles_at(repository: Repository, subjects: tuple[str, ...]) -> AttachedBundles:
    """The statements beside some manifests. Raises HullmarkError where the repository cannot be asked."""
    found = signed_documents(repository, subjects)
    bundles, unreadable = [], []
    for document in found.documents:
        if not document.holds_statement:
            continue
        try:
            bundles.append(read_bundle(document.body, document.annotations))
        except HullmarkError as error:
            unreadable.append(f"{document.place[:19]}: {error}")
    return AttachedBundles(bundles=tuple(bundles), unreadable=tuple(unreadable), unseen=found.unseen)
