"""Pushing to registries (OCI distribution specification 1.1): blobs whole, in pieces or mounted; manifests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import msgspec

from hullmark.model.digest import digest_of
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import BadRedirect
from hullmark.net.http import Request, StreamedAnswer, origin
from hullmark.source.distribution import Session
from hullmark.source.manifest import OCI_MANIFEST
from hullmark.source.source import ImageNotFound

_BYTES = "application/octet-stream"
_BLOCK = 1 << 16
_PIECE = 8 << 20
_LARGEST_PIECE = Limit(64 << 20, "bytes that are sent to a registry in one piece", "later")
_ANSWER_LIMIT = Limit(1 << 16, "bytes of a registry's answer to what it was sent", "shortened")
_TOO_LARGE = 413
_CODE = re.compile(rb'"code"\s*:\s*"([A-Z_]{1,40})"').search
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,15})").fullmatch


class StoredBlob(Protocol):
    """A blob that can be sent: its digest, its size, and any range of its bytes as often as it is requested."""

    @property
    def digest(self) -> str:
        """The digest of the bytes."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def blocks(self, start: int, stop: int | None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop` (None: the end)."""


class _Stretch:
    """A request's body in blocks, from the beginning whenever a request is repeated."""

    def __init__(self, blob: StoredBlob, start: int, stop: int) -> None:
        self._blob, self._start, self._stop = blob, start, stop

    def __iter__(self) -> Iterator[bytes]:
        return self._blob.blocks(self._start, self._stop)


class PushSession(Session):
    """A session that may write."""

    def upload(self, blob: StoredBlob, piece: int = 0, mount_from: str = "") -> int:
        """Put a blob there unless it is; returns how many bytes were sent. `mount_from`: a repository of this registry that has it."""
        if self.has(blob.digest):
            return 0
        upload = self._begin(blob.digest if mount_from else "", mount_from)
        if upload.status == 201:
            return 0
        if not piece:
            finished = self._finish(upload, blob, 0)
            if finished.status == 201 or (finished.status != _TOO_LARGE and self.has(blob.digest)):
                return blob.size
            if finished.status != _TOO_LARGE:
                raise self._make_denial(finished)
            upload = self._begin()
        finished = self._finish(*self._in_pieces(upload, blob, piece or _PIECE))
        if finished.status != 201 and not self.has(blob.digest):
            raise self._make_denial(finished)
        return blob.size

    def put_manifest(self, version: str, body: bytes, media_type: str = OCI_MANIFEST) -> Mapping[str, str]:
        """Put a manifest under its tag or digest; returns the answer's headers.

        Raises HullmarkError unless the registry then has these very bytes.
        """
        answer = self._ask(Request(self._url(f"manifests/{version}"), {"Content-Type": media_type}, "PUT", body))
        if answer.status not in (200, 201):
            raise self._make_denial(answer)
        digest = answer.headers.get("docker-content-digest", "")
        if digest and digest != digest_of(body):
            raise HullmarkError(f"{self.where} made something else of the manifest", advice="use another registry")
        return answer.headers

    def has(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        streamed = self.open(f"blobs/{digest}", {}, "HEAD")
        streamed.close()
        return streamed.status == 200

    def _url(self, path: str) -> str:
        return f"{self._schemes[0]}://{self.endpoint.host}/v2/{self.endpoint.repository}/{path}"

    def _begin(self, mounted: str = "", mount_from: str = "") -> _Answer:
        """Start an upload. With a digest to be mounted, status 201 says that it is there now."""
        query = f"?{urlencode({'mount': mounted, 'from': mount_from})}" if mounted else ""
        answer = self._ask(Request(self._url(f"blobs/uploads/{query}"), {"Content-Length": "0"}, "POST", b""))
        if answer.status != 202 and not (mounted and answer.status == 201):
            raise self._make_denial(answer)
        return answer

    def _finish(self, upload: _Answer, blob: StoredBlob, start: int) -> _Answer:
        """End an upload by sending the rest. The answer may be anything."""
        url = self._location(upload)
        query = urlencode([*parse_qsl(urlsplit(url).query, keep_blank_values=True), ("digest", blob.digest)])
        return self._send_stretch(
            urlsplit(url)._replace(query=query).geturl(), "PUT", _Stretch(blob, start, blob.size), blob.size - start
        )

    def _in_pieces(self, upload: _Answer, blob: StoredBlob, piece: int) -> tuple[_Answer, StoredBlob, int]:
        least = upload.headers.get("oci-chunk-min-length", "")
        piece = min(max(piece, int(least) if least.isdecimal() and len(least) < 12 else 0), _LARGEST_PIECE)
        at = 0
        while at < blob.size:
            stop = min(at + piece, blob.size)
            more = {"Content-Range": f"{at}-{stop - 1}"}
            upload = self._send_stretch(self._location(upload), "PATCH", _Stretch(blob, at, stop), stop - at, more)
            if upload.status not in (202, 204):
                raise self._make_denial(upload)
            at = self._check_progress(upload, stop)
        return upload, blob, at

    def _check_progress(self, upload: _Answer, expected: int) -> int:
        match = _RANGE(upload.headers.get("range", ""))
        if match is not None and int(match[1]) + 1 != expected:
            raise HullmarkError(f"{self.where} lost a piece of what was sent", advice="push again")
        return expected

    def _send_stretch(
        self, url: str, method: str, byte_range: Iterable[bytes], length: int, more: Mapping[str, str] | None = None
    ) -> _Answer:
        headers = {"Content-Type": _BYTES, "Content-Length": str(length), **(more or {})}
        # urllib3 sends the blocks one by one, each with a time limit of its own.
        return self._ask(Request(url, headers, method, cast("bytes", byte_range) if length else b""))

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

    def _make_refusal(self) -> HullmarkError:
        host = self.endpoint.host
        if self._login.is_anonymous:
            return HullmarkError(f"{self.where} needs a login to push to", advice=f"run: docker login {host}")
        return HullmarkError(
            f"this login may not push to {self.where}", advice=f"log in as another: docker login {host}"
        )

    def _make_denial(self, answer: _Answer) -> HullmarkError:
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
