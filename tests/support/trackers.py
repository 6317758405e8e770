"""Trackers of issues and incidents in memory, each as its API behaves, and what drives a channel's steps against them."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from hullmark.model.notice import Cause, Item, Notice, TransitionKind
from hullmark.notify.channel import Channel, Delivery, Outgoing, Post, Reply, Steps, Thread
from hullmark.server.stories.notice.threads import marker_of, thread_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Cut(Exception):
    """The process was killed: the answer to its last request was never seen."""


@dataclass
class Tracker:
    """What all have: the requests that were made, and answers that come before its own."""

    requests: list[Post] = field(default_factory=list)
    first: deque[Reply] = field(default_factory=deque)

    def ask(self, post: Outgoing) -> Reply:
        """Make a request."""
        assert isinstance(post, Post)
        self.requests.append(post)
        return self.first.popleft() if self.first else self.answer(post)

    def answer(self, post: Post) -> Reply:
        """The answer of the service itself."""
        raise NotImplementedError

    def open(self) -> set[str]:
        """The markers of what is open. Fails if two are of one marker."""
        raise NotImplementedError

    def asked(self, method: str, ending: str = "") -> list[Any]:
        """The bodies of the requests of a method to a path that ends so."""
        found = [
            request
            for request in self.requests
            if request.method == method and urlsplit(request.url).path.endswith(ending)
        ]
        return [json.loads(each.body) if each.body else None for each in found]


def said(status: int, body: Any = None, **headers: str) -> Reply:
    """An answer. Names of headers are written with underscores."""
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=b"" if body is None else json.dumps(body).encode(), headers=known)


def only(found: list[str]) -> set[str]:
    """The markers; fails if one is there twice."""
    assert len(found) == len(set(found)), f"made twice: {found}"
    return set(found)


@dataclass
class PagerDuty(Tracker):
    """Alerts by dedup_key: whether each is open, and the last event."""

    alerts: dict[str, bool] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)

    def answer(self, post: Post) -> Reply:
        event = json.loads(post.body)
        assert post.url.endswith("/v2/enqueue")
        if len(post.body) > 512_000 or event.get("routing_key") != "R" * 32:
            return said(400, {"status": "invalid event", "errors": ["wrong"]})
        if event["event_action"] == "trigger":
            payload = event["payload"]
            assert payload["severity"] in ("critical", "error", "warning", "info")
            assert 0 < len(payload["summary"]) <= 1024
            assert payload["source"]
            self.alerts[event["dedup_key"]] = True
            self.last[event["dedup_key"]] = event
        elif event["dedup_key"] in self.alerts:
            self.alerts[event["dedup_key"]] = False
        return said(202, {"status": "success", "dedup_key": event["dedup_key"]})

    def open(self) -> set[str]:
        return {key for key, is_open in self.alerts.items() if is_open}


@dataclass
class Opsgenie(Tracker):
    """Alerts by alias, with their notes; those that were closed stay by themselves."""

    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, post: Post) -> Reply:
        if post.headers.get("authorization") != "GenieKey K":
            return said(401, {"message": "Could not authenticate"})
        parts = urlsplit(post.url)
        path = parts.path.removeprefix("/v2/alerts").strip("/").split("/")
        body = json.loads(post.body) if post.body else {}
        if path == [""]:
            return self._create(body)
        assert parse_qs(parts.query)["identifierType"] == ["alias"]
        alert = self.alerts.get(unquote(path[0]))
        if post.method == "GET":
            notes = [] if alert is None else [{"note": note} for note in reversed(alert["notes"])]
            return said(200, {"data": notes}) if alert is not None else said(404, {"message": "no such alert"})
        if len(body.get("note", "")) > 25_000:
            return said(422, {"message": "too long"})
        if alert is not None:
            alert["notes"].append(body.get("note", ""))
            alert["is_open"] = alert["is_open"] and path[1] != "close"
        return said(202, {"result": "Request will be processed"})

    def _create(self, body: dict[str, Any]) -> Reply:
        limits = (("message", 130), ("alias", 512), ("description", 15_000), ("entity", 512))
        if any(len(body[name]) > most for name, most in limits) or len(body["tags"]) > 20:
            return said(422, {"message": "too long"})
        assert body["message"]
        assert body["priority"] in ("P1", "P2", "P3", "P4", "P5")
        there = self.alerts.get(body["alias"])
        if there is not None and there["is_open"]:
            there["count"] += 1
        else:
            self.alerts[body["alias"]] = {**body, "is_open": True, "notes": [], "count": 1}
        return said(202, {"result": "Request will be processed"})

    def open(self) -> set[str]:
        return {alias for alias, alert in self.alerts.items() if alert["is_open"]}


@dataclass
class GitHub(Tracker):
    """Issues of one repository. `is_blind`: the search has not caught up yet."""

    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    is_blind: bool = False

    def answer(self, post: Post) -> Reply:
        parts = urlsplit(post.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.loads(post.body) if post.body else {}
        if post.headers.get("authorization") != "Bearer T" or not post.headers.get("user-agent"):
            return said(401, {"message": "Bad credentials"})
        if parts.path.endswith("/search/issues"):
            return self._search(query["q"])
        path = parts.path.partition("/repos/o/r/issues")[2].strip("/").split("/")
        if path == [""]:
            return self._list() if post.method == "GET" else self._create(body)
        number = int(path[0])
        if number not in self.issues:
            return said(410 if number < 100 else 404, {"message": "This issue was deleted"})
        if path[1:] == ["comments"]:
            return self._comment(number, post.method, body)
        if post.method == "PATCH":
            if len(body.get("body", "")) > 65_536:
                return said(422, {"message": "body is too long"})
            self.issues[number] |= body
        return said(200, self.issues[number])

    def _search(self, words: str) -> Reply:
        match = re.fullmatch(r'"(hullmark-[a-z0-9-]+)" in:body repo:o/r type:issue', words)
        assert match, words
        items = [] if self.is_blind else [issue for issue in self.issues.values() if match[1] in issue["body"]]
        return said(200, {"total_count": len(items), "items": items})

    def _list(self) -> Reply:
        return said(200, sorted(self.issues.values(), key=lambda each: -int(each["number"]))[:30])

    def _create(self, body: dict[str, Any]) -> Reply:
        if not 0 < len(body["title"]) <= 256 or len(body["body"]) > 65_536:
            return said(422, {"message": "Validation Failed"})
        number = len(self.comments) + 1
        self.issues[number] = {**body, "number": number, "state": "open"}
        self.comments[number] = []
        return said(201, self.issues[number])

    def _comment(self, number: int, method: str, body: dict[str, Any]) -> Reply:
        if method == "GET":
            return said(200, [{"body": each} for each in self.comments[number]])
        if not 0 < len(body["body"]) <= 65_536:
            return said(422, {"message": "Validation Failed"})
        self.comments[number].append(body["body"])
        return said(201, {"id": 1})

    def open(self) -> set[str]:
        shown = [issue["body"] for issue in self.issues.values() if issue["state"] == "open"]
        return only([re.findall(r"<sub>(hullmark-[a-z0-9-]+)</sub>", each)[-1] for each in shown])


STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Won't do": "done"}


@dataclass
class Jira(Tracker):
    """Issues of one project. `version` 3 is Cloud, 2 is Data Center. `can_move`: the account may transition issues."""

    version: int = 3
    authorization: str = "Basic bWFpbEBleGFtcGxlLm9yZzpU"
    can_move: bool = True
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[Any]] = field(default_factory=dict)

    def answer(self, post: Post) -> Reply:
        if post.headers.get("authorization") != self.authorization:
            return said(401, {"errorMessages": ["who are you"]})
        root, _, rest = urlsplit(post.url).path.partition(f"/rest/api/{self.version}")
        assert root in ("", "/jira"), post.url
        path = rest.strip("/").split("/")
        body = json.loads(post.body) if post.body else {}
        if path[0] == "search":
            assert path == (["search", "jql"] if self.version == 3 else ["search"])
            return self._search(body)
        if path == ["issue"]:
            return self._create(body["fields"])
        if path[1] not in self.issues:
            return said(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]})
        return self._of_issue(path[1], path[2:], post.method, body)

    def _of_issue(self, key: str, path: list[str], method: str, body: dict[str, Any]) -> Reply:
        if path == ["comment"]:
            if method == "GET":
                return said(200, {"comments": self.comments[key]})
            self._check(body["body"])
            self.comments[key].append(body)
            return said(201, {"id": "1"})
        if path == ["transitions"]:
            return self._transitions(key, method, body)
        if method == "PUT":
            self._check(body["fields"].get("description"))
            self.issues[key] |= body["fields"]
            return said(204)
        return said(200, self._shown(key))

    def _transitions(self, key: str, method: str, body: dict[str, Any]) -> Reply:
        is_done = STATUSES[self.issues[key]["status"]] == "done"
        names = ["To Do"] if is_done else ["In Progress", "Done", "Won't do"]
        offered = {str(10 * number + 11): name for number, name in enumerate(names)} if self.can_move else {}
        if method == "GET":
            shown = [
                {"id": id, "name": f"Go to {name}", "to": {"name": name, "statusCategory": {"key": STATUSES[name]}}}
                for id, name in offered.items()
            ]
            return said(200, {"transitions": shown})
        if body["transition"]["id"] not in offered:
            return said(400, {"errorMessages": ["It seems that you have tried to perform an illegal operation"]})
        self.issues[key]["status"] = offered[body["transition"]["id"]]
        self.issues[key]["resolution"] = body.get("fields", {}).get("resolution")
        return said(204)

    def _search(self, body: dict[str, Any]) -> Reply:
        match = re.fullmatch(r'project = "SEC" AND labels = "(hullmark-[a-z0-9-]+)" ORDER BY created ASC', body["jql"])
        assert match, body["jql"]
        found = [self._shown(key) for key, issue in self.issues.items() if match[1] in issue["labels"]]
        return said(200, {"issues": found, "isLast": True})

    def _create(self, fields: dict[str, Any]) -> Reply:
        if any(re.search(r"\s", label) for label in fields["labels"]) or not 0 < len(fields["summary"]) <= 255:
            return said(400, {"errors": {"labels": "wrong"}})
        assert "\n" not in fields["summary"]
        assert fields["project"] == {"key": "SEC"}
        self._check(fields["description"])
        key = f"SEC-{len(self.comments) + 1}"
        self.issues[key] = {**fields, "status": "To Do"}
        self.comments[key] = []
        return said(201, {"id": "10000", "key": key})

    def _shown(self, key: str) -> dict[str, Any]:
        issue = self.issues[key]
        status = {"name": issue["status"], "statusCategory": {"key": STATUSES[issue["status"]]}}
        return {
            "key": key,
            "fields": {"status": status, "labels": issue["labels"], "description": issue["description"]},
        }

    def _check(self, text: Any) -> None:
        """A document for Cloud, a text for Data Center; neither too long."""
        if self.version == 3:
            _check_node(text, top=True)
            assert len(_text_of(text)) <= 32_767
        else:
            assert isinstance(text, str)
            assert 0 < len(text) <= 32_767

    def open(self) -> set[str]:
        return only([issue["labels"][0] for issue in self.issues.values() if STATUSES[issue["status"]] != "done"])


_INSIDE = {
    "doc": ("paragraph", "bulletList"),
    "bulletList": ("listItem",),
    "listItem": ("paragraph",),
    "paragraph": ("text",),
}


def _check_node(node: Any, *, top: bool = False) -> None:
    if top:
        assert (node["type"], node["version"]) == ("doc", 1)
    if node["type"] == "text":
        assert isinstance(node["text"], str)
        assert node["text"]
        return
    for each in node["content"]:
        assert each["type"] in _INSIDE[node["type"]]
        _check_node(each)


def _text_of(node: Any) -> str:
    return str(node["text"]) if node["type"] == "text" else "".join(map(_text_of, node["content"]))


def drive(steps: Steps, tracker: Tracker, *, cut_after: int = -1) -> str:
    """Make the requests; answers the name of what was made. Raises Cut after the request of that number: its answer is not seen."""
    count, reply = 0, None
    try:
        post = next(steps)
        while True:
            reply = tracker.ask(post)
            if count == cut_after:
                steps.close()
                raise Cut
            count += 1
            post = steps.send(reply)
    except StopIteration as end:
        return str(end.value)


def item(number: int, kind: TransitionKind = "compliance.lost", /, **more: Any) -> Item:
    """An item about the image of a number."""
    known: dict[str, Any] = {
        "id": number,
        "image": f"sha256:{number:064x}",
        "reference": f"registry.example/shop/seller:{number}",
        "policy": "p",
        "environment": "production",
        "severity": "high",
        "before": "go",
        "after": "stop",
        "at": NOW,
        "link": f"https://hullmark.example/{number}",
    }
    return Item(**{**known, "kind": kind, **more})


def notice(number: int = 1, *items: Item, subject: str = "CVE-2026-1", **more: Any) -> Notice:
    """A notice about a vulnerability. `number` makes it one."""
    cause = Cause(
        kind="advisory", key=f"advisory:{subject}@{number}", subject=subject, sentence="It is so.", seen_at=NOW
    )
    known: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "account": "shop",
        "cause": cause,
        "items": items,
    }
    known |= {"count": len(items), "kinds": {}, "at": NOW, "severity": "high", "link": "https://hullmark.example/all"}
    return Notice(**{**known, **more})


class Ledger:
    """Threads as the server keeps them for one channel: told of messages, it says what is open, and what a channel is handed.

    A message is a list of (kind, subject, image); it changes the threads once, however often it is told.
    """

    def __init__(self, channel: Channel, settings: Any, tracker: Tracker) -> None:
        self.channel = channel
        self.settings = settings
        self.tracker = tracker
        self.images: dict[str, set[int]] = {}
        self.remote: dict[str, str] = {}
        self.changed: dict[int, dict[str, bool]] = {}

    def tell(self, number: int, message: list[tuple[str, str, int]], *, cut_after: int = -1, **more: Any) -> str:
        """Have the channel bring a message about. Raises what the channel raises."""
        if number not in self.changed:
            self.changed[number] = self._apply(message)
        threads = tuple(self._thread(key, was) for key, was in sorted(self.changed[number].items()))
        told = notice(number, *(item(image, kind) for kind, _, image in message))  # type: ignore[arg-type]
        delivery = Delivery(
            notice=told, title="News", text="What.\nWhy.", now=NOW, threads=threads, keep=self._keep, **more
        )
        steps = self.channel.deliver(delivery, self.settings)
        return drive(steps, self.tracker, cut_after=cut_after)

    def _keep(self, key: str, remote: str) -> None:
        assert remote
        self.remote[key] = remote

    def _apply(self, message: list[tuple[str, str, int]]) -> dict[str, bool]:
        before = {key: bool(images) for key, images in self.images.items()}
        touched: set[str] = set()
        for kind, subject, image in message:
            key = thread_key("advisory", subject)
            if kind in ("compliance.lost", "finding.new", "finding.worse"):
                self.images.setdefault(key, set()).add(image)
                touched.add(key)
                continue
            for other, images in self.images.items():
                if image in images and (kind == "compliance.regained" or other == key):
                    touched.add(other)
                    if kind in ("compliance.regained", "finding.retracted"):
                        images.discard(image)
        return {key: before.get(key, False) for key in touched}

    def _thread(self, key: str, was_open: bool) -> Thread:
        images = sorted(self.images.get(key, ()))
        return Thread(
            key=key,
            marker=marker_of(CHANNEL_ID, key),
            title=f"{key} puts images out of compliance",
            remote=self.remote.get(key, ""),
            is_open=bool(images),
            was_open=was_open,
            open=tuple(map(item, images)),
            open_count=len(images),
        )

    def open(self) -> set[str]:
        """The markers of the threads that are open."""
        return {marker_of(CHANNEL_ID, key) for key, images in self.images.items() if images}

    def marker(self, subject: str) -> str:
        """The marker of a subject's thread."""
        return marker_of(CHANNEL_ID, thread_key("advisory", subject))


CHANNEL_ID = UUID("6ff2ac1c-5d13-4a6f-9c64-5b2c9f3a1d7e")


@contextlib.contextmanager
def served(tracker: Tracker) -> Iterator[str]:
    """The tracker behind HTTP on 127.0.0.1; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = f"http://tracker{self.path}"
            reply = tracker.ask(Post(url=url, body=self.rfile.read(length), headers=headers, method=self.command))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            # Who was ended meanwhile does not hear of it.
            with contextlib.suppress(OSError):
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
