"""A small registry in this process that takes what is pushed to it: with the API for referrers, or without."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.images import INDEX, sha256

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>blobs/uploads|blobs|manifests|referrers|tags)/(?P<last>[^/]*)").fullmatch
_BLOBS = {"GET": "_get_blob", "HEAD": "_get_blob"}
_ACTIONS = {
    "manifests": {"GET": "_get_manifest", "HEAD": "_get_manifest", "PUT": "_put_manifest"},
    "referrers": {"GET": "_referrers"},
    "blobs": _BLOBS,
    "blobs/uploads": {"POST": "_begin", "PATCH": "_more", "PUT": "_put_blob"},
}
Answer = tuple[int, dict[str, str], bytes]
MISSING: Answer = (404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


@dataclass
class OpenRegistry:
    """`blobs` and `manifests` are by repository and digest, manifests with their media types; `tags` by repository and tag.

    `lists_referrers`: it has the API for referrers; `page` entries come at a time. `log` is what it was asked.
    """

    lists_referrers: bool = True
    page: int = 100
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    host: str = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[OpenRegistry]:
        """Serve until the block ends."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                registry.serve(self)

            do_HEAD = do_GET  # noqa: N815
            do_POST = do_GET  # noqa: N815
            do_PUT = do_GET  # noqa: N815
            do_PATCH = do_GET  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = _body(handler)
        self.log.append((handler.command, handler.path))
        status, headers, answer = self._answer(handler, body)
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer)

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        parts = urlsplit(handler.path)
        if parts.path in ("/v2", "/v2/"):
            return 200, {}, b"{}"
        match = _PATH(parts.path)
        action = _ACTIONS.get(match["kind"], {}).get(handler.command) if match else None
        if match is None or action is None:
            return MISSING
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        query["media_type"] = handler.headers.get("content-type", "")
        answer: Answer = getattr(self, action)(match["name"], match["last"], query, body)
        return answer

    def _get_blob(self, name: str, digest: str, query: dict[str, str], body: bytes) -> Answer:
        found = self.blobs.get((name, digest))
        return MISSING if found is None else (200, {"Docker-Content-Digest": digest}, found)

    def _begin(self, name: str, last: str, query: dict[str, str], body: bytes) -> Answer:
        mounted = self.blobs.get((query.get("from", ""), query.get("mount", "")))
        if mounted is not None:
            self.blobs[name, query["mount"]] = mounted
            return 201, {"Location": f"/v2/{name}/blobs/{query['mount']}"}, b""
        self.uploads[str(len(self.uploads))] = b""
        return 202, {"Location": f"/v2/{name}/blobs/uploads/{len(self.uploads) - 1}"}, b""

    def _more(self, name: str, upload: str, query: dict[str, str], body: bytes) -> Answer:
        self.uploads[upload] += body
        held = len(self.uploads[upload])
        return 202, {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Range": f"0-{held - 1}"}, b""

    def _put_blob(self, name: str, upload: str, query: dict[str, str], body: bytes) -> Answer:
        body = self.uploads[upload] + body
        if sha256(body) != query["digest"]:
            return 400, {}, b'{"errors":[{"code":"DIGEST_INVALID"}]}'
        self.blobs[name, query["digest"]] = body
        return 201, {"Location": f"/v2/{name}/blobs/{query['digest']}"}, b""

    def _get_manifest(self, name: str, version: str, query: dict[str, str], body: bytes) -> Answer:
        digest = self.tags.get((name, version), version)
        found = self.manifests.get((name, digest))
        if found is None:
            return MISSING
        return 200, {"Content-Type": found[0], "Docker-Content-Digest": digest}, found[1]

    def _put_manifest(self, name: str, version: str, query: dict[str, str], body: bytes) -> Answer:
        digest, document = sha256(body), json.loads(body)
        below = [document.get("config"), *document.get("layers", ())]
        if any(blob and (name, blob["digest"]) not in self.blobs for blob in below):
            return 404, {}, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'
        if any((name, entry["digest"]) not in self.manifests for entry in document.get("manifests", ())):
            return 404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        self.manifests[name, digest] = (query["media_type"], body)
        if version != digest:
            self.tags[name, version] = digest
        subject = document.get("subject", {}).get("digest", "") if self.lists_referrers else ""
        return 201, {"Docker-Content-Digest": digest, **({"OCI-Subject": subject} if subject else {})}, b""

    def _referrers(self, name: str, digest: str, query: dict[str, str], body: bytes) -> Answer:
        if not self.lists_referrers:
            return MISSING
        listed = []
        for (repository, own), (media_type, content) in self.manifests.items():
            document = json.loads(content)
            if repository == name and document.get("subject", {}).get("digest") == digest:
                kind = document.get("artifactType") or document["config"]["mediaType"]
                entry = {"mediaType": media_type, "digest": own, "size": len(content), "artifactType": kind}
                listed.append({**entry, "annotations": document.get("annotations", {})})
        start = int(query.get("last", "0"))
        link = f'</v2/{name}/referrers/{digest}?last={start + self.page}>; rel="next"'
        headers = {"Content-Type": INDEX} | ({"Link": link} if len(listed) > start + self.page else {})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed[start : start + self.page]}
        return 200, headers, json.dumps(index).encode()


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """A request's body, which may come in chunks."""
    if handler.headers.get("transfer-encoding", "") != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length") or "0"))
    body = b""
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body
