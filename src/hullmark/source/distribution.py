"""Registries: the OCI distribution specification 1.1 and Docker's registry API v2, reading only.

Manifests are believed by the digest of their bytes, never by what the registry says of them. Layers come as streams that go on
where a connection was cut, and are verified by who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from hullmark.model.digest import digest_of, verify
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, LayerBlob, RawStream
from hullmark.model.reference import Reference, parse_reference
from hullmark.net.errors import AnswerTooLarge, NotTls, Unreachable
from hullmark.net.http import Client, HttpSettings, Request, StreamedAnswer, origin
from hullmark.net.resume import ResumingStream
from hullmark.net.trust import Trust, usual_certs_dirs
from hullmark.source.auth import Login
from hullmark.source.endpoints import Endpoint, endpoints
from hullmark.source.image import ImageRequest, image_from_document
from hullmark.source.logins import credentials_for
from hullmark.source.manifest import ACCEPTED, MANIFEST_LIMIT, Descriptor
from hullmark.source.source import ImageNotFound, RegistryUnwell, SourceOptions

_ACCEPT = ", ".join(ACCEPTED)
_MISSING = (404, 410)

T = TypeVar("T")
Clients = dict[tuple[bool, frozenset[str]], Client]
"""Clients that are used again, by whom they trust: everybody, or these hosts."""


class Session:
    """Talks to one endpoint about one repository: finds out its scheme, and logs in when required."""

    def __init__(self, endpoint: Endpoint, client: Client, login: Login) -> None:
        self.endpoint = endpoint
        self._client = client
        self._login = login
        self._schemes = endpoint.schemes

    @property
    def where(self) -> str:
        """The name of the server in messages."""
        return f"{self.endpoint.host}/{self.endpoint.repository}"

    def open(self, path: str, headers: Mapping[str, str], method: str = "GET") -> StreamedAnswer:
        """The answer for a path below the repository, whatever its status but 401. Raises NetError, HullmarkError."""
        *others, last = self._schemes
        for scheme in others:
            with suppress(NotTls, Unreachable):
                return self._open_by(scheme, path, headers, method)
        return self._open_by(last, path, headers, method)

    def _open_by(self, scheme: str, path: str, headers: Mapping[str, str], method: str) -> StreamedAnswer:
        url = f"{scheme}://{self.endpoint.host}/v2/{self.endpoint.repository}/{path}"
        streamed = self._logged_in(Request(url, headers, method))
        self._schemes = (scheme,)
        return streamed

    def _logged_in(self, request: Request) -> StreamedAnswer:
        streamed, sent = self._send(request)
        if streamed.status == 401 and self._login.answer(
            streamed.headers.get("www-authenticate", ""), request.url, sent
        ):
            streamed, _ = self._send(request)
        if streamed.status == 401:
            raise self._make_refusal()
        return streamed

    def _send(self, request: Request) -> tuple[StreamedAnswer, str]:
        """The answer, and the Authorization that was sent. A 401 has no body that matters."""
        sent = self._login.header()
        headers = {**request.headers, "Authorization": sent} if sent else request.headers
        streamed = self._client.open(replace(request, headers=headers))
        if streamed.status == 401:
            streamed.close()
        return streamed, sent

    def _make_refusal(self) -> HullmarkError:
        host = self.endpoint.host
        if self._login.is_anonymous:
            return HullmarkError(
                f"{self.where} needs a login, or does not exist", advice=f"check the name, or run: docker login {host}"
            )
        if self._login.has_token:
            return HullmarkError(
                f"{self.where} does not exist, or this login may not read it",
                advice="check the name, or log in as another",
            )
        return HullmarkError(f"{host} refused the user name or password", advice=f"log in again: docker login {host}")

    def manifest(self, version: str) -> bytes:
        """The bytes of a manifest by tag or digest; by digest they are verified.

        Raises ImageNotFound, NetError, HullmarkError, and BrokenImage for bytes that are something else.
        """
        by_digest = ":" in version
        what = f"{self.endpoint.repository}{'@' if by_digest else ':'}{version}"

        def start() -> StreamedAnswer:
            streamed = self.open(f"manifests/{version}", {"Accept": _ACCEPT})
            self.check(streamed, what)
            return streamed

        try:
            body = self._client.whole(start, MANIFEST_LIMIT).body
        except AnswerTooLarge as error:
            raise BrokenImage(f"a manifest has more than {MANIFEST_LIMIT} bytes", advice="do not trust it") from error
        if by_digest:
            verify(body, version, f"the manifest from {self.endpoint.host}")
        return body

    def check(self, streamed: StreamedAnswer, what: str) -> None:
        """Raises ImageNotFound or HullmarkError unless the answer is what was requested."""
        status, host = streamed.status, origin(streamed.url)
        if status in (200, 206):
            return
        streamed.close()
        if status in _MISSING:
            raise ImageNotFound(f"{host} has no {what}", advice="check the name and the tag")
        if status == 403:
            raise HullmarkError(f"{host} does not let you read {what}", advice="log in as someone who may")
        if status == 429:
            wait = streamed.headers.get("retry-after", "")
            when = f"in {wait[:10]} seconds" if wait.isdigit() else "later"
            raise RegistryUnwell(
                f"{host} has had too many requests", advice=f"log in, use a mirror, or try again {when}"
            )
        kind = RegistryUnwell if status >= 500 else HullmarkError
        raise kind(f"{host} answered with status {status}", advice="try again later, or check the name")


class RegistryStore:
    """An image's parts at a registry and its mirrors, asked in order. The first is the one that had the image."""

    def __init__(self, sessions: tuple[Session, ...], settings: HttpSettings) -> None:
        self._sessions = sessions
        self._settings = settings

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """Always true: if it is missing, the request for it will fail."""
        return True

    def manifest(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest or index."""

        def get(session: Session) -> bytes:
            return session.manifest(descriptor.digest)

        try:
            return self._first(get)
        except ImageNotFound as error:
            raise BrokenImage(str(error), advice="push the image again") from error

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a config or layer, as a stream that survives cuts."""

        def start(session: Session) -> RawStream:
            return self._stream(session, descriptor)

        try:
            return self._first(start)
        except ImageNotFound as error:
            raise _missing(descriptor) from error

    def layer(self, descriptor: Descriptor, diff_id: str) -> LayerBlob:
        """A layer that is fetched when it is opened. Foreign layers are checked now for whether they exist here."""
        if descriptor.is_foreign:
            self._check_there(descriptor)
        return LayerBlob(
            digest=descriptor.digest, diff_id=diff_id, size=descriptor.size, open=lambda: self.blob(descriptor)
        )

    def _check_there(self, descriptor: Descriptor) -> None:
        def ask(session: Session) -> None:
            streamed = session.open(f"blobs/{descriptor.digest}", {}, "HEAD")
            streamed.close()
            session.check(streamed, descriptor.digest)

        try:
            self._first(ask)
        except ImageNotFound as error:
            raise _missing(descriptor) from error

    def _stream(self, session: Session, descriptor: Descriptor) -> RawStream:
        def open_at(headers: Mapping[str, str]) -> StreamedAnswer:
            streamed = session.open(f"blobs/{descriptor.digest}", headers)
            session.check(streamed, descriptor.digest)
            return streamed

        what = f"{descriptor.digest[:19]} from {session.endpoint.host}"
        return ResumingStream(open_at, descriptor.size, self._settings, what)

    def _first(self, ask: Callable[[Session], T]) -> T:
        return first_answer(self._sessions, ask)[1]


def first_answer(sessions: tuple[Session, ...], ask: Callable[[Session], T]) -> tuple[Session, T]:
    """The first session that can answer, and its answer. If none can, the last one's error: the registry's own."""
    for session in sessions[:-1]:
        try:
            return session, ask(session)
        except HullmarkError:
            continue  # a mirror may lack anything
    return sessions[-1], ask(sessions[-1])


def _missing(descriptor: Descriptor) -> BrokenImage:
    if descriptor.is_foreign:
        return BrokenImage(
            f"the foreign layer {descriptor.digest} is missing",
            advice="push the image with its foreign layers: the addresses they name are never asked",
        )
    return BrokenImage(f"the registry has no {descriptor.digest}, which the image needs", advice="push the image again")


def open_reference(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image that a registry has under a reference."""
    named = parse_reference(rest)
    client, sessions = sessions_for(named, options)
    answered, body = first_answer(sessions, lambda session: session.manifest(named.version))
    store = RegistryStore(sessions[sessions.index(answered) :], client.settings)
    tags = (named.tag,) if named.tag or not named.digest else ()
    request = ImageRequest(kind="registry", reference=reference, options=options, tags=tags)
    algorithm = named.digest.partition(":")[0] or "sha256"
    return image_from_document(store, body, digest_of(body, algorithm), request)


def sessions_for(
    named: Reference, options: SourceOptions, clients: Clients | None = None
) -> tuple[Client, tuple[Session, ...]]:
    """A session with each server for a reference, mirrors first, and the client that they share.

    `clients` are those of earlier sessions: one of the same settings serves again, with the connections that it keeps.
    """
    servers = endpoints(named, options)
    lax = frozenset(server.host for server in servers if server.insecure)
    client = _client(options, lax, clients)
    return client, tuple(_session(server, client, options) for server in servers)


def _client(options: SourceOptions, lax: frozenset[str], clients: Clients | None) -> Client:
    client = Client(http_settings(options, lax))
    return client if clients is None else clients.setdefault((options.insecure, lax), client)


def http_settings(options: SourceOptions, insecure_hosts: frozenset[str] = frozenset()) -> HttpSettings:
    """Settings of the HTTP client from the options. The certificates of `insecure_hosts` are not checked."""
    trust = Trust(
        ca_file=options.ca_file,
        insecure=options.insecure,
        insecure_hosts=insecure_hosts,
        certs_dirs=usual_certs_dirs(options.environment) if options.certs_dirs is None else options.certs_dirs,
        environment=options.environment,
    )
    return HttpSettings(
        trust=trust,
        environment=options.environment,
        timeout=options.timeout,
        retries=options.retries,
        guard=options.guard,
        sleep=options.sleep,
        clock=options.clock,
    )


def _session(endpoint: Endpoint, client: Client, options: SourceOptions) -> Session:
    credentials = credentials_for(endpoint, options)
    return Session(endpoint, client, Login(client, credentials, f"repository:{endpoint.repository}:pull"))
