"""The HTTP client (RFC 9110, 9112) on urllib3: bounded answers, bounded retries and redirects, typed errors.

Credentials are in the headers that the caller gives; they are not sent to another origin after a redirect. urllib3 is
imported when the first request is made, since the command line must start without it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from hullmark._version import __version__
from hullmark.model.limit import Limit
from hullmark.net.errors import (
    AnswerTooLarge,
    BadRedirect,
    CertificateRefused,
    Cut,
    NetError,
    NotTls,
    TimedOut,
    Unreachable,
)
from hullmark.net.proxies import proxy_for
from hullmark.net.trust import Trust, context_for
from hullmark.net.wait import LONGEST_WAIT, RETRY_STATUS, backoff, retry_after

if TYPE_CHECKING:
    import socket
    import ssl

    import urllib3

    from hullmark.net.guard import Guard

_CHUNK = 1 << 16
_MAX_REDIRECTS = Limit(8, "redirects of one request", "refused")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PORTS = {"http": 80, "https": 443}
_PRIVATE_HEADERS = frozenset(("authorization", "cookie", "proxy-authorization"))
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How connections are made. `timeout`: seconds of silence; `retries`: how often a request is repeated at most.

    `environment` names the proxies. `guard` says where connections may lead (None: everywhere); with a proxy it is asked
    about the proxy's address, and about the target as it is written. `follow` says whether redirects are followed; `watch`
    is shown each connection made under a guard. `sleep`, `clock` (seconds since 1970) and `monotonic` are the world's.
    """

    trust: Trust = field(default_factory=Trust)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    retries: int = 4
    guard: Guard | None = None
    follow: bool = True
    watch: Callable[[socket.socket], None] | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `headers` are sent as they are. A `body` in pieces is gone through again each time that it is sent: in
    chunks, unless the headers hold its length."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | Iterable[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are in lower case; headers that came several times are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class StreamedAnswer:
    """An answer whose body is still to come. Close it, also when nothing was read."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str) -> None:
        self._response = response
        self.status = response.status
        self.url = url
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end. Raises Cut or TimedOut if the body breaks off."""
        data = self._read_or_close(lambda: self._response.read(len(buffer), decode_content=False))
        buffer[: len(data)] = data
        return len(data)

    def read_available(self, limit: int) -> bytes:
        """What has arrived, at most `limit` bytes, once there is anything; empty at the end. Raises Cut or TimedOut."""
        return self._read_or_close(lambda: self._response.read1(limit, decode_content=False))

    def _read_or_close(self, read: Callable[[], bytes]) -> bytes:
        import urllib3

        try:
            return read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.close()
            failure = _failure(error, self.url)
            # Whatever breaks a body, TLS included, is a cut: the rest may be asked for.
            raise failure if isinstance(failure, TimedOut) else _cut(self.url) from error

    def close(self) -> None:
        """Give the connection up. May be called twice."""
        self._response.close()

    def interrupt(self) -> None:
        """End the body now, for another thread that waits for more of it: that one gets Cut, or the end."""
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # it has ended by itself
            self._response.shutdown()


def origin(url: str) -> str:
    """Scheme, host and port: all of a URL that may be shown, as the rest can hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Client:
    """Sends requests. One client serves many threads, and keeps connections for reuse."""

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self._pools: dict[tuple[str | None, str, str], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def fetch(self, request: Request, limit: int) -> Answer:
        """The whole answer, whatever its status. Raises NetError, AnswerTooLarge for a body of more than `limit` bytes."""
        return self.whole(lambda: self.open(request), limit)

    def whole(self, start: Callable[[], StreamedAnswer], limit: int) -> Answer:
        """All of an answer that `start` begins; it begins again where the connection broke. Raises as `fetch`."""
        attempt = 0
        while True:
            streamed = start()
            try:
                return Answer(streamed.status, streamed.headers, self._body(streamed, limit), streamed.url)
            except Cut:
                if attempt >= self.settings.retries:
                    raise
                self.settings.sleep(backoff(attempt))
                attempt += 1
            finally:
                streamed.close()

    def _body(self, streamed: StreamedAnswer, limit: int) -> bytes:
        deadline = self.settings.monotonic() + 10 * self.settings.timeout
        body, buffer = bytearray(), memoryview(bytearray(_CHUNK))
        while n := streamed.readinto(buffer):
            body += buffer[:n]
            if len(body) > limit:
                raise AnswerTooLarge(
                    f"{origin(streamed.url)} answered with more than {limit} bytes", advice="check the address"
                )
            if self.settings.monotonic() > deadline:
                raise TimedOut(f"{origin(streamed.url)} answers too slowly", advice="try again")
        return bytes(body)

    def open(self, request: Request) -> StreamedAnswer:
        """The answer's head, with the body still to be read. Follows redirects and repeats what is worth repeating."""
        for _ in range(_MAX_REDIRECTS + 1):
            streamed = self._send_with_retries(request)
            location = streamed.headers.get("location")
            if not self.settings.follow or streamed.status not in _REDIRECTS or not location:
                return streamed
            streamed.close()
            request = _build_redirect(request, streamed, location, insecure=self.settings.trust.insecure)
        raise BadRedirect(f"{origin(request.url)} redirects without end", advice="check the address")

    def _send_with_retries(self, request: Request) -> StreamedAnswer:
        attempt = 0
        while True:
            try:
                streamed = self._once(request)
            except (Cut, TimedOut):
                if attempt >= self.settings.retries:
                    raise
                delay = backoff(attempt)
            else:
                if streamed.status not in RETRY_STATUS or attempt >= self.settings.retries:
                    return streamed
                pause = retry_after(streamed.headers.get("retry-after", ""), self.settings.clock())
                delay = backoff(attempt) if pause is None else pause
                if delay > LONGEST_WAIT:
                    return streamed
                streamed.close()
            self.settings.sleep(delay)
            attempt += 1

    def _once(self, request: Request) -> StreamedAnswer:
        import urllib3

        parts = _checked_url(request.url)
        timeout = urllib3.Timeout(connect=min(10.0, self.settings.timeout), read=self.settings.timeout)
        headers = {"User-Agent": f"hullmark/{__version__}", "Accept-Encoding": "identity", **request.headers}
        try:
            response = self._pool(parts).request(
                request.method,
                request.url,
                body=request.body,
                headers=headers,
                timeout=timeout,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _failure(error, request.url) from error
        return StreamedAnswer(response, request.url)

    def _pool(self, parts: SplitResult) -> urllib3.PoolManager:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        trust = self.settings.trust
        proxy = proxy_for(parts.scheme, host, port, self.settings.environment)
        if self.settings.guard is not None and proxy is not None:
            from hullmark.net.guarded import check_target

            check_target(parts.geturl(), self.settings.guard)
        key = (proxy, parts.scheme, f"{host}:{port}" if trust.is_special(host, port) else "")
        with self._lock:
            if key not in self._pools:
                # What is not encrypted needs no roots, which take longer to load than most requests.
                context = context_for(trust, host, port) if parts.scheme == "https" else None
                self._pools[key] = _apply_guard(_new_pool(trust, host, port, context, proxy), self.settings)
            return self._pools[key]


def _apply_guard(pool: urllib3.PoolManager, settings: HttpSettings) -> urllib3.PoolManager:
    if settings.guard is not None:
        from hullmark.net.guarded import guard_pools

        guard_pools(pool, settings.guard, settings.watch)
    return pool


def _new_pool(
    trust: Trust, host: str, port: int, context: ssl.SSLContext | None, proxy: str | None
) -> urllib3.PoolManager:
    import urllib3

    if trust.is_blind(host, port):
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    # Where certificates are for another name than the host's, the connection says so.
    names: dict[str, Any] = {"server_hostname": trust.server_name} if trust.server_name and context is not None else {}
    if proxy is None:
        return urllib3.PoolManager(maxsize=8, ssl_context=context, **names)
    parts = urlsplit(proxy)
    login = f"{parts.username}:{parts.password or ''}" if parts.username else None
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    headers = urllib3.make_headers(proxy_basic_auth=_unquote_login(login)) if login else None
    proxy_context = context_for(
        replace(trust, insecure=False, insecure_hosts=frozenset(), only_ca="", client=None),
        parts.hostname or "",
        parts.port or 443,
    )
    return urllib3.ProxyManager(
        url, maxsize=8, proxy_headers=headers, ssl_context=context, proxy_ssl_context=proxy_context, **names
    )


def _unquote_login(login: str) -> str:
    from urllib.parse import unquote

    return unquote(login)


def _checked_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = SplitResult("", "", "", "", "")
    if not usable:
        raise NetError(f"{url[:200]!r} is not a web address", advice="it must begin with https:// or http://")
    return parts


def _build_redirect(request: Request, streamed: StreamedAnswer, location: str, *, insecure: bool) -> Request:
    try:
        url = urljoin(request.url, location)
        old, new = urlsplit(request.url), urlsplit(url)
        usable = new.scheme in _PORTS and bool(new.hostname) and new.port != 0
    except ValueError as error:
        raise BadRedirect(f"{origin(request.url)} redirects to no address", advice="check the address") from error
    if not usable or (old.scheme == "https" and new.scheme == "http" and not insecure):
        raise BadRedirect(
            f"{origin(request.url)} redirects to a {new.scheme or 'strange'}: address, which is not followed",
            advice="use the address that it should lead to, or --insecure if plain http is meant",
        )
    headers = request.headers
    if request.body is not None and streamed.status in (301, 302, 303):
        request = Request(url, headers)
    if _origin_key(old) != _origin_key(new):
        if request.body is not None:  # it may hold a secret
            raise BadRedirect(f"{origin(request.url)} redirects what was sent to it", advice="check the address")
        headers = {name: value for name, value in headers.items() if name.lower() not in _PRIVATE_HEADERS}
    return replace(request, url=url, headers=headers)


def _origin_key(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _failure(error: Exception, url: str) -> NetError:
    """urllib3's exceptions, made into ours. Messages show the origin only."""
    from urllib3 import exceptions

    where = origin(url)
    if isinstance(error, exceptions.ProxyError):
        cause = error.original_error
        if isinstance(cause, exceptions.SSLError):
            return _tls_failure(cause, where)
        return Unreachable(f"the proxy for {where} does not answer as one", advice="check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, exceptions.SSLError):
        return _tls_failure(error, where)
    if isinstance(error, exceptions.NameResolutionError):
        return Unreachable(f"the host of {where} is not known", advice="check the name, and the network")
    if isinstance(error, exceptions.NewConnectionError):
        return Unreachable(f"{where} refuses connections", advice="check the address, the network, and HTTPS_PROXY")
    if isinstance(error, exceptions.ConnectTimeoutError):
        return Unreachable(f"{where} does not answer", advice="check the address, the network, and HTTPS_PROXY")
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return TimedOut(f"{where} fell silent", advice="try again")
    return _cut(url)


def _cut(url: str) -> Cut:
    return Cut(f"the connection to {origin(url)} broke", advice="try again")


def _tls_failure(error: Exception, where: str) -> NetError:
    text = str(error)
    if any(word in text for word in _NOT_TLS):
        return NotTls(f"{where} does not speak TLS", advice="use --insecure if it is a plain http registry")
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        return CertificateRefused(
            f"the certificate of {where} is not trusted",
            advice="name its CA with --cacert or SSL_CERT_FILE, or use --insecure",
        )
    if "EOF occurred" in text or "UNEXPECTED_EOF" in text:
        return Cut(f"the connection to {where} broke", advice="try again")
    return NetError(f"no TLS connection to {where} can be made", advice="check its certificate and TLS versions")
