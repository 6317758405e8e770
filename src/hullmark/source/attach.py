"""Signed statements beside an image: as artifacts whose subject it is, and under the tag that cosign had before.

Sigstore's bundles in OCI 1.1 (cosign's `BUNDLE_SPEC.md`: artifactType, annotations) and cosign's `.att` tag (its `SPEC.md`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from hullmark.model.digest import digest_of, is_digest
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.signed_document import SIGNATURE, SignedDocument, SignedDocuments
from hullmark.proof.bundle import BUNDLE, ENVELOPE
from hullmark.source.manifest import OCI_MANIFEST, Descriptor, decode
from hullmark.source.repository import (
    BytesBlob,
    Referrer,
    Repository,
    WritableRepository,
    small_blob,
)
from hullmark.source.rewriting import rewrite
from hullmark.source.signature_tags import fallback_tag
from hullmark.source.source import ImageNotFound

DOCUMENT_LIMIT = Limit(32 << 20, "bytes of one signed statement")
"""Bytes of one signed statement."""

_ALL_LIMIT = Limit(128 << 20, "bytes of all signed statements of an image")
_MOST = Limit(200, "signed statements of an image")
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_CONTENT = "dev.sigstore.bundle.content"
_PREDICATE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is attached: a bundle, the envelope in it, the predicate's type, when it was made, and what it replaces under `.att`.

    `replaces`: of statements under the tag, those that say the same of themselves make room for it ("": none does). `annotations` are
    those that it has under the tag besides.
    """

    bundle: bytes
    envelope: bytes
    predicate_type: str
    created: str
    replaces: str = ""
    annotations: dict[str, str] = {}


_REPLACES = "hullmark.statement"


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    layers: tuple[Descriptor, ...] = ()


def attach(repository: WritableRepository, subject: Descriptor, statement: Statement) -> str:
    """Put a statement beside a manifest, in both forms; returns the digest of the artifact. Raises HullmarkError."""
    digest = _attach_artifact(repository, subject, statement)
    _attach_tag(repository, subject.digest, statement)
    return digest


def _attach_artifact(repository: WritableRepository, subject: Descriptor, statement: Statement) -> str:
    empty, content = BytesBlob(b"{}"), BytesBlob(statement.bundle)
    annotations = {_CONTENT: "dsse-envelope", _PREDICATE: statement.predicate_type, _CREATED: statement.created}
    document = {
        "annotations": annotations,
        "artifactType": BUNDLE,
        "config": empty.descriptor(_EMPTY_TYPE),
        "layers": [content.descriptor(BUNDLE)],
        "mediaType": OCI_MANIFEST,
        "schemaVersion": 2,
        "subject": {"digest": subject.digest, "mediaType": subject.media_type, "size": subject.size},
    }
    body = msgspec.json.encode(document, order="sorted")
    for blob in (empty, content):
        repository.put_blob(blob)
    referrer = Referrer(
        media_type=OCI_MANIFEST,
        digest=digest_of(body),
        size=len(body),
        artifact_type=BUNDLE,
        annotations=annotations,
    )
    repository.put_referrer(subject.digest, referrer, body)
    return referrer.digest


def _attach_tag(repository: WritableRepository, subject: str, statement: Statement) -> None:
    tag = f"{fallback_tag(subject)}.att"
    content = BytesBlob(statement.envelope)
    repository.put_blob(content)

    def read() -> bytes | None:
        try:
            return repository.manifest(tag)
        except ImageNotFound:
            return None

    def change(before: bytes | None) -> bytes:
        return _with_statement(repository, tag, _layers(before, tag), statement)

    def put(body: bytes) -> None:
        repository.put_manifest(tag, body, OCI_MANIFEST)

    def is_in(now: bytes | None) -> bool:
        return any(
            layer.digest == content.digest or (statement.replaces and layer.named(_REPLACES) == statement.replaces)
            for layer in _layers(now, tag)
        )

    rewrite(read, change, put, is_in)


def _with_statement(
    repository: WritableRepository, tag: str, layers: tuple[Descriptor, ...], statement: Statement
) -> bytes:
    """The manifest of these statements and one more; its config is put there."""
    content = BytesBlob(statement.envelope)
    own = {**statement.annotations, SIGNATURE: "", "predicateType": statement.predicate_type}
    if statement.replaces:
        own[_REPLACES] = statement.replaces
    kept = [
        layer
        for layer in layers
        if layer.digest != content.digest and not (statement.replaces and layer.named(_REPLACES) == statement.replaces)
    ]
    if len(kept) >= _MOST:
        raise HullmarkError(f"{tag} has {len(kept)} statements", advice="remove some that have expired: cosign clean")
    written = [_as_written(layer) for layer in kept] + [{**content.descriptor(ENVELOPE), "annotations": own}]
    config = BytesBlob(_config([str(layer["digest"]) for layer in written]))
    repository.put_blob(config)
    document = {
        "config": config.descriptor(_CONFIG_TYPE),
        "layers": written,
        "mediaType": OCI_MANIFEST,
        "schemaVersion": 2,
    }
    return msgspec.json.encode(document, order="sorted")


def _as_written(layer: Descriptor) -> dict[str, object]:
    annotations = dict(sorted((layer.annotations or {}).items()))
    return {"annotations": annotations, "digest": layer.digest, "mediaType": layer.media_type, "size": layer.size}


def _config(layers: list[str]) -> bytes:
    """The config of an image of these layers, which are not file systems, as cosign writes it."""
    never = "0001-01-01T00:00:00Z"
    document = {
        "architecture": "",
        "config": {},
        "created": never,
        "history": [{"created": never}] * len(layers),
        "os": "",
        "rootfs": {"diff_ids": layers, "type": "layers"},
    }
    return msgspec.json.encode(document, order="sorted")


def _layers(body: bytes | None, tag: str) -> tuple[Descriptor, ...]:
    return decode(body, _Manifest, f"what is under {tag}").layers if body is not None else ()


# Reading


def signed_documents(repository: Repository, subjects: tuple[str, ...]) -> SignedDocuments:
    """All signatures, attestations and bundles beside some manifests. Raises HullmarkError where the repository cannot be asked."""
    reading = _Reading(repository)
    for subject in subjects:
        reading.read_all(subject)
    documents = sorted(reading.documents.values(), key=lambda document: (document.subject, document.place))
    return SignedDocuments(documents=tuple(documents), unseen=tuple(reading.unseen), subjects=subjects)


class _Reading:
    """Documents by subject and digest, within bounds."""

    def __init__(self, repository: Repository) -> None:
        self.documents: dict[tuple[str, str, str], SignedDocument] = {}
        self.unseen: list[str] = []
        self._repository = repository
        self._left: int = _ALL_LIMIT

    def read_all(self, subject: str) -> None:
        """Read what is attached to a manifest."""
        listed = self._repository.referrers(subject)
        if listed.unseen:
            self.unseen.append(listed.unseen)
        for referrer in listed.referrers:
            self._read_artifact(referrer, subject)
        for ending in (".att", ".sig"):
            with suppress(ImageNotFound):
                self._read_manifest(f"{fallback_tag(subject)}{ending}", subject)

    def _read_artifact(self, referrer: Referrer, subject: str) -> None:
        if not _may_be_signed(referrer.artifact_type):
            return
        try:
            self._read_manifest(referrer.digest, subject)
        except ImageNotFound:
            self.unseen.append(f"{referrer.digest[:19]} is listed and is not there")

    def _read_manifest(self, version: str, subject: str) -> None:
        """Read what is below a manifest. Raises ImageNotFound, and HullmarkError where the repository cannot be asked."""
        try:
            layers = decode(self._repository.manifest(version), _Manifest, f"what is under {version}").layers
        except BrokenImage as error:
            self.unseen.append(str(error))
            return
        for layer in self._select_layers(layers):
            try:
                content = small_blob(self._repository, layer, min(DOCUMENT_LIMIT, self._left))
            except HullmarkError as error:
                self.unseen.append(f"{layer.digest[:19]}: {error}")
                continue
            self._left -= layer.size
            key = (subject, layer.digest, layer.named(SIGNATURE))
            self.documents[key] = SignedDocument(
                place=layer.digest,
                media_type=layer.media_type,
                body=content,
                subject=subject,
                annotations=layer.annotations or {},
            )

    def _select_layers(self, layers: tuple[Descriptor, ...]) -> Iterator[Descriptor]:
        for layer in layers:
            if not is_digest(layer.digest):
                self.unseen.append(f"{layer.digest[:80]!r} is not a digest by sha256 or sha512")
                continue
            if len(self.documents) >= _MOST:
                self.unseen.append(f"there are more than {_MOST} signed documents")
                return
            yield layer


def _may_be_signed(kind: str) -> bool:
    """Whether an artifact of this type may hold a signature or a statement; documents of an unclear type are looked into."""
    vague = not kind or kind.startswith(("application/vnd.oci.", "application/vnd.dev.", "application/vnd.cncf.notary"))
    return vague or any(word in kind for word in ("dsse", "in-toto", "sigstore", "cosign"))
