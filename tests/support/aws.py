"""Amazon's services for tests: moto's server behind a proxy of ours that adds what moto leaves out and misbehaves when asked to.

moto lists all at once and tells no digests: the proxy pages lists as the API documents (100 at most), refuses more than 100 tasks at once,
tells `imageDigest`, `runtimeId`, `version` and times, gives a task each container of its definition, and answers with throttling.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.moto_api import state_manager
from moto.server import ThreadedMotoServer

STARTED = 1_772_355_600.0
"""When all tasks start: 2026-03-01T09:00:00Z."""

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/")
_PAGE = 100
_NEVER = {"progression": "manual", "times": 1_000_000}
"""No task of moto's ends by being looked at."""
_LISTS = {"ListClusters": "clusterArns", "ListTasks": "taskArns"}


def digest_of(image: str) -> str:
    """The digest that the proxy tells of an image."""
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


@dataclass
class FakeAmazon:
    """`throttled` is how often an operation is still refused, `untold` are images of which agents tell no digest, `digests` those of
    images that really are somewhere, `versions` those of tasks (1 where none is set), `log` what was asked: service, region, operation,
    `external_ids` those with which roles were assumed.
    """

    url: str = ""
    throttled: Counter[str] = field(default_factory=Counter)
    untold: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    external_ids: list[str] = field(default_factory=list)
    direct: str = ""
    _clients: dict[tuple[object, ...], Any] = field(default_factory=dict)
    _definitions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def client(self, service: str, region: str = "eu-west-1", **credentials: str) -> Any:
        """An operator's own client of moto, past the proxy."""
        given = credentials or {"aws_access_key_id": "operator", "aws_secret_access_key": "secret"}
        key = (service, region, *sorted(given.items()))
        if key not in self._clients:  # making one takes a third of a second
            session = boto3.session.Session(**given)
            self._clients[key] = session.client(service, region_name=region, endpoint_url=self.direct)
        return self._clients[key]

    def forget(self) -> None:
        """Begin anew, in moto as well."""
        connection = http.client.HTTPConnection(self.direct.removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/moto-api/reset")
            assert connection.getresponse().status == 200
        state_manager.set_transition("ecs::task", _NEVER)
        for kept in (
            self.throttled,
            self.untold,
            self.versions,
            self.digests,
            self.denied,
            self.log,
            self.sizes,
            self._definitions,
        ):
            kept.clear()

    def told(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tasks of moto's with what the proxy adds, and with times as boto3 gives them."""
        for task in tasks:
            ecs = self.client("ecs", task["taskArn"].split(":")[3])
            self._complete(task, partial(_described, ecs))
            times = {name: value for name, value in task.items() if name.endswith("At") and isinstance(value, float)}
            task |= {name: datetime.fromtimestamp(value, UTC) for name, value in times.items()}
        return tasks

    def operations(self, service: str) -> list[str]:
        """What was asked of a service."""
        return [operation for asked, _, operation in self.log if asked == service]

    def answer(self, headers: dict[str, str], path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The proxy's answer to one request."""
        scope = _SCOPE.search(headers.get("authorization", ""))
        service, region = (scope[3], scope[2]) if scope else ("", "")
        target = headers.get("x-amz-target", "").rpartition(".")[2]
        form = {} if target else parse_qs(body.decode())
        operation = target or form.get("Action", [""])[0]
        self.external_ids += form.get("ExternalId", [])
        self.log.append((service, region, operation))
        if self.throttled[operation] > 0:
            self.throttled[operation] -= 1
            return _error(400, "ThrottlingException", "Rate exceeded")
        if operation in self.denied:
            return _error(400, "AccessDeniedException", f"User is not authorized to perform: {service}:{operation}")
        asked = json.loads(body) if target and body else {}
        if operation == "DescribeTasks":
            self.sizes.append(len(asked["tasks"]))
            if len(asked["tasks"]) > _PAGE:
                return _error(400, "InvalidParameterException", "Tasks cannot be more than 100")
        status, more, answered = self._forward(headers, path, body)
        if status == 200 and service == "ecs":
            answered = self._changed(operation, asked, answered, lambda other: self._asked(headers, path, other))
        return status, more, answered

    def _changed(self, operation: str, asked: dict[str, Any], body: bytes, ask: Any) -> bytes:
        answer = json.loads(body)
        if operation in _LISTS:
            found, first = answer[_LISTS[operation]], int(asked.get("nextToken") or 0)
            last = first + min(_PAGE, int(asked.get("maxResults") or _PAGE))
            answer[_LISTS[operation]] = found[first:last]
            if last < len(found):
                answer["nextToken"] = str(last)
        if operation == "DescribeTasks":
            for task in answer["tasks"]:
                self._complete(task, ask)
        return json.dumps(answer).encode()

    def _complete(self, task: dict[str, Any], ask: Any) -> None:
        arn = task["taskDefinitionArn"]
        if arn not in self._definitions:
            described = ask({"target": "DescribeTaskDefinition", "taskDefinition": arn})
            self._definitions[arn] = described["taskDefinition"]["containerDefinitions"]
        task |= {"version": self.versions.get(task["taskArn"], 1), "createdAt": STARTED - 20, "startedAt": STARTED}
        task["containers"] = [self._container(task, given) for given in self._definitions[arn]]

    def _container(self, task: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        digest = self.digests.get(given["image"]) or digest_of(given["image"])
        told = {} if given["image"] in self.untold else {"imageDigest": digest}
        id = hashlib.sha256(f"{task['taskArn']}{given['name']}".encode()).hexdigest()
        return {
            "containerArn": task["taskArn"].replace(":task/", ":container/") + f"/{given['name']}",
            "taskArn": task["taskArn"],
            "name": given["name"],
            "image": given["image"],
            "runtimeId": id,
            "lastStatus": task["lastStatus"],
            **told,
        }

    def _asked(self, headers: dict[str, str], path: str, wanted: dict[str, Any]) -> Any:
        target = headers["x-amz-target"].rpartition(".")[0] + "." + wanted.pop("target")
        body = json.dumps(wanted).encode()
        return json.loads(self._forward({**headers, "x-amz-target": target}, path, body)[2])

    def _forward(self, headers: dict[str, str], path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.direct.removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            sent = {name: value for name, value in headers.items() if name not in ("content-length", "connection")}
            connection.request("POST", path, body, sent)
            answer = connection.getresponse()
            return answer.status, {"Content-Type": answer.headers.get("Content-Type", "")}, answer.read()


def _described(ecs: Any, wanted: dict[str, Any]) -> Any:
    return ecs.describe_task_definition(taskDefinition=wanted["taskDefinition"])


def _error(status: int, code: str, text: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"__type": code, "message": text}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.1"}, body


@contextlib.contextmanager
def fake_amazon() -> Iterator[FakeAmazon]:
    """moto and the proxy in front of it, until the block ends."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request
    state_manager.set_transition(
        "ecs::task", {"progression": "manual", "times": 1_000_000}
    )  # none ends by being looked at
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        server.start()
    host, port = server.get_host_and_port()
    amazon = FakeAmazon(direct=f"http://{host}:{port}")
    try:
        with _proxy(amazon):
            yield amazon
    finally:
        server.stop()
        state_manager.unset_transition("ecs::task")


@contextlib.contextmanager
def _proxy(amazon: FakeAmazon) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            status, more, answer = amazon.answer(headers, self.path, body)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    amazon.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
