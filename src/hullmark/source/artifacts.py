"""Artifacts in registries: the OCI image specification 1.1 (artifactType, empty config), distribution specification 1.1 for pushing.

An artifact is some files, each a layer with its own media type. What they mean is not known here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import msgspec

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import RawStream
from hullmark.model.limit import Limit
from hullmark.net.errors import BadRedirect
from hullmark.net.http import Client, Request, StreamedAnswer, origin
from hullmark.source.auth import Login
from hullmark.source.digest import digest_of, verify
from hullmark.source.distribution import RegistryStore, Session, first_answer, http_settings
from hullmark.source.endpoints import Endpoint, endpoints
from hullmark.source.logins import credentials_for
from hullmark.source.manifest import OCI_MANIFEST, Descriptor, Index, parse_manifest
from hullmark.source.reference import Reference, parse_reference
from hullmark.source.source import ImageNotFound, SourceOptions

TITLE = "org.opencontainers.image.title"

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_BYTES = "application/octet-stream"
_BLOCK = 1 << 16
_PIECE = 8 << 20
_LARGEST_PIECE = Limit(64 << 20, "bytes that are sent to a registry in one piece", "later")
_ANSWER_LIMIT = Limit(1 << 16, "bytes of a registry's answer to what it was sent", "shortened")
_TOO_LARGE = 413
_CODE = re.compile(rb'"code"\s*:\s*"([A-Z_]{1,40})"').search
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,15})").fullmatch


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
    sessions = tuple(Session(server, client, _login(server, client, options, "pull")) for server in servers)
    answered, body = first_answer(sessions, lambda session: session.manifest(named.version))
    manifest = parse_manifest(body, f"the manifest of {named}")
    if isinstance(manifest, Index) or artifact_type not in (manifest.artifact_type, manifest.config.media_type):
        raise HullmarkError(f"{named} holds something else than {artifact_type}", advice="check the name and the tag")
    store = RegistryStore(sessions[sessions.index(answered) :], settings)
    return Artifact(digest_of(body, named.digest.partition(":")[0] or "sha256"), manifest.layers, store)


def _login(endpoint: Endpoint, client: Client, options: SourceOptions, actions: str) -> Login:
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
    session = _PushSession(endpoint, client, _login(endpoint, client, options, "pull,push"))
    empty = _Blob(Part(media_type=_EMPTY_TYPE, title="", content=_EMPTY))
    blobs = [_Blob(part) for part in request.parts]
    sent = sum(session.upload(blob, request.piece) for blob in (empty, *blobs))
    body = _manifest(request, empty, blobs)
    session.put_manifest(named, body)
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
    """The bytes of a part: their digest and size, and any stretch of them as often as it is requested."""

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


class _Stretch:
    """A request's body in blocks, from the beginning whenever a request is repeated."""

    def __init__(self, blob: _Blob, start: int, stop: int) -> None:
        self._blob, self._start, self._stop = blob, start, stop

    def __iter__(self) -> Iterator[bytes]:
        return self._blob.blocks(self._start, self._stop)


class _PushSession(Session):
    """A session that may write."""

    def upload(self, blob: _Blob, piece: int) -> int:
        """Put a blob there unless it is; returns how many bytes were sent."""
        if self._has(blob):
            return 0
        if not piece:
            finished = self._finish(self._begin(), blob, 0)
            if finished.status == 201 or (finished.status != _TOO_LARGE and self._has(blob)):
                return blob.size
            if finished.status != _TOO_LARGE:
                raise self._denied(finished)
        finished = self._finish(*self._in_pieces(self._begin(), blob, piece or _PIECE))
        if finished.status != 201 and not self._has(blob):
            raise self._denied(finished)
        return blob.size

    def put_manifest(self, named: Reference, body: bytes) -> None:
        """Put the manifest under its tag. Raises HullmarkError unless the registry then has these very bytes."""
        answer = self._ask(
            Request(self._url(f"manifests/{named.version}"), {"Content-Type": OCI_MANIFEST}, "PUT", body)
        )
        if answer.status not in (200, 201):
            raise self._denied(answer)
        digest = answer.headers.get("docker-content-digest", "")
        if digest and digest != digest_of(body):
            raise HullmarkError(f"{self.where} made something else of the manifest", advice="use another registry")

    def _has(self, blob: _Blob) -> bool:
        streamed = self.open(f"blobs/{blob.digest}", {}, "HEAD")
        streamed.close()
        return streamed.status == 200

    def _url(self, path: str) -> str:
        return f"{self._schemes[0]}://{self.endpoint.host}/v2/{self.endpoint.repository}/{path}"

    def _begin(self) -> _Answer:
        answer = self._ask(Request(self._url("blobs/uploads/"), {"Content-Length": "0"}, "POST", b""))
        if answer.status != 202:
            raise self._denied(answer)
        return answer

    def _finish(self, upload: _Answer, blob: _Blob, start: int) -> _Answer:
        """End an upload by sending the rest. The answer may be anything."""
        url = self._location(upload)
        query = urlencode([*parse_qsl(urlsplit(url).query, keep_blank_values=True), ("digest", blob.digest)])
        return self._send_stretch(
            urlsplit(url)._replace(query=query).geturl(), "PUT", _Stretch(blob, start, blob.size), blob.size - start
        )

    def _in_pieces(self, upload: _Answer, blob: _Blob, piece: int) -> tuple[_Answer, _Blob, int]:
        least = upload.headers.get("oci-chunk-min-length", "")
        piece = min(max(piece, int(least) if least.isdecimal() and len(least) < 12 else 0), _LARGEST_PIECE)
        at = 0
        while at < blob.size:
            stop = min(at + piece, blob.size)
            more = {"Content-Range": f"{at}-{stop - 1}"}
            upload = self._send_stretch(self._location(upload), "PATCH", _Stretch(blob, at, stop), stop - at, more)
            if upload.status not in (202, 204):
                raise self._denied(upload)
            at = self._reached(upload, stop)
        return upload, blob, at

    def _reached(self, upload: _Answer, expected: int) -> int:
        match = _RANGE(upload.headers.get("range", ""))
        if match is not None and int(match[1]) + 1 != expected:
            raise HullmarkError(f"{self.where} lost a piece of what was sent", advice="push again")
        return expected

    def _send_stretch(
        self, url: str, method: str, stretch: Iterable[bytes], length: int, more: Mapping[str, str] | None = None
    ) -> _Answer:
        headers = {"Content-Type": _BYTES, "Content-Length": str(length), **(more or {})}
        # urllib3 sends the blocks one by one, each with a time limit of its own.
        return self._ask(Request(url, headers, method, cast("bytes", stretch) if length else b""))

    def _ask(self, request: Request) -> _Answer:
        """Send a request, logged in if it goes to the registry itself, and read the little that comes."""
        is_own = origin(request.url) == origin(self._url(""))
        streamed = self._logged_in(request) if is_own else self._client.open(request)
        try:
            return _Answer(request.url, streamed.status, streamed.headers, _beginning(streamed))
        finally:
            streamed.close()

    def _location(self, upload: _Answer) -> str:
        """Where an upload goes on. A registry behind a proxy may not know that it is on TLS; nothing else leaves TLS."""
        location = upload.headers.get("location", "")
        try:
            parts = urlsplit(urljoin(upload.url, location))
            usable = bool(location) and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            usable = False
            parts = urlsplit("")
        if usable and parts.scheme == "http" and self._schemes[0] == "https" and parts.netloc == self.endpoint.host:
            parts = parts._replace(scheme="https")
        if not usable or parts.scheme not in ("https", self._schemes[0]):
            raise BadRedirect(f"{self.where} names no place to upload to", advice="tell the registry's operator")
        return parts.geturl()

    def _refused(self) -> HullmarkError:
        host = self.endpoint.host
        if self._login.is_anonymous:
            return HullmarkError(f"{self.where} needs a login to push to", advice=f"run: docker login {host}")
        return HullmarkError(
            f"this login may not push to {self.where}", advice=f"log in as another: docker login {host}"
        )

    def _denied(self, answer: _Answer) -> HullmarkError:
        found = _CODE(answer.body)
        code = f", {found[1].decode()}" if found else ""
        if answer.status in (403, 405):
            return HullmarkError(
                f"{self.where} does not let you push (status {answer.status}{code})", advice="log in as someone who may"
            )
        if answer.status in (404, 410):
            return ImageNotFound(f"{self.where} cannot be pushed to{code}", advice="create the repository first")
        return HullmarkError(
            f"{self.where} did not take what was pushed (status {answer.status}{code})",
            advice="try again later, or ask the registry's operator",
        )


class _Answer(msgspec.Struct, frozen=True):
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def _beginning(streamed: StreamedAnswer) -> bytes:
    """The first bytes of an answer; errors are short."""
    body, buffer = bytearray(), memoryview(bytearray(_BLOCK))
    while len(body) < _ANSWER_LIMIT and (n := streamed.readinto(buffer)):
        body += buffer[:n]
    return bytes(body)
