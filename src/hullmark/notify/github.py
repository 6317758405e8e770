"""Channel `github`: an issue for each thread, through GitHub's REST API (version 2022-11-28), on github.com and GitHub Enterprise Server.

An issue is known by a word in its body. Before one is made, the newest issues of the repository are looked through, and the search is
asked (it lags behind by some seconds). The body lists the images that are concerned, the mended ones ticked; changes are told in
comments, each only once. Once all is fixed the issue is closed as completed, and opened again if it comes back. A body has
65,536 characters.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from hullmark.model.notice import Item, Notice
from hullmark.notify.channel import (
    SECRET,
    Again,
    Channel,
    Delivery,
    Outgoing,
    Post,
    Reply,
    Steps,
    Thread,
    check_reply,
    retry_after,
)
from hullmark.notify.threaded import (
    CARRIED,
    Answers,
    code,
    describe_image,
    document,
    entries,
    fields,
    link_of,
    list_items,
    markdown,
    note_id,
    note_of,
    plain,
    quote_segment,
    said_by,
    state_of,
    threads_for,
    why,
)

_WHERE = "GitHub"
_PUBLIC = "https://api.github.com"
_MOST_BODY = 65_536
_MOST_TITLE = 250
_MOST_ANSWER = 4 << 20
_GONE = (301, 404, 410)
_FIRST, _LAST = "<!-- hullmark images -->", "<!-- /hullmark images -->"
Found = Generator[Outgoing, Reply, "dict[str, Any] | None"]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=50, pattern=r"^[^,\x00-\x1f]+$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`repository` is OWNER/NAME; `token` may read and write its issues. `url` of an Enterprise Server ends with /api/v3."""

    repository: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")]
    token: Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[\x21-\x7e]+$", extra=SECRET)]
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/@?#\\][^\s@?#\\]*$", max_length=1000)] = _PUBLIC
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=50)] = ()
    assignees: Annotated[tuple[Label, ...], msgspec.Meta(max_length=10)] = ()
    comments: bool = True


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """For each thread, its issue is found or created, updated, opened or closed."""
    name = ""
    created: dict[str, str] = {}
    for thread in threads_for(delivery):
        remote = thread.remote or created.get(thread.key, "")
        issue = yield from _issue(thread, delivery, settings, remote)
        if issue is not None:
            name = str(issue["number"])
            created[thread.key] = name
    return name


def _issue(thread: Thread, delivery: Delivery, settings: Settings, remote: str) -> Found:
    """The issue in its new state; None if there is none and none is needed."""
    if not thread.is_open and not thread.was_open and not remote:
        return None
    found = yield from _fetch_issue(settings, remote, delivery.now)
    if found is None:
        found = yield from _search_issue(thread.marker, delivery.now, settings)
        if found is not None:
            delivery.keep(thread.key, str(found["number"]))
    if found is None:
        if not thread.is_open:
            return None
        issue = yield from _create(thread, delivery, settings)
        delivery.keep(thread.key, str(issue["number"]))
        return issue
    yield from _update_issue(thread, delivery, settings, found)
    return found


def _fetch_issue(settings: Settings, remote: str, now: datetime) -> Found:
    """The issue of a number; None if it is gone (deleted, or moved to another repository)."""
    if not remote.isascii() or not remote.isdigit():
        return None
    reply = yield _post(settings, "GET", f"/repos/{settings.repository}/issues/{remote}")
    return None if reply.status in _GONE else _read_issue(_check_reply(reply, now))


def _search_issue(marker: str, now: datetime, settings: Settings) -> Found:
    """The oldest issue that has the word in its body; None if there is none."""
    newest = yield _post(
        settings,
        "GET",
        f"/repos/{settings.repository}/issues?state=all&sort=created&direction=desc&per_page=30",
    )
    found = _with(marker, _issues(_check_reply(newest, now)))
    if found is None:
        query = quote_segment(f'"{marker}" in:body repo:{settings.repository} type:issue')
        reply = _check_reply((yield _post(settings, "GET", f"/search/issues?q={query}&per_page=10")), now)
        found = _with(marker, entries(fields(document(reply, _WHERE)).get("items")))
    return found


def _issues(reply: Reply) -> list[Any]:
    """The issues of a page; empty if it was too long to read: then the search is used."""
    try:
        return entries(document(reply, _WHERE))
    except Again:
        return []


def _with(marker: str, issues: list[Any]) -> dict[str, Any] | None:
    found = [
        issue
        for issue in map(fields, issues)
        if marker in str(issue.get("body") or "")
        and "pull_request" not in issue
        and isinstance(issue.get("number"), int)
    ]
    return min(found, key=lambda issue: int(issue["number"]), default=None)


def _create(thread: Thread, delivery: Delivery, settings: Settings) -> Generator[Outgoing, Reply, dict[str, Any]]:
    body: dict[str, Any] = {"title": plain(thread.title, _MOST_TITLE), "body": _body(thread, delivery, "")}
    if settings.labels:
        body["labels"] = list(settings.labels)
    if settings.assignees:
        body["assignees"] = list(settings.assignees)
    reply = yield _post(settings, "POST", f"/repos/{settings.repository}/issues", body)
    return _read_issue(_check_reply(reply, delivery.now))


def _update_issue(thread: Thread, delivery: Delivery, settings: Settings, issue: dict[str, Any]) -> Answers:
    """Body and state first, so that a refused comment does not prevent closing; then a comment, once."""
    path = f"/repos/{settings.repository}/issues/{issue['number']}"
    change: dict[str, Any] = {"body": _body(thread, delivery, str(issue.get("body") or ""))}
    if thread.is_open and issue.get("state") == "closed":
        change |= {"state": "open", "state_reason": "reopened"}
    elif not thread.is_open and issue.get("state") != "closed":
        change |= {"state": "closed", "state_reason": "completed"}
    reply = Reply(status=200)
    # Correct issues are left alone: GitHub limits changes most, and so a message with many threads progresses with each try.
    if len(change) > 1 or change["body"] != str(issue.get("body") or "").replace("\r\n", "\n").strip():
        reply = _check_reply((yield _post(settings, "PATCH", path, change)), delivery.now)
    word = note_id(thread, delivery)
    if not settings.comments or word in str(issue.get("body") or ""):
        return reply
    since = quote_segment(_since(delivery))
    there = _check_reply((yield _post(settings, "GET", f"{path}/comments?per_page=100&since={since}")), delivery.now)
    if word.encode() in there.body:
        return reply
    text = "\n\n".join(markdown(line) for line in note_of(thread, delivery))
    link = link_of(delivery)
    more = f"\n\n[All of it](<{link}>)" if link else ""
    comment = {"body": f"{text[: _MOST_BODY - 2000]}{more}\n\n<!-- {word} -->"}
    return _check_reply((yield _post(settings, "POST", f"{path}/comments", comment)), delivery.now)


def _since(delivery: Delivery) -> str:
    """No comment of this message is older than the message."""
    began = delivery.notice.at if isinstance(delivery.notice, Notice) else delivery.notice.since
    return began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _body(thread: Thread, delivery: Delivery, before: str) -> str:
    """The text, the images as a list with boxes, and the word that the issue is found by."""
    link = link_of(delivery)
    head = [
        f"**{markdown(plain(delivery.title, 500))}**",
        *(markdown(line) for line in said_by(delivery, 5000)),
        state_of(thread),
        f"[All of it](<{link}>)" if link else "",
    ]
    top = "\n\n".join(line for line in head if line)[:25_000]
    room = _MOST_BODY - len(top) - 500
    lines = list_items(thread.open, thread.open_count, room, lambda item: f"- [ ] {_line(item)}")
    ticked: list[str] = []
    if len(thread.open) == thread.open_count == len(lines):
        room -= sum(len(line) + 1 for line in lines)
        ticked = _list_ticked_images(before, {line[6:] for line in lines}, room)
    images = "\n".join([_FIRST, *lines, *ticked, _LAST])
    # The body itself gives the reason for the issue: repeating it is not news.
    word = note_id(thread, delivery)
    made_for = f"\n<!-- {word} -->" if not before or word in before else ""
    return f"{top}\n\n{images}\n\n<sub>{thread.marker}</sub>{made_for}"


def _line(item: Item) -> str:
    reason = why(item)
    return f"{code(describe_image(item))}{f' {markdown(reason)}' if reason else ''}"


def _list_ticked_images(before: str, still: set[str], room: int) -> list[str]:
    """The images in the old body that are no longer affected."""
    _, _, rest = before.replace("\r\n", "\n").partition(f"{_FIRST}\n")
    found: list[str] = []
    names = {line.partition("` ")[0] for line in still}
    for line in rest.partition(f"\n{_LAST}")[0].split("\n"):
        if not line.startswith(("- [ ] ", "- [x] ")) or line[6:].partition("` ")[0] in names:
            continue
        room -= len(line) + 1
        if room < 0:
            break
        found.append(f"- [x] {line[6:]}")
    return found


def _read_issue(reply: Reply) -> dict[str, Any]:
    issue = fields(document(reply, _WHERE))
    if not isinstance(issue.get("number"), int):
        raise Again(f"{_WHERE} answered with something that is not an issue", status=reply.status)
    return issue


def _check_reply(reply: Reply, now: datetime) -> Reply:
    """The reply if it is a success; raises Again with the time that GitHub makes us wait."""
    if reply.status in (403, 429):
        after = retry_after(reply)
        reset = reply.headers.get("x-ratelimit-reset", "")
        if after is None and reply.headers.get("x-ratelimit-remaining") == "0" and _is_number(reset):
            after = min(max(int(reset) - now.timestamp(), 1.0), 3600.0)
        if after is None and (reply.status == 429 or b"rate limit" in reply.body.lower()):
            after = 60.0
        if after is not None:
            raise Again(f"{_WHERE} limits the rate of requests", status=reply.status, after=after)
    return check_reply(reply, _WHERE)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 15


def _post(settings: Settings, method: str, path: str, body: dict[str, Any] | None = None) -> Post:
    return Post(
        url=f"{settings.url.rstrip('/')}{path}",
        body=b"" if body is None else msgspec.json.encode(body),
        headers={
            "accept": "application/vnd.github+json",
            "authorization": f"Bearer {settings.token}",
            "content-type": "application/json",
            "user-agent": "hullmark",
            "x-github-api-version": "2022-11-28",
        },
        method=method,
        most=_MOST_ANSWER,
    )


def address_of(settings: Mapping[str, Any], number: str) -> str:
    """Where an issue is read. An Enterprise Server answers pages beside its API."""
    url, repository = str(settings.get("url", "") or _PUBLIC).rstrip("/"), str(settings.get("repository", ""))
    host = "https://github.com" if url == _PUBLIC else url.removesuffix("/api/v3")
    return f"{host}/{repository}/issues/{quote_segment(number)}" if repository else ""


CHANNEL = Channel(
    name="github",
    title="GitHub issues",
    settings=Settings,
    deliver=deliver,
    is_threaded=True,
    carries=CARRIED,
    address=address_of,
    module=__name__,
)
