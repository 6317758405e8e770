"""Channel `jira`: an issue for each thread, through Jira's REST API: version 3 of Jira Cloud, version 2 of Jira Data Center and Server.

An issue is known by a label. Before one is made, the label is searched for (on Cloud the search lags behind by some seconds, so an issue
whose making was cut off at the wrong moment and tried again at once may be there twice). Comments report changes, each only once.
Where all is mended, the issue takes the transition to a status that is done; it takes one back if it comes again.
"""

from __future__ import annotations

import base64
from collections.abc import Generator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.notice import Item
from hullmark.notify.channel import (
    SECRET,
    Again,
    Channel,
    Delivery,
    MessageRefused,
    Outgoing,
    Post,
    Reply,
    Steps,
    Thread,
    check_reply,
)
from hullmark.notify.jira_text import Text, nodes, wiki
from hullmark.notify.threaded import (
    CARRIED,
    Answers,
    describe_image,
    document,
    entries,
    fields,
    link_of,
    list_items,
    note_id,
    note_of,
    plain,
    quote_segment,
    said_by,
    severity_of,
    state_of,
    threads_for,
    why,
)

_WHERE = "Jira"
_MOST_SUMMARY = 250
_MOST_ANSWER = 4 << 20
Name = Annotated[str, msgspec.Meta(max_length=100)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^\S+$")]
Found = Generator[Outgoing, Reply, "dict[str, Any] | None"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is Jira's own (https://NAME.atlassian.net); `project` its key. With `email`, `token` is an API token of Jira Cloud, without
    it a personal access token.

    `priorities` names the priority of a severity (none: the project's own). `done` and `reopened` name a status or transition, where the
    first that Jira offers is not the right one; `resolution` is set when an issue is done, where its screen asks for one.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/@?#\\][^\s@?#\\]*$", max_length=1000)]
    project: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
    token: Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[\x21-\x7e]+$", extra=SECRET)]
    email: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^:\s]*$")] = ""
    kind: Literal["cloud", "server"] = "cloud"
    issue_type: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Task"
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=50)] = ()
    priorities: dict[Severity, Name] = {}
    done: Name = ""
    reopened: Name = ""
    resolution: Name = ""
    comments: bool = True


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """For each thread, its issue is found or created, updated, and takes the transition that its state needs."""
    name = ""
    created: dict[str, str] = {}
    for thread in threads_for(delivery):
        remote = thread.remote or created.get(thread.key, "")
        key = yield from _issue(thread, delivery, settings, remote)
        if key:
            name = created[thread.key] = key
    return name


def _issue(thread: Thread, delivery: Delivery, settings: Settings, remote: str) -> Generator[Outgoing, Reply, str]:
    """The key of the issue in its new state; "" if there is none and none is needed."""
    if not thread.is_open and not thread.was_open and not remote:
        return ""
    found = (yield from _fetch_issue(settings, remote)) if remote else None
    if found is None:
        found = yield from _search_issue(thread.marker, settings)
        if found is not None:
            delivery.keep(thread.key, str(found["key"]))
    if found is None:
        if not thread.is_open:
            return ""
        body = {
            "fields": _fields(thread, delivery, settings, is_first=True) | _first_fields(thread, delivery, settings)
        }
        issue = _read_issue((yield from _request(settings, "POST", "/issue", body)))
        delivery.keep(thread.key, str(issue["key"]))
        return str(issue["key"])
    path = f"/issue/{quote_segment(str(found['key']))}"
    known = fields(found.get("fields"))
    # The description itself gives the reason for the issue: repeating it is not news.
    is_repeated = note_id(thread, delivery) in str(known.get("description"))
    yield from _request(settings, "PUT", path, {"fields": _fields(thread, delivery, settings, is_first=is_repeated)})
    yield from _move_issue(path, known, settings, is_open=thread.is_open)
    if settings.comments and not is_repeated:
        yield from _comment_once(path, thread, delivery, settings)
    return str(found["key"])


def _fetch_issue(settings: Settings, key: str) -> Found:
    """The issue of a key; None if it is gone."""
    reply = yield _post(settings, "GET", f"/issue/{quote_segment(key)}?fields=status,labels,description")
    return None if reply.status in (404, 410) else _read_issue(check_reply(reply, _WHERE))


def _search_issue(marker: str, settings: Settings) -> Found:
    """The oldest issue of the project with a label; None if there is none."""
    jql = f'project = "{settings.project}" AND labels = "{marker}" ORDER BY created ASC'
    body = {"jql": jql, "maxResults": 10, "fields": ["status", "labels", "description"]}
    path = "/search/jql" if settings.kind == "cloud" else "/search"
    reply = yield from _request(settings, "POST", path, body)
    for issue in map(fields, entries(fields(document(reply, _WHERE)).get("issues"))):
        if isinstance(issue.get("key"), str) and marker in entries(fields(issue.get("fields")).get("labels")):
            return issue
    return None


def _move_issue(
    path: str, known: dict[str, Any], settings: Settings, *, is_open: bool
) -> Generator[Outgoing, Reply, None]:
    """Take a transition, unless the issue has the right state. Raises Refused if none leads there."""
    if _is_done(fields(known.get("status"))) is not is_open:
        return
    reply = yield from _request(settings, "GET", f"{path}/transitions")
    offered = [fields(entry) for entry in entries(fields(document(reply, _WHERE)).get("transitions"))]
    wanted = (settings.reopened if is_open else settings.done).casefold()
    for transition in offered:
        to = fields(transition.get("to"))
        names = {str(transition.get("name", "")).casefold(), str(to.get("name", "")).casefold()}
        if wanted in names if wanted else _is_done(to) is not is_open:
            body: dict[str, Any] = {"transition": {"id": str(transition.get("id", ""))}}
            if settings.resolution and not is_open:
                body["fields"] = {"resolution": {"name": settings.resolution}}
            yield from _request(settings, "POST", f"{path}/transitions", body)
            return
    setting = "reopened" if is_open else "done"
    names_of = ", ".join(plain(str(transition.get("name", "")), 50) for transition in offered[:20]) or "none at all"
    raise MessageRefused(
        f"{_WHERE} offers no transition that {'opens' if is_open else 'closes'} the issue again (it offers: {names_of});"
        f" name one in the setting {setting}, and let the account transition issues"
    )


def _is_done(status: dict[str, Any]) -> bool:
    return fields(status.get("statusCategory")).get("key") == "done"


def _comment_once(path: str, thread: Thread, delivery: Delivery, settings: Settings) -> Answers:
    """Comment on what changed, once."""
    word = note_id(thread, delivery)
    there = yield from _request(settings, "GET", f"{path}/comment?orderBy=-created&maxResults=30")
    if word.encode() in there.body:
        return there
    text = Text(paragraphs=note_of(thread, delivery), link=link_of(delivery), last=word)
    return (yield from _request(settings, "POST", f"{path}/comment", {"body": _text(text, settings)}))


def _fields(thread: Thread, delivery: Delivery, settings: Settings, *, is_first: bool) -> dict[str, Any]:
    """Fields that are written whenever the issue changes."""
    paragraphs = [plain(delivery.title, 500), *said_by(delivery, 8000), state_of(thread)]
    images = list_items(thread.open, thread.open_count, 15_000, _line)
    last = f"{thread.marker} {note_id(thread, delivery)}" if is_first else thread.marker
    text = Text(paragraphs=paragraphs, entries=images, link=link_of(delivery), last=last)
    return {"description": _text(text, settings)}


def _first_fields(thread: Thread, delivery: Delivery, settings: Settings) -> dict[str, Any]:
    """Fields that are written on creation only; people may change them later."""
    priority = settings.priorities.get(severity_of(thread, delivery), "")
    return {
        "project": {"key": settings.project},
        "issuetype": {"name": settings.issue_type},
        "summary": plain(thread.title, _MOST_SUMMARY),
        "labels": [thread.marker, *settings.labels],
    } | ({"priority": {"name": priority}} if priority else {})


def _line(item: Item) -> str:
    reason = why(item)
    return f"{describe_image(item)}: {reason}" if reason else describe_image(item)


def _text(text: Text, settings: Settings) -> Any:
    return nodes(text) if settings.kind == "cloud" else wiki(text)


def _read_issue(reply: Reply) -> dict[str, Any]:
    issue = fields(document(reply, _WHERE))
    if not isinstance(issue.get("key"), str) or not issue["key"]:
        raise Again(f"{_WHERE} answered with something that is not an issue", status=reply.status)
    return issue


def _request(settings: Settings, method: str, path: str, body: dict[str, Any] | None = None) -> Answers:
    return check_reply((yield _post(settings, method, path, body)), _WHERE)


def _post(settings: Settings, method: str, path: str, body: dict[str, Any] | None = None) -> Post:
    basic = base64.b64encode(f"{settings.email}:{settings.token}".encode()).decode()
    return Post(
        url=f"{settings.url.rstrip('/')}/rest/api/{3 if settings.kind == 'cloud' else 2}{path}",
        body=b"" if body is None else msgspec.json.encode(body),
        headers={
            "accept": "application/json",
            "authorization": f"Basic {basic}" if settings.email else f"Bearer {settings.token}",
            "content-type": "application/json",
            # Without it Jira rejects requests as cross-site forgeries.
            "x-atlassian-token": "no-check",
        },
        method=method,
        most=_MOST_ANSWER,
    )


def address_of(settings: Mapping[str, Any], key: str) -> str:
    """Where an issue is read."""
    url = str(settings.get("url", "")).rstrip("/")
    return f"{url}/browse/{quote_segment(key)}" if url else ""


CHANNEL = Channel(
    name="jira",
    title="Jira",
    settings=Settings,
    deliver=deliver,
    is_threaded=True,
    carries=CARRIED,
    address=address_of,
    module=__name__,
)
