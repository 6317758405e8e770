"""Artifacts in registries: the OCI image specification 1.1 (artifactType, empty config), distribution specification 1.1 for pushing.

An artifact is some files, each a layer with its own media type. What they mean is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from hullmark.model.digest import digest_of, verify
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import RawStream
from hullmark.model.reference import parse_reference
from hullmark.net.http import Client
from hullmark.source.auth import Login
from hullmark.source.distribution import RegistryStore, Session, first_answer, http_settings
from hullmark.source.endpoints import Endpoint, endpoints
from hullmark.source.logins import credentials_for
from hullmark.source.manifest import OCI_MANIFEST, Descriptor, Index, parse_manifest
from hullmark.source.pushing import PushSession
from hullmark.source.source import SourceOptions

TITLE = "org.opencontainers.image.title"

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_BLOCK = 1 << 16


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an artifact that is to be pushed: its media type, its title, and its bytes, at hand or in a file."""

    media_type: str
    title: str
    content: bytes | None = None
    path: Path | None = None


class ArtifactRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to push. `piece`: send blobs in pieces of this many bytes; 0: whole, and in pieces only if that is refused."""

    artifact_type: str
    parts: tuple[Part, ...]
    annotations: Mapping[str, str] = {}
    piece: int = 0


class PushedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """What was pushed: the full reference, the manifest's digest, and how many bytes were sent (others were there)."""

    reference: str
    digest: str
    sent: int


class Artifact:
    """An artifact at a registry: the digest of its manifest, and its parts, which are fetched when they are requested."""

    def __init__(self, digest: str, parts: tuple[Descriptor, ...], store: RegistryStore) -> None:
        self.digest = digest
        self.parts = parts
        self._store = store

    def of_type(self, media_type: str) -> Descriptor | None:
        """The first part of a media type."""
        return next((part for part in self.parts if part.media_type == media_type), None)

    def open(self, part: Descriptor) -> RawStream:
        """A part's bytes, not verified; the stream goes on where connections were cut. Raises HullmarkError."""
        return self._store.blob(part)

    def whole(self, part: Descriptor, limit: int) -> bytes:
        """All of a small part, verified. Raises HullmarkError, BrokenImage."""
        if part.size > limit:
            raise BrokenImage(f"a part of the artifact has {part.size:,} bytes", advice="do not trust it")
        stream, body, at = self.open(part), bytearray(part.size), 0
        try:
            with memoryview(body) as view:
                while at < len(body) and (n := stream.readinto(view[at:])):
                    at += n
        finally:
            stream.close()
        verify(bytes(body[:at]), part.digest, "a part of the artifact")
        return bytes(body)


def open_artifact(reference: str, artifact_type: str, options: SourceOptions) -> Artifact:
    """The artifact of this type under a reference, at the registry or its mirrors.

    Raises ImageNotFound, HullmarkError if something else is there, and what the network gives.
    """
    named = parse_reference(reference)
    servers = endpoints(named, options)
    settings = http_settings(options, frozenset(server.host for server in servers if server.insecure))
    client = Client(settings)
    sessions = tuple(Session(server, client, login_for(server, client, options, "pull")) for server in servers)
    answered, body = first_answer(sessions, lambda session: session.manifest(named.version))
    manifest = parse_manifest(body, f"the manifest of {named}")
    if isinstance(manifest, Index) or artifact_type not in (manifest.artifact_type, manifest.config.media_type):
        raise HullmarkError(f"{named} holds something else than {artifact_type}", advice="check the name and the tag")
    store = RegistryStore(sessions[sessions.index(answered) :], settings)
    return Artifact(digest_of(body, named.digest.partition(":")[0] or "sha256"), manifest.layers, store)


def login_for(endpoint: Endpoint, client: Client, options: SourceOptions, actions: str) -> Login:
    """A login for a repository at a server, for these actions (`pull`, or `pull,push`)."""
    return Login(client, credentials_for(endpoint, options), f"repository:{endpoint.repository}:{actions}")


# Pushing


def push_artifact(reference: str, request: ArtifactRequest, options: SourceOptions) -> PushedArtifact:
    """Put an artifact under a tag at the registry itself, never at a mirror. Parts that exist already are not sent again.

    Raises HullmarkError if the reference has a digest or the registry refuses, and what the network gives.
    """
    named = parse_reference(reference)
    if named.digest:
        raise HullmarkError("a digest cannot be pushed to", advice="name a tag: REGISTRY/NAME:TAG")
    endpoint = endpoints(named, options)[-1]
    client = Client(http_settings(options, frozenset((endpoint.host,) if endpoint.insecure else ())))
    session = PushSession(endpoint, client, login_for(endpoint, client, options, "pull,push"))
    empty = _Blob(Part(media_type=_EMPTY_TYPE, title="", content=_EMPTY))
    blobs = [_Blob(part) for part in request.parts]
    sent = sum(session.upload(blob, request.piece) for blob in (empty, *blobs))
    body = _manifest(request, empty, blobs)
    session.put_manifest(named.version, body)
    return PushedArtifact(reference=str(named), digest=digest_of(body), sent=sent + len(body))


def _manifest(request: ArtifactRequest, empty: _Blob, blobs: Sequence[_Blob]) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": request.artifact_type,
        "config": {**empty.descriptor(), "data": "e30="},
        "layers": [{**blob.descriptor(), "annotations": {TITLE: blob.part.title}} for blob in blobs],
        "annotations": dict(sorted(request.annotations.items())),
    }
    return msgspec.json.encode(document)


class _Blob:
    """The bytes of a part: their digest and size, and any range of them as often as it is requested."""

    def __init__(self, part: Part) -> None:
        self.part = part
        content, self.size = hashlib.sha256(), 0
        for block in self.blocks(0, None):
            content.update(block)
            self.size += len(block)
        self.digest = f"sha256:{content.hexdigest()}"

    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.part.media_type, "digest": self.digest, "size": self.size}

    def blocks(self, start: int, stop: int | None) -> Iterator[bytes]:
        if self.part.path is None:
            yield (self.part.content or b"")[start:stop]
            return
        with self.part.path.open("rb") as stream:
            stream.seek(start)
            left = stop - start if stop is not None else -1
            while block := stream.read(_BLOCK if left < 0 else min(_BLOCK, left)):
                yield block
                left -= len(block) if left >= 0 else 0
