"""VEX documents about an image in its registry: OCI distribution 1.1 referrers and their fallback tag, cosign's `.att` tag,
and what BuildKit puts beside an image in its index.

They are in-toto statements (https://github.com/in-toto/attestation, v0.1 and v1) in DSSE envelopes or sigstore bundles, or artifacts
whose subject is the image. Media types are not settled: they tell what is worth fetching, the content tells what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import msgspec

from hullmark.model.digest import checked_digest, digest_of, is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import parse_reference
from hullmark.net.errors import NetError
from hullmark.net.http import Client
from hullmark.proof.bundle import read_bundle
from hullmark.proof.dsse import IN_TOTO, Key, read_envelope, signer_of
from hullmark.proof.sigstore.refusal import NotTrusted
from hullmark.proof.sigstore.signature import IdentityTrust, verify_certificate
from hullmark.source.artifacts import Artifact
from hullmark.source.distribution import RegistryStore, Session, first_answer, sessions_for
from hullmark.source.manifest import Descriptor, Index, decode, parse_manifest
from hullmark.source.referrer_pages import MOST_PAGES, TooManyPages, referrer_pages
from hullmark.source.source import ImageNotFound, SourceOptions

DOCUMENT_LIMIT = Limit(32 << 20, "bytes of one attestation")
"""Bytes of one attestation."""

_BYTES_LIMIT = Limit(128 << 20, "bytes of all attestations of an image")
_MAX_MANIFESTS = Limit(200, "manifests of attestations of an image")
_MAX_DOCUMENTS = Limit(200, "attestations of an image")
_MAX_PROBLEMS = Limit(100, "problems with attestations that are listed one by one", "shortened")
_VEX = re.compile(r"vex|csaf|cyclonedx", re.IGNORECASE).search
_WANTED = re.compile(r"vex|csaf|cyclonedx|dsse|in-toto|sigstore\.bundle|cosign\.artifact\.att").search
_LONGEST_TYPE = Limit(255, "characters of the media type of an attestation", "shortened")
_PREDICATE_TYPES = ("predicateType", "dev.sigstore.bundle.predicateType", "in-toto.io/predicate-type")
_ABOUT = "vnd.docker.reference.digest"
_NOTHING = msgspec.Raw(b"null")


class AttestationTrust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom attestations are believed by: public keys, and identities by certificates (None: by none), as of a moment that counts where
    nothing proves when a certificate signed."""

    keys: tuple[Key, ...] = ()
    identities: IdentityTrust | None = None
    now: datetime = datetime.max.replace(tzinfo=UTC)


class VexDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document about the image: VEX, or an in-toto statement with VEX in it. `place` is the digest it came under,
    `signer` the fingerprint of the key, or the identity, that was found to have signed it, "" for none of them."""

    document: bytes
    place: str
    signer: str = ""


class AttestationList(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry holds about an image, sorted by digest. `subjects` are the digests by which the image is meant: its own and that
    of the index its reference leads to. `problems` say (where, why) something was left out."""

    documents: tuple[VexDocument, ...]
    subjects: tuple[str, ...]
    problems: tuple[tuple[str, str], ...] = ()


class _ListedManifest(msgspec.Struct, frozen=True, rename="camel"):
    digest: str
    size: int = 0
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _ManifestList(msgspec.Struct, frozen=True):
    manifests: tuple[_ListedManifest, ...]


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    layers: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    subject: Descriptor | None = None
    artifact_type: str | None = None

    @property
    def kind(self) -> str:
        return self.artifact_type or (self.config.media_type if self.config else "")


class _NamedDigest(msgspec.Struct, frozen=True):
    digest: dict[str, str] = {}


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    """A bundle has the first, an envelope the second, a statement the rest, a bare document none."""

    dsse_envelope: msgspec.Raw = _NOTHING
    payload_type: str | None = None
    predicate_type: str | None = None
    subject: tuple[_NamedDigest, ...] = ()


class _AttestationQuery(msgspec.Struct, frozen=True):
    """The digests that attestations may be about, what the image's builder put beside it in its index, and a note if the
    reference leads elsewhere now."""

    subjects: tuple[str, ...]
    beside: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def vex_documents(reference: str, digest: str, trust: AttestationTrust, options: SourceOptions) -> AttestationList:
    """The VEX documents about an image, by the digest of its manifest, and about the index that its reference leads to.

    Statements about something else are left out, whatever they are attached to. Of the registry and its mirrors, which are
    asked before it, the first that has any is believed to have all. Raises HullmarkError if none can be asked.
    """
    named = parse_reference(reference)
    client, sessions = sessions_for(named, options)
    sought = _build_query(sessions, named.version, checked_digest(digest, "the image"))
    found, notes = _first_that_has_any(sessions, client, sought, trust)
    documents = tuple(sorted(found.documents, key=lambda document: (document.place, document.signer)))
    return AttestationList(
        documents=documents, subjects=sought.subjects, problems=(*sought.notes, *notes, *found.problems)
    )


def _first_that_has_any(
    sessions: tuple[Session, ...], client: Client, sought: _AttestationQuery, trust: AttestationTrust
) -> tuple[_Search, tuple[tuple[str, str], ...]]:
    """The search at the first server that has any, else at the registry itself; and a note if that could not be reached."""
    *mirrors, own = sessions
    successful: _Search | None = None
    for session in mirrors:
        search = _Search(session, client, sought, trust)
        with suppress(HullmarkError):  # a mirror may lack anything
            search.run()
            successful = search
            if search.documents:
                return search, ()
    search = _Search(own, client, sought, trust)
    try:
        search.run()
    except HullmarkError as error:
        if successful is None:
            raise
        return successful, ((own.endpoint.host, f"its attestations could not be asked for: {error}"),)
    return search, ()


def _build_query(sessions: tuple[Session, ...], version: str, digest: str) -> _AttestationQuery:
    if version == digest:
        return _AttestationQuery((digest,))
    moved = _AttestationQuery(
        (digest,),
        notes=((version, "it no longer leads to this image: attestations of an index are not looked for"),),
    )
    try:
        _, body = first_answer(sessions, lambda session: session.manifest(version))
    except ImageNotFound:
        return moved
    whole = digest_of(body, digest.partition(":")[0])
    if whole == digest:
        return _AttestationQuery((digest,))
    document = parse_manifest(body, "what the reference leads to")
    if not isinstance(document, Index) or all(entry.digest != digest for entry in document.manifests):
        return moved
    beside = (entry.digest for entry in document.manifests if entry.named(_ABOUT) == digest and entry.is_attestation)
    return _AttestationQuery((digest, whole), tuple(beside))


class _Search:
    """What one server holds about some digests, within bounds."""

    def __init__(self, session: Session, client: Client, sought: _AttestationQuery, trust: AttestationTrust) -> None:
        self.documents: list[VexDocument] = []
        self.problems: list[tuple[str, str]] = []
        self._session, self._client = session, client
        self._subjects, self._beside, self._trust = sought.subjects, sought.beside, trust
        self._store = RegistryStore((session,), client.settings)
        self._asked: set[str] = set()
        self._seen: set[tuple[str, int, bool]] = set()
        self._bytes_left: int = _BYTES_LIMIT
        self._is_full = False

    def run(self) -> None:
        """Look for everything. Raises HullmarkError if the server cannot be reached."""
        for subject in self._subjects:
            for listed in self._referrers(subject):
                if _may_hold(listed):
                    self._take(listed.digest)
            self._take(f"{_tag(subject)}.att")
        for digest in self._beside:
            self._take(digest)
        if self._is_full:
            self._leave_out(
                self._session.endpoint.host, f"it has more than {_MAX_DOCUMENTS} attestations: not all are read"
            )

    # Where they are

    def _referrers(self, subject: str) -> Iterator[_ListedManifest]:
        has_api = False
        try:
            for page in referrer_pages(self._session, self._client, subject, _read_listing):
                has_api = True
                yield from page.manifests
        except TooManyPages:
            self._leave_out(subject, f"there are more than {MOST_PAGES} pages of referrers: the rest is left out")
        if not has_api:
            yield from self._by_tag(subject)

    def _by_tag(self, subject: str) -> tuple[_ListedManifest, ...]:
        """The fallback of a registry without the API: an index under a tag."""
        try:
            body = self._session.manifest(_tag(subject))
        except ImageNotFound:
            return ()
        with self._tolerant(_tag(subject)):
            return _read_listing(body).manifests
        return ()

    def _take(self, version: str) -> None:
        """Read what a manifest, by its digest or tag, brings."""
        if version in self._asked or not self._has_room():
            return
        self._asked.add(version)
        with self._tolerant(version):
            try:
                if ":" in version:
                    checked_digest(version, "an attestation")
                body = self._session.manifest(version)
            except ImageNotFound:
                if ":" in version:
                    raise
                return
            manifest = decode(body, _Manifest, "its manifest")
            is_about = manifest.subject is not None and manifest.subject.digest in self._subjects
            for layer in manifest.layers:
                if _is_worthwhile(layer, manifest.kind):
                    self._read(layer, is_about)

    # What they hold

    def _read(self, layer: Descriptor, is_about: bool) -> None:
        key = (layer.digest, layer.size, is_about)
        if key in self._seen or not self._has_room():
            return
        self._seen.add(key)
        with self._tolerant(layer.digest):
            checked_digest(layer.digest, "an attestation")
            if not 0 <= layer.size <= min(DOCUMENT_LIMIT, self._bytes_left):
                raise ValueError(f"it has {layer.size:,} bytes, more than are read")
            self._bytes_left -= layer.size
            body = Artifact(layer.digest, (layer,), self._store).whole(layer, DOCUMENT_LIMIT)
            document = self._document(body, layer, is_about)
            if document is not None:
                self.documents.append(document)

    def _document(self, body: bytes, layer: Descriptor, is_about: bool) -> VexDocument | None:
        """What is in bundle, envelope and statement; None for a statement of another kind. Raises ValueError, HullmarkError."""
        whole, place = body, layer.digest
        content, signer = decode(body, _Content, "it"), ""
        if content.dsse_envelope != _NOTHING:
            body = bytes(content.dsse_envelope)
            content = decode(body, _Content, "the envelope in it")
        is_wrapped = content.payload_type is not None
        if is_wrapped:
            envelope = read_envelope(body)
            if envelope.payload_type != IN_TOTO:
                return None
            body, signer = envelope.payload, signer_of(envelope, self._trust.keys)
            content = decode(body, _Content, "the statement in it")
        if content.predicate_type is None:
            if is_wrapped or not is_about:
                raise ValueError("it is not said to be about this image")
            return VexDocument(document=body, place=place)
        if not _VEX(content.predicate_type):
            return None
        if not self._is_about(content.subject):
            raise ValueError("its statement is about something else than this image")
        if is_wrapped and not signer:
            signer = self._identity(whole, layer)
        return VexDocument(document=body, place=place, signer=signer)

    def _identity(self, body: bytes, layer: Descriptor) -> str:
        """The trusted identity that signed by a certificate, "" for none. Raises ValueError, HullmarkError where that cannot be told."""
        if self._trust.identities is None:
            return ""
        bundle = read_bundle(body, layer.annotations)
        if not bundle.has_certificate:
            return ""
        with suppress(NotTrusted):
            found = verify_certificate(bundle.content, bundle.read_material(), self._trust.identities, self._trust.now)
            return found.identity.name
        return ""

    def _is_about(self, subjects: Iterable[_NamedDigest]) -> bool:
        own = [subject.partition(":") for subject in self._subjects]
        return any(subject.digest.get(algorithm) == value for subject in subjects for algorithm, _, value in own)

    # What goes wrong

    def _has_room(self) -> bool:
        if len(self._asked) < _MAX_MANIFESTS and len(self._seen) < _MAX_DOCUMENTS:
            return True
        self._is_full = True
        return False

    def _leave_out(self, place: str, reason: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append((place, reason))

    @contextmanager
    def _tolerant(self, place: str) -> Iterator[None]:
        """What is wrong with one attestation costs only that one; the network's faults are everyone's."""
        try:
            yield
        except NetError:
            raise
        except (HullmarkError, ValueError) as error:
            self._leave_out(place[:100], f"it is left out: {error}")


def _tag(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}-{value[:64]}"


def _read_listing(body: bytes) -> _ManifestList:
    return decode(body, _ManifestList, "the list of referrers")


def _may_hold(listed: _ListedManifest) -> bool:
    """Decides by the list; documents of an unclear type are fetched."""
    kind = listed.artifact_type or ""
    is_vague = not kind or kind.startswith("application/vnd.oci.")
    return is_digest(listed.digest) and _is_said_to_be_vex(listed.annotations) and (is_vague or _is_wanted(kind))


def _is_worthwhile(layer: Descriptor, kind: str) -> bool:
    return _is_said_to_be_vex(layer.annotations) and (_is_wanted(layer.media_type) or _is_wanted(kind))


def _is_wanted(media_type: str) -> bool:
    kind = media_type[:_LONGEST_TYPE].lower()
    return _WANTED(kind) is not None and "xml" not in kind


def _is_said_to_be_vex(annotations: dict[str, str] | None) -> bool:
    predicate_types = [value for name in _PREDICATE_TYPES if (value := (annotations or {}).get(name))]
    return not predicate_types or any(map(_VEX, predicate_types))
