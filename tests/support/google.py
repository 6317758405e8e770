"""Google for tests: a metadata server, a token server and Cloud Run's Admin API, as they are documented.

What the fake answers is written from the documentation, not taken from Google: it cannot show that Google keeps to it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ya29.fake-token"  # noqa: S105 - opens nothing
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


@dataclass
class FakeGoogle:
    """`services`, `revisions`, `jobs` and `executions` are by their parents, `digests` by revision, `refused` a status for all of Cloud Run
    (0: none), `busy` how often it answers 429 first. `log` is what was asked: method, path, Authorization."""

    url: str = ""
    project: str = "shop"
    locations: list[str] = field(default_factory=lambda: ["europe-west1", "us-central1"])
    services: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    revisions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    executions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    busy: int = 0
    page: int = 2
    flavor: str = "Google"
    lives: int = 3600
    endless: bool = False
    log: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """HOST:PORT, as GCE_METADATA_HOST names it."""
        return urlsplit(self.url).netloc

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """One answer."""
        self.log.append((method, path, headers.get("authorization", "")))
        parts = urlsplit(path)
        if parts.path == METADATA:
            if headers.get("metadata-flavor") != "Google":
                return 403, {}, {}
            told = {"access_token": TOKEN, "expires_in": self.lives, "token_type": "Bearer"}
            return 200, {"Metadata-Flavor": self.flavor}, told
        if parts.path == "/token":
            return 200, {}, {"access_token": TOKEN, "expires_in": self.lives, "token_type": "Bearer"}
        return self._run(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, headers)

    def _run(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
        if self.busy > 0:
            self.busy -= 1
            return 429, {"Retry-After": "1"}, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}
        if self.refused:
            return self.refused, {}, {"error": {"code": self.refused}}
        if path == f"/v1/projects/{self.project}/locations":
            return 200, {}, self._paged("locations", [{"locationId": name} for name in self.locations], query)
        if path.startswith("/v2/") and path.endswith("/services"):
            parent = path.removeprefix("/v2/").removesuffix("/services")
            return 200, {}, self._paged("services", self.services.get(parent, []), query)
        if path.startswith("/v2/") and path.endswith("/revisions"):
            parent = path.removeprefix("/v2/").removesuffix("/revisions")
            return 200, {}, self._paged("revisions", self.revisions.get(parent, []), query)
        for kind, found in (("jobs", self.jobs), ("executions", self.executions)):
            if path.startswith("/v2/") and path.endswith(f"/{kind}"):
                parent = path.removeprefix("/v2/").removesuffix(f"/{kind}")
                return 200, {}, self._paged(kind, found.get(parent, []), query)
        name = path.rpartition("/")[2]
        if (
            path.startswith(f"/apis/serving.knative.dev/v1/namespaces/{self.project}/revisions/")
            and name in self.digests
        ):
            return 200, {}, {"kind": "Revision", "status": {"imageDigest": self.digests[name]}}
        return 404, {}, {"error": {"code": 404}}

    def _paged(self, name: str, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        first = int(query.get("pageToken") or 0)
        last = first + min(self.page, int(query["pageSize"]))
        more = {"nextPageToken": "1" if self.endless else str(last)} if last < len(found) or self.endless else {}
        # As protobuf's JSON has it: an empty list is left out.
        return {**({name: found[first:last]} if found[first:last] else {}), **more}


def service(name: str, *traffic: dict[str, Any], location: str = "europe-west1", **more: Any) -> dict[str, Any]:
    """A service as the API has it."""
    whole = f"projects/shop/locations/{location}/services/{name}"
    latest = f"{whole}/revisions/{name}-00002"
    return {"name": whole, "latestReadyRevision": latest, "trafficStatuses": list(traffic), "generation": "7", **more}


def revision(service_: dict[str, Any], number: int, *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A revision of a service as the API has it."""
    short = service_["name"].rpartition("/")[2]
    return {
        "name": f"{service_['name']}/revisions/{short}-{number:05}",
        "uid": f"00000000-0000-4000-8000-{number:012}",
        "createTime": f"2026-03-0{number}T09:00:00.123456789Z",
        "containers": list(containers),
        **more,
    }


def job(name: str, *, runs: int, location: str = "europe-west1", **more: Any) -> dict[str, Any]:
    """A job as the API has it, with so many executions."""
    return {"name": f"projects/shop/locations/{location}/jobs/{name}", "executionCount": runs, **more}


def execution(job_: dict[str, Any], number: int, *containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A run of a job as the API has it."""
    short = job_["name"].rpartition("/")[2]
    return {
        "name": f"{job_['name']}/executions/{short}-{number:05}",
        "uid": f"00000000-0000-4000-9000-{number:012}",
        "createTime": f"2026-03-0{number}T09:00:00.123456789Z",
        "startTime": f"2026-03-0{number}T09:00:05Z",
        "taskCount": 3,
        "template": {"containers": list(containers), "maxRetries": 3, "timeout": "600s"},
        **more,
    }


@contextlib.contextmanager
def fake_google(**settings: Any) -> Iterator[FakeGoogle]:
    """Serve until the block ends."""
    google = FakeGoogle(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.rfile.read(int(headers.get("content-length", "0")))
            status, more, answer = google.answer(self.command, self.path, headers)
            body = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**more, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    google.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield google
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
