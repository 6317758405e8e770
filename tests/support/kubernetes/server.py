"""The fake API server itself: HTTP over the store, with TLS, users, pages, watches, and ways to misbehave."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.support.kubernetes import patches, resources, statuses
from tests.support.kubernetes.access import ANONYMOUS, Deed, User, certified, check
from tests.support.kubernetes.certificates import Authority
from tests.support.kubernetes.resources import BY_PATH, Kind
from tests.support.kubernetes.selectors import Fits, Object, selected
from tests.support.kubernetes.statuses import Refused
from tests.support.kubernetes.store import HistoryEvent, Store, Version

PARTIAL = "as=PartialObjectMetadata"
VERSION = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.1",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2025-05-15T08:19:08Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}


class Asked(NamedTuple):
    """A request, in RBAC's words, with who asked and how."""

    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    query: dict[str, str]
    accept: str


class _Target(NamedTuple):
    """What a path names."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


@dataclass
class FakeCluster:
    """A cluster's API server. `tokens` are those of its users; with `rbac` its rules count, else everybody may do everything.

    `failures` are answered first, one a request that is no watch: status, headers, body. `asked` is what it was asked for. `is_strict`:
    what is written must fit Kubernetes' schemas. `tells_410_at_once`: an expired watch is refused by its status, as older servers do, and
    not by an event.
    """

    folder: Path
    has_tls: bool = True
    rbac: bool = False
    bookmark_seconds: float = 60.0
    is_strict: bool = False
    tells_410_at_once: bool = False
    tokens: dict[str, User] = field(default_factory=dict)
    failures: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    store: Store = field(default_factory=Store)
    authority: Authority = field(default_factory=Authority)
    names: tuple[str, ...] = ("127.0.0.1", "localhost", "kubernetes.default.svc")
    prefix: str = ""
    url: str = ""
    expired: int = 0
    """How often 410 was answered."""
    _watches: set[socket.socket] = field(default_factory=set)
    _is_over: bool = False

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeCluster]:
        """Serve until the block ends."""
        cluster = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        class Handler(_Handler):
            of = cluster

        server = Server(("127.0.0.1", 0), Handler)
        if self.has_tls:
            context = self.authority.context(self.folder, self.authority.server(*self.names))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._is_over = False
        self.url = f"{'https' if self.has_tls else 'http'}://127.0.0.1:{server.server_port}{self.prefix}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._is_over = True
            self.cut_watches()
            with self.store.changed:
                self.store.changed.notify_all()
            server.shutdown()
            server.server_close()
            thread.join()

    def cut_watches(self) -> int:
        """Break the connection of every watch; how many there were."""
        watches = list(self._watches)
        for watch in watches:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(watch, socket.SHUT_RDWR)
        return len(watches)

    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def kubeconfig(self, name: str = "test", bearer: str = "", **user: Any) -> Path:
        """A kubeconfig with one context, for a user, who may have a token."""
        user = {**user, **({"token": bearer} if bearer else {})}
        path = self.folder / f"{name}.kubeconfig"
        ca = self.folder / "ca.pem"
        ca.write_text(self.authority.pem)
        cluster = {"server": self.url, **({"certificate-authority": "ca.pem"} if self.has_tls else {})}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def user_of(self, header: str, certificate: Any) -> User:
        """Who asks. Raises Refused (401)."""
        if header:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or token not in self.tokens:
                raise statuses.unauthorized()
            return self.tokens[token]
        user = certified(certificate)
        if user is None and self.tokens:
            raise statuses.unauthorized()
        return user or User(ANONYMOUS)

    def target_of(self, path: str) -> _Target:
        """What a path names. Raises Refused (404)."""
        parts = [unquote(part) for part in path.removeprefix(self.prefix).strip("/").split("/")]
        if parts[0] == "api":
            group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            raise statuses.no_such_path()
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces" and rest[2] != "status":
            namespace, rest = rest[1], rest[2:]
        kind = BY_PATH.get((group, version, rest[0] if rest else ""))
        name, subresource = (*rest[1:], "", "")[:2]
        if kind is None or (subresource and subresource not in kind.subresources):
            raise statuses.no_such_path()
        if namespace and not kind.is_namespaced:
            raise statuses.no_such_path()
        return _Target(kind, namespace, name, subresource)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    of: FakeCluster

    def log_message(self, format: str, *args: object) -> None:
        pass

    def finish(self) -> None:
        super().finish()
        self.of.store.admission.end()

    def do_GET(self) -> None:
        self._answered(self._read)

    def do_POST(self) -> None:
        self._answered(self._create)

    def do_PUT(self) -> None:
        self._answered(self._update)

    def do_PATCH(self) -> None:
        self._answered(self._patch)

    def do_DELETE(self) -> None:
        self._answered(self._delete)

    @property
    def _query(self) -> dict[str, str]:
        return {
            name: values[-1] for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()
        }

    def _answered(self, act: Any) -> None:
        length = int(self.headers.get("content-length") or 0)
        self._body = self.rfile.read(length) if length else b""
        self.of.store.admission.begin("")
        try:
            if self.of.failures and "watch" not in self._query:
                status, headers, body = self.of.failures.pop(0)
                self._send(status, body, **headers)
                return
            act()
        except Refused as refusal:
            self.of.expired += refusal.status["code"] == 410
            self._json(refusal.status["code"], refusal.status)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        for warning in self.of.store.admission.warnings():
            self.send_header("Warning", f"299 - {json.dumps(warning)}")
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status: int, document: Any) -> None:
        self._send(status, json.dumps(document).encode())

    def _read_or_close(self, verb: str, target: _Target) -> _Target:
        """Note what is asked, and whether it may be. Raises Refused."""
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        user = self.of.user_of(self.headers.get("authorization", ""), certificate)
        deed = Deed(verb, target.kind, target.subresource, target.namespace, target.name)
        accept = self.headers.get("accept", "")
        self.of.asked.append(
            Asked(user.name, verb, target.kind.group, deed.resource, target.namespace, target.name, self._query, accept)
        )
        self.of.store.admission.begin(user.name)
        if self.of.rbac:
            check(self.of.store, user, deed)
        return target

    def _read(self) -> None:
        path = urlsplit(self.path).path.removeprefix(self.of.prefix).rstrip("/")
        if (found := _discovery(path)) is not None:
            self._json(200, found)
            return
        target = self.of.target_of(urlsplit(self.path).path)
        if target.name:
            self._read_or_close("get", target)
            version = self.of.store.read(target.kind, target.namespace, target.name)
            self._send(200, self._form(version))
        elif self._query.get("watch") in ("true", "1"):
            self._watch(self._read_or_close("watch", target))
        else:
            self._list(self._read_or_close("list", target))

    def _form(self, version: Version) -> bytes:
        return _partial(version.object) if PARTIAL in self.headers.get("accept", "") else version.encoded

    def _fits(self, target: _Target) -> Fits:
        return selected(target.kind, self._query.get("labelSelector", ""), self._query.get("fieldSelector", ""))

    def _list(self, target: _Target) -> None:
        query = self._query
        asked, current = int(query.get("resourceVersion") or 0), self.of.store.number
        if asked > current:
            raise statuses.future_version(asked, current)
        page = self.of.store.page(
            target.kind, target.namespace, self._fits(target), int(query.get("limit") or 0), query.get("continue", "")
        )
        is_partial = PARTIAL in self.headers.get("accept", "")
        items = [_partial(version.object) if is_partial else _item(version) for version in page.versions]
        meta: dict[str, Any] = {"resourceVersion": str(page.number)}
        if page.following:
            meta["continue"] = page.following
            if not query.get("labelSelector") and not query.get("fieldSelector"):
                meta["remainingItemCount"] = page.remaining
        kind, version = f"{target.kind.kind}List", target.kind.api_version
        if is_partial:
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        head = json.dumps({"kind": kind, "apiVersion": version, "metadata": meta})[:-1]
        self._send(200, head.encode() + b',"items":[' + b",".join(items) + b"]}")

    def _watch(self, target: _Target) -> None:
        query, store = self._query, self.of.store
        fits, asked = self._fits(target), query.get("resourceVersion", "")
        with store.changed:
            initial: list[Version] = []
            at = int(asked or 0)
            wants_initial = query.get("sendInitialEvents") == "true"
            if at == 0 or wants_initial:
                page = store.page(target.kind, target.namespace, fits, 0, "")
                initial, at = page.versions, page.number
            elif at < store.oldest and self.of.tells_410_at_once:
                raise statuses.expired_version(at, store.oldest)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.of._watches.add(self.connection)
        try:
            self._chunk([_event("ADDED", self._form(version)) for version in initial])
            if wants_initial:
                self._chunk([_bookmark(target.kind, at, is_initial=True)])
            self._follow(target, fits, at)
            self.wfile.write(b"0\r\n\r\n")
        finally:
            self.of._watches.discard(self.connection)

    def _follow(self, target: _Target, fits: Fits, at: int) -> None:
        query, store = self._query, self.of.store
        ends = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
        has_bookmarks = query.get("allowWatchBookmarks") == "true"
        marked = time.monotonic()
        while not self.of._is_over and time.monotonic() < ends:
            with store.changed:
                try:
                    events = store.events(target.kind, at)
                except Refused as refusal:
                    self.of.expired += 1
                    self._chunk([_event("ERROR", json.dumps(refusal.status).encode())])
                    return
                if not events:
                    store.changed.wait(min(ends - time.monotonic(), self.of.bookmark_seconds, 1.0))
            at = events[-1].number if events else at
            self._chunk([line for event in events if (line := self._told(event, target, fits)) is not None])
            if has_bookmarks and time.monotonic() - marked >= self.of.bookmark_seconds:
                marked = time.monotonic()
                with store.changed:  # only what was told may be marked
                    at = at if store.events(target.kind, at) else store.number
                self._chunk([_bookmark(target.kind, at)])

    def _told(self, event: HistoryEvent, target: _Target, fits: Fits) -> bytes | None:
        """A change as this watch is told of it: what comes to fit was added, what no longer does was deleted."""
        if target.namespace and event.last.object["metadata"].get("namespace") != target.namespace:
            return None
        was = event.before is not None and fits(event.before.object)
        is_now = event.after is not None and fits(event.after.object)
        if is_now:
            return _event("MODIFIED" if was else "ADDED", self._form(event.last))
        if not was:
            return None
        last = event.last
        if event.after is not None and event.before is not None:
            # It is told as it fitted last, with the version of the change.
            meta = {**event.before.object["metadata"], "resourceVersion": str(event.number)}
            document = {**event.before.object, "metadata": meta}
            last = Version(event.number, document, json.dumps(document).encode())
        return _event("DELETED", self._form(last))

    def _chunk(self, lines: list[bytes]) -> None:
        if lines:
            data = b"".join(lines)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _document(self) -> Object:
        kind = self.headers.get("content-type", "application/json").partition(";")[0].strip()
        if kind not in ("application/json", "application/yaml"):
            raise statuses.unsupported_media_type(f"the body of the request was in an unknown format - {kind}")
        try:
            found = yaml.safe_load(self._body) if kind.endswith("yaml") else json.loads(self._body)
        except (ValueError, yaml.YAMLError) as error:
            raise statuses.bad_request(f"error decoding: {error}") from None
        if not isinstance(found, dict):
            raise statuses.bad_request("error decoding: it is not an object")
        return found

    def _create(self) -> None:
        target = self._read_or_close("create", self.of.target_of(urlsplit(self.path).path))
        document = self._document()
        self._fit(target.kind, document)
        if document.get("kind", target.kind.kind) != target.kind.kind:
            raise statuses.bad_request(
                f"{document.get('kind')} in version {document.get('apiVersion')} cannot be handled as a {target.kind.kind}"
            )
        named = (document.get("metadata") or {}).get("namespace")
        if target.kind.is_namespaced and named not in (None, target.namespace):
            raise statuses.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        version = self.of.store.add(target.kind, target.namespace, document, is_dry="dryRun" in self._query)
        self._send(201, version.encoded)

    def _update(self) -> None:
        target = self._read_or_close("update", self.of.target_of(urlsplit(self.path).path))
        document = self._document()
        self._replace(target, lambda _: document)

    def _patch(self) -> None:
        target = self._read_or_close("patch", self.of.target_of(urlsplit(self.path).path))
        content = self.headers.get("content-type", "").partition(";")[0].strip()
        if content not in _TYPES:
            known = ", ".join(sorted(_TYPES))
            raise statuses.unsupported_media_type(
                f"the body of the request was in an unknown format - accepted media types include: {known}"
            )
        if _TYPES[content] == "strategic" and "." in target.kind.group and not target.kind.group.endswith(".k8s.io"):
            raise statuses.unsupported_media_type("strategic merge patches are not supported for custom resources")
        try:
            patch = json.loads(self._body)
        except ValueError as error:
            raise statuses.bad_request(f"error decoding patch: {error}") from None
        self._replace(target, lambda found: _patched(_TYPES[content], found, patch))

    def _replace(self, target: _Target, change: Any) -> None:
        def checked(found: Object) -> Object:
            wanted: Object = change(found)
            self._fit(target.kind, wanted)
            return wanted

        store, is_dry = self.of.store, "dryRun" in self._query
        version = store.replace(target.kind, target.namespace, target.name, checked, target.subresource, is_dry=is_dry)
        self._send(200, version.encoded)

    def _fit(self, kind: Kind, document: Object) -> None:
        if self.of.is_strict and (
            wrong := _schema_error({"apiVersion": kind.api_version, "kind": kind.kind, **document})
        ):
            raise statuses.bad_request(f"strict decoding error: {wrong}")

    def _delete(self) -> None:
        target = self.of.target_of(urlsplit(self.path).path)
        if not target.name:
            target = self._read_or_close("deletecollection", target)
            page = self.of.store.page(target.kind, target.namespace, self._fits(target), 0, "")
            for version in page.versions:
                meta = version.object["metadata"]
                self.of.store.remove(target.kind, meta.get("namespace", ""), meta["name"])
            self._json(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
            return
        self._read_or_close("delete", target)
        options = self._document() if self._body else {}
        conditions = options.get("preconditions") or {}
        last = self.of.store.remove(target.kind, target.namespace, target.name, conditions)
        if last.object["metadata"].get("finalizers"):
            self._send(200, last.encoded)
        else:
            self._json(200, statuses.deleted(target.kind, target.name, last.object["metadata"]["uid"]))


def _patched(how: str, found: Object, patch: Any) -> Object:
    name = found["metadata"]["name"]
    try:
        made = {"json": patches.apply_operations, "merge": patches.merge, "strategic": patches.strategic}[how](
            found, patch
        )
    except patches.BadPatch as error:
        raise statuses.bad_request(
            f"the server rejected our request due to an error in our request: {name}: {error}"
        ) from None
    if not isinstance(made, dict):
        raise statuses.bad_request("the patch makes no object")
    return made


def _discovery(path: str) -> Any:
    """What is answered for paths that are no resources; None for all others."""
    if path == "/version":
        return VERSION
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        listed = [resources.group_document(group, versions) for group, versions in resources.groups().items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    if path == "/openapi/v3":
        roots = ["api/v1", *(f"apis/{group}/{each}" for group, all in resources.groups().items() for each in all)]
        return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in roots}}
    parts = path.strip("/").split("/")
    if parts[:2] == ["openapi", "v3"]:
        group, version = ("", parts[3]) if parts[2] == "api" else (parts[3], parts[4])
        return resources.openapi(group, version)
    if parts == ["api", "v1"] or (parts[0] == "apis" and len(parts) == 3):
        group, version = ("", "v1") if parts[0] == "api" else (parts[1], parts[2])
        listed = resources.api_resources(group, version)
        if listed:
            name = f"{group}/{version}" if group else version
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in resources.groups():
        found = resources.group_document(parts[1], resources.groups()[parts[1]])
        return {"kind": "APIGroup", "apiVersion": "v1", **found}
    return None


def _item(version: Version) -> bytes:
    """An object in a list: the list says once what its objects are."""
    head, _, rest = version.encoded.partition(b'"metadata":')
    return b'{"metadata":' + rest if head.count(b'"') == 8 else version.encoded


def _partial(document: Object) -> bytes:
    made = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}
    return json.dumps(made, separators=(",", ":")).encode()


def _event(type: str, encoded: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (type.encode(), encoded)


def _bookmark(kind: Kind, number: int, *, is_initial: bool = False) -> bytes:
    meta: dict[str, Any] = {"resourceVersion": str(number), "creationTimestamp": None}
    if is_initial:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    found: dict[str, Any] = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    if kind.kind == "Pod":
        found |= {"spec": {"containers": None}, "status": {}}
    return _event("BOOKMARK", json.dumps(found).encode())


@cache
def _validator() -> Any:
    import kubernetes_validate
    import kubernetes_validate.utils

    of_file = cache(kubernetes_validate.utils.schema_contents)
    kubernetes_validate.utils.schema_contents = of_file  # megabytes, for each document anew
    return kubernetes_validate


def _schema_error(document: Object) -> str:
    """What is wrong with an object by Kubernetes' own schemas; "" if nothing is, or nobody knows its kind."""
    validate = _validator()
    try:
        validate.validate(document, "1.33", strict=True)
    except validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"[:500]
    except validate.SchemaNotFoundError:
        return ""
    return ""
