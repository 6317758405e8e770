"""Registries: the OCI distribution specification 1.1 and Docker's registry API v2, reading only.

Manifests are believed by the digest of their bytes, never by what the registry says of them. Layers come as streams that go on
where a connection was cut, and are verified by who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, LayerBlob, RawStream
from hullmark.net.errors import AnswerTooLarge, NotTls, Unreachable
from hullmark.net.http import Client, HttpSettings, Request, Streamed, origin
from hullmark.net.proxies import is_loopback
from hullmark.net.resume import ResumingStream
from hullmark.net.trust import Trust
from hullmark.source.auth import Login
from hullmark.source.credentials import auth_files, find_credentials
from hullmark.source.digest import digest_of, verify
from hullmark.source.image import Asked, image_from_document
from hullmark.source.manifest import ACCEPTED, MANIFEST_LIMIT, Descriptor
from hullmark.source.reference import Reference, parse_reference
from hullmark.source.source import ImageNotFound, Source, SourceOptions

_ACCEPT = ", ".join(ACCEPTED)
_MISSING = (404, 410)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that is asked for a repository: the registry itself, or a mirror of it. `schemes` are tried in order."""

    host: str
    repository: str
    schemes: tuple[str, ...]


def endpoints(reference: Reference, options: SourceOptions) -> tuple[Endpoint, ...]:
    """The mirrors of the reference's registry, then the registry itself."""
    mirrors = options.mirrors.get(reference.host, ())
    return (
        *(_mirror(mirror, reference.repository, options) for mirror in mirrors),
        Endpoint(reference.api_host, reference.repository, _schemes(reference.api_host, options)),
    )


def _mirror(mirror: str, repository: str, options: SourceOptions) -> Endpoint:
    scheme, separator, rest = mirror.rpartition("://")
    host, _, prefix = rest.strip("/").partition("/")
    if (separator and scheme not in ("http", "https")) or not host or "@" in host:
        raise HullmarkError(f"{mirror[:100]!r} is no mirror", advice="write it as [http://]HOST[:PORT][/PREFIX]")
    schemes = (scheme,) if separator else _schemes(host, options)
    return Endpoint(host, f"{prefix}/{repository}" if prefix else repository, schemes)


def _schemes(host: str, options: SourceOptions) -> tuple[str, ...]:
    """Plain http only on this machine, and where the user allows it."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return ("https", "http") if options.insecure or is_loopback(name) else ("https",)


class Session:
    """Talks to one endpoint about one repository: finds out its scheme, and logs in when asked to."""

    def __init__(self, endpoint: Endpoint, client: Client, login: Login) -> None:
        self.endpoint = endpoint
        self._client = client
        self._login = login
        self._schemes = endpoint.schemes

    @property
    def where(self) -> str:
        """What is talked to, for messages."""
        return f"{self.endpoint.host}/{self.endpoint.repository}"

    def open(self, path: str, headers: Mapping[str, str], method: str = "GET") -> Streamed:
        """The answer for a path below the repository, whatever its status but 401. Raises NetError, HullmarkError."""
        for scheme in self._schemes:
            url = f"{scheme}://{self.endpoint.host}/v2/{self.endpoint.repository}/{path}"
            try:
                streamed = self._logged_in(Request(url, headers, method))
            except (NotTls, Unreachable):
                if scheme == self._schemes[-1]:
                    raise
                continue
            self._schemes = (scheme,)
            return streamed
        raise HullmarkError(f"{self.where} cannot be asked", advice="check the mirror's address")

    def _logged_in(self, request: Request) -> Streamed:
        for _ in range(2):
            sent = self._login.header()
            authorization = {"Authorization": sent} if sent else {}
            streamed = self._client.open(replace(request, headers={**request.headers, **authorization}))
            if streamed.status != 401:
                return streamed
            streamed.close()
            if not self._login.answer(streamed.headers.get("www-authenticate", ""), request.url, sent):
                break
        raise self._refused()

    def _refused(self) -> HullmarkError:
        host = self.endpoint.host
        if self._login.is_anonymous:
            return HullmarkError(
                f"{self.where} needs a login, or does not exist", advice=f"check the name, or run: docker login {host}"
            )
        return HullmarkError(f"{host} refused the user name or password", advice=f"log in again: docker login {host}")

    def manifest(self, version: str) -> bytes:
        """The bytes of a manifest by tag or digest, not verified. Raises ImageNotFound, NetError, HullmarkError."""
        streamed = self.open(f"manifests/{version}", {"Accept": _ACCEPT})
        try:
            self.check(streamed, f"{self.where}{'@' if ':' in version else ':'}{version}")
            return self._client.body(streamed, MANIFEST_LIMIT)
        except AnswerTooLarge as error:
            raise BrokenImage(f"a manifest has more than {MANIFEST_LIMIT} bytes", advice="do not trust it") from error
        finally:
            streamed.close()

    def check(self, streamed: Streamed, what: str) -> None:
        """Raises ImageNotFound or HullmarkError unless the answer is what was asked for."""
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
            raise HullmarkError(
                f"{host} has had too many requests", advice=f"log in, use a mirror, or try again {when}"
            )
        raise HullmarkError(f"{host} answered with status {status}", advice="try again later, or check the name")


class RegistryStore:
    """An image's parts at a registry and its mirrors. The session that found the image is asked first."""

    def __init__(self, sessions: tuple[Session, ...], settings: HttpSettings) -> None:
        self._sessions = sessions
        self._settings = settings

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """Yes: what an index names is there, or the asking will tell."""
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
        """A layer to be fetched when it is opened. Of foreign layers it is asked now whether they are here at all."""
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
        def open_at(headers: Mapping[str, str]) -> Streamed:
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
    settings = http_settings(options)
    client = Client(settings)
    sessions = tuple(_session(endpoint, named, client, options) for endpoint in endpoints(named, options))
    answered, body = first_answer(sessions, lambda session: session.manifest(named.version))
    if named.digest:
        verify(body, named.digest, "the manifest")
    store = RegistryStore((answered, *(session for session in sessions if session is not answered)), settings)
    tags = (named.tag,) if named.tag or not named.digest else ()
    asked = Asked(kind=SOURCE.scheme, reference=reference, options=options, tags=tags)
    algorithm = named.digest.partition(":")[0] or "sha256"
    return image_from_document(store, body, digest_of(body, algorithm), asked)


def http_settings(options: SourceOptions) -> HttpSettings:
    """How the HTTP client is to behave, by the options."""
    trust = Trust(
        ca_file=options.ca_file,
        insecure=options.insecure,
        certs_dirs=options.certs_dirs,
        environment=options.environment,
    )
    return HttpSettings(
        trust=trust,
        environment=options.environment,
        timeout=options.timeout,
        retries=options.retries,
        sleep=options.sleep,
        clock=options.clock,
    )


def _session(endpoint: Endpoint, reference: Reference, client: Client, options: SourceOptions) -> Session:
    files = auth_files(options.environment) if options.auth_files is None else options.auth_files
    host = reference.host if endpoint.host == reference.api_host else endpoint.host
    credentials = find_credentials(host, endpoint.repository, files, options.environment)
    return Session(endpoint, client, Login(client, credentials, f"repository:{endpoint.repository}:pull"))


SOURCE = Source(scheme="registry", open=open_reference)
