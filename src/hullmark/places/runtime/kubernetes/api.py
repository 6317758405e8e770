"""The client of a Kubernetes API server: objects, pages of lists, and watches, as typed values with typed refusals.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import AnswerTooLarge
from hullmark.net.http import Client, HttpSettings, Request, StreamedAnswer
from hullmark.net.trust import Trust
from hullmark.places.runtime.kubernetes.access import ClusterAccess
from hullmark.places.runtime.kubernetes.credentials import Credentials, Proof
from hullmark.places.runtime.kubernetes.objects import Page, PartialObject, Status

T = TypeVar("T")
Query = Mapping[str, str]

_PAGE = 500
_LIST_LIMIT = Limit(64 << 20, "bytes of one page of a list of Kubernetes; smaller pages are asked for first", "refused")
_MOST_OBJECTS = Limit(2_000_000, "objects of one list of Kubernetes", "refused")
_OBJECT_LIMIT = Limit(8 << 20, "bytes of one object of Kubernetes", "refused")
_LONGEST_TEXT = Limit(500, "characters of an error that a Kubernetes API tells", "shortened")
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"
_SILENCE = 150.0
"""Seconds. A server that knows bookmarks says something about once a minute."""


class ApiRefused(HullmarkError):
    """The API server refused. `status` is HTTP's, `reason` its own word for it."""

    def __init__(self, message: str, *, advice: str = "", status: int, reason: str = "") -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.reason = reason


class ExpiredVersion(ApiRefused):
    """What was asked for goes back too far (410): a list must begin anew."""


class ForbiddenRequest(ApiRefused):
    """RBAC does not allow it (403)."""


class NotFound(ApiRefused):
    """There is no such object, or no such resource (404)."""


_KINDS: dict[int, type[ApiRefused]] = {403: ForbiddenRequest, 404: NotFound, 410: ExpiredVersion}
_ADVICE = {
    400: "check the selector and the namespace",
    401: "check the credentials in the kubeconfig, or the service account",
    403: "deploy/kubernetes/agent.yaml has the rights that are needed",
    404: "check the address of the cluster",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Generic[T]):
    """A kind of objects of the API, and the type that they are read as. `is_partial`: only their metadata is asked for."""

    group: str
    version: str
    plural: str
    type: type[T]
    is_partial: bool = False

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of its list, in a namespace or everywhere ("": where it has none, too), or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")

    def accept(self, form: str = "") -> str:
        """The Accept header for one object, or with "List" for a list of them."""
        return _METADATA.format(form) if self.is_partial else "application/json"


def partial(group: str, version: str, plural: str) -> Resource[PartialObject]:
    """A kind of objects of which the metadata says enough."""
    return Resource(group=group, version=version, plural=plural, type=PartialObject, is_partial=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects are meant: those of a namespace ("": all), with labels that a selector wants ("": any)."""

    namespace: str = ""
    selector: str = ""

    def query(self) -> dict[str, str]:
        """As parameters of a list or watch."""
        return {"labelSelector": self.selector} if self.selector else {}


EVERYWHERE = Scope()


class KubernetesApi:
    """Asks one API server. Serves several threads. A request that is refused for who asks is repeated once with new credentials."""

    def __init__(self, access: ClusterAccess, settings: HttpSettings) -> None:
        """`settings`: the world, and the environment for proxies and plugins. Where the cluster names a CA or a proxy, these count."""
        environment = settings.environment
        if access.proxy:
            environment = {**environment, "https_proxy": access.proxy, "http_proxy": access.proxy, "no_proxy": ""}
        self._settings = replace(settings, environment=environment, follow=False)
        self._access = access
        self._credentials = Credentials(access, settings.environment, settings.clock)
        self._lock = threading.Lock()
        self._clients: tuple[Proof, Client, Client] | None = None

    def get(self, resource: Resource[T], namespace: str, name: str) -> T:
        """One object. Raises ApiRefused, NetError."""
        body = self._fetch(resource.path(namespace, name), {}, resource.accept(), _OBJECT_LIMIT)
        return self._decode_body(body, resource.type)

    def pages(self, resource: Resource[T], scope: Scope = EVERYWHERE) -> Iterator[Page[T]]:
        """A list as of one moment, page by page. Raises ExpiredVersion where that moment is too long ago before the last page, ApiRefused,
        NetError, and HullmarkError for a list without end."""
        query = {**scope.query(), "limit": str(_PAGE)}
        count = 0
        while True:
            page = self._page(resource, scope.namespace, query)
            yield page
            count += len(page.items or ())
            following = page.metadata.continue_
            if not following:
                return
            if count > _MOST_OBJECTS or following == query.get("continue"):
                raise HullmarkError("a list of Kubernetes has no end", advice="check the address of the cluster")
            query["continue"] = following

    def _page(self, resource: Resource[T], namespace: str, query: dict[str, str]) -> Page[T]:
        while True:
            try:
                body = self._fetch(resource.path(namespace), query, resource.accept("List"), _LIST_LIMIT)
            except AnswerTooLarge:
                if query["limit"] == "1":
                    raise
                query["limit"] = str(int(query["limit"]) // 8 or 1)
                continue
            return self._decode_body(body, cast("type[Page[T]]", Page[resource.type]))  # type: ignore[name-defined]

    def watch(self, resource: Resource[T], scope: Scope, query: Query) -> StreamedAnswer:
        """The stream of what changes. Close it. Raises ApiRefused, NetError."""
        query = {**scope.query(), "watch": "true", **query}
        url = self._url(resource.path(scope.namespace), query)
        streamed = self._open_stream(url, resource.accept())
        if streamed.status == 200:
            return streamed
        try:
            buffer = memoryview(bytearray(1 << 16))
            body = bytes(buffer[: streamed.readinto(buffer)])
        finally:
            streamed.close()
        raise _make_refusal(streamed.status, body)

    def _open_stream(self, url: str, accept: str) -> StreamedAnswer:
        proof, _, client = self._connection()
        streamed = client.open(self._request(url, accept, proof))
        if streamed.status != 401:
            return streamed
        streamed.close()
        self._credentials.refused(proof)
        proof, _, client = self._connection()
        return client.open(self._request(url, accept, proof))

    def _fetch(self, path: str, query: Query, accept: str, limit: int) -> bytes:
        url = self._url(path, query)
        proof, client, _ = self._connection()
        answer = client.fetch(self._request(url, accept, proof), limit)
        if answer.status == 401:
            self._credentials.refused(proof)
            proof, client, _ = self._connection()
            answer = client.fetch(self._request(url, accept, proof), limit)
        if answer.status != 200:
            raise _make_refusal(answer.status, answer.body)
        return answer.body

    def _connection(self) -> tuple[Proof, Client, Client]:
        """Who asks now, a client that is patient, and one for watches, which asks once and bears silence."""
        proof = self._credentials.current()
        with self._lock:
            known = self._clients
            if known is None or known[0].certificate != proof.certificate:
                settings = replace(self._settings, trust=self._trust(proof))
                watching = replace(settings, retries=0, timeout=_SILENCE)
                known = (proof, Client(settings), Client(watching))
            self._clients = (proof, *known[1:])
            return self._clients

    def _trust(self, proof: Proof) -> Trust:
        access = self._access
        return Trust(
            only_ca=access.ca,
            client=proof.certificate,
            server_name=access.server_name,
            insecure=access.insecure,
            ca_file=self._settings.trust.ca_file,
            environment=self._settings.trust.environment,
        )

    def _request(self, url: str, accept: str, proof: Proof) -> Request:
        return Request(url, {"Accept": accept, **self._credentials.headers(proof)})

    def _url(self, path: str, query: Query) -> str:
        return f"{self._access.server}{path}" + (f"?{urlencode(query)}" if query else "")

    def _decode_body(self, body: bytes, type: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=type)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self.strange() from error

    def strange(self) -> HullmarkError:
        """The error for an answer that no Kubernetes gives."""
        name = self._access.name[:200]
        return HullmarkError(f"what stands for {name!r} does not answer as Kubernetes", advice="check its address")


def _make_refusal(status: int, body: bytes) -> ApiRefused:
    try:
        told = msgspec.json.decode(body, type=Status)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = Status()
    return refusal(status, told)


def refusal(status: int, told: Status) -> ApiRefused:
    """The error for a Status that says no."""
    text = " ".join(told.message.split())[:_LONGEST_TEXT] or f"Kubernetes answers with status {status}"
    kind = _KINDS.get(status, ApiRefused)
    return kind(text, advice=_ADVICE.get(status, "try again later"), status=status, reason=told.reason[:100])
