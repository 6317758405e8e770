"""Channel `anchore`: what Anchore Engine 1.1 sends to webhooks, for receivers that were written for it.

One request for each image and kind, as that protocol has no groups: `policy_eval`, `vuln_update`, `tag_update`, `analysis_update`, and
`event_log` for what has no other form. Ids are those of the transition: sent again, a request is the same. A request that fails is tried
again with all of its message, so a receiver may see one twice.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.notice import Cause, Evidence, Item, Notice
from hullmark.model.purl import unquote
from hullmark.model.verdict import PASSING, Verdict
from hullmark.notify.channel import SECRET, Channel, Delivery, Post, Steps, check_reply
from hullmark.notify.details import details_of, running_at
from hullmark.notify.threaded import plain, quote_segment
from hullmark.report.anchore.evaluations import Evaluation, result_of
from hullmark.report.anchore.events import EventInfo, event
from hullmark.report.anchore.words import NONE, UNTAGGED, epoch

Type = Literal["policy_eval", "vuln_update", "tag_update", "analysis_update", "event_log"]
TYPES: tuple[Type, ...] = ("policy_eval", "vuln_update", "tag_update", "analysis_update", "event_log")
"""The types of Anchore's notifications."""

MOST_ROWS = Limit(5_000, "findings of an evaluation that Anchore's webhooks are sent", "shortened")
"""The most findings of an evaluation that are sent."""

_MOST_FINDINGS = Limit(20, "findings of an event that Anchore's webhooks are sent", "shortened")
_IDS = uuid.UUID("5f0f4c3e-8f0c-5c0e-9b0e-1d4c8d7a2b61")
_GRACE = 7 * 86_400
_OF_KIND: dict[str, tuple[Type, ...]] = {
    "compliance.lost": ("policy_eval", "vuln_update"),
    "compliance.regained": ("policy_eval", "vuln_update"),
    "finding.new": ("vuln_update",),
    "finding.worse": ("vuln_update",),
    "finding.retracted": ("vuln_update",),
    "fix.available": ("vuln_update",),
    "tag.moved": ("tag_update",),
    "analysis.failed": ("analysis_update",),
}
_EVENTS = {
    "compliance.lost": "user.checks.tag.policy_evaluation.update",
    "compliance.regained": "user.checks.tag.policy_evaluation.update",
    "finding.new": "user.checks.tag.vulnerabilities.update",
    "finding.worse": "user.checks.tag.vulnerabilities.update",
    "finding.retracted": "user.checks.tag.vulnerabilities.update",
    "fix.available": "user.checks.tag.vulnerabilities.update",
    "analysis.failed": "user.image.analysis.failed",
    "data.stale": "system.feeds.sync.failed",
}
_CHANGES = {"finding.worse": "updated", "fix.available": "updated"}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` may hold `<userId>` and `<notification_type>`. `user` and `password` sign in (HTTP Basic).

    With `by_subscriptions`, only what Anchore's subscriptions of the account ask for is sent (of its events: all).
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/@?#\\][^\s@\\]*$", max_length=1000)]
    user: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^:\x00-\x1f]*$")] = ""
    password: Annotated[str, msgspec.Meta(max_length=1000, extra=SECRET)] = ""
    email: Annotated[str, msgspec.Meta(max_length=300)] = ""
    types: Annotated[tuple[Type, ...], msgspec.Meta(min_length=1, max_length=5)] = TYPES[:4]
    by_subscriptions: bool = False


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """One request after the other, in the order in which it happened."""
    if isinstance(delivery.notice, Notice) and delivery.notice.is_test:
        yield from _send_message(settings, delivery, _test(delivery, delivery.notice, settings))
        return ""
    for cause, item in _items(delivery):
        for message in _messages(delivery, cause, item, settings):
            yield from _send_message(settings, delivery, message)
        delivery.reached(item.id)
    return ""


def _items(delivery: Delivery) -> Iterable[tuple[Cause | None, Item]]:
    """All items of the message, or those that it names, each with its cause (None if there are several causes)."""
    one = delivery.notice.cause if isinstance(delivery.notice, Notice) else None
    if delivery.all_items is not None:
        return ((one, item) for item in delivery.all_items())
    notices = (delivery.notice,) if isinstance(delivery.notice, Notice) else delivery.notice.groups
    found = [(notice.cause, item) for notice in notices for item in notice.items]
    return sorted(found, key=lambda pair: pair[1].id)


def _messages(delivery: Delivery, cause: Cause | None, item: Item, settings: Settings) -> Iterable[dict[str, Any]]:
    """The envelopes of one item."""
    tag = item.reference or UNTAGGED
    account = delivery.notice.account
    for type in TYPES:
        if type not in settings.types:
            continue
        payload: dict[str, Any] | None = None
        if type == "event_log":
            payload = _event(account, cause, item)
        elif type in _OF_KIND.get(item.kind, ()) and (not settings.by_subscriptions or delivery.subscribed(type, tag)):
            payload = _payload(type, delivery, item)
        if payload is not None:
            yield _envelope(type, account, settings, f"{item.id}", epoch(item.at) or 0, payload)


def _payload(type: Type, delivery: Delivery, item: Item) -> dict[str, Any] | None:
    """What a type says about an item; None if nothing."""
    about = {"subscription_key": item.reference or UNTAGGED, "subscription_type": type, "annotations": {}}
    match type:
        case "policy_eval":
            number = item.history_id
            before = delivery.evaluation_before(number) if number is not None else None
            after = delivery.evaluation(number) if number is not None else None
            last = _build_evaluation(delivery.notice.account, item, before, item.before)
            return {
                **about,
                "last_eval": last,
                "curr_eval": _build_evaluation(delivery.notice.account, item, after, item.after),
            }
        case "vuln_update":
            diff = _difference(item)
            return (
                {**about, "imageDigest": item.image, "diff_vulnerability_result": diff} if any(diff.values()) else None
            )
        case "tag_update" if not item.after.startswith("sha256:") and item.before:
            return None  # the verdict on what the tag leads to, which the other types tell
        case "tag_update":
            before_it = [item.before] if item.before else []
            return {**about, "last_eval": before_it, "curr_eval": [item.after or item.image]}
        case _:
            return {**about, "last_eval": _state(item, "analyzing"), "curr_eval": _state(item, "analysis_failed")}


def _state(item: Item, word: str) -> dict[str, Any]:
    return {"imageDigest": item.image, "analysis_status": word, "annotations": {}}


def _build_evaluation(account: str, item: Item, document: Mapping[str, Any] | None, word: str) -> dict[str, Any]:
    """An evaluation in Anchore's form, or as much of it as is known without the verdict: how it ended."""
    ended = {"image_digest": item.image, "status": "pass" if word in PASSING else "fail"}
    try:
        verdict = msgspec.convert(document, Verdict) if document is not None else None
    except msgspec.ValidationError:
        verdict = None
    if document is None or verdict is None:
        return {**ended, "final_action": word if word in PASSING else "stop"}
    cut = msgspec.structs.replace(verdict, findings=verdict.findings[:MOST_ROWS])
    evaluation = Evaluation(
        account=account,
        config_digest=str(document.get("config_digest") or item.image),
        fulltag=item.reference or UNTAGGED,
        policy_id=item.policy,
        evaluated_at=item.at,
        verdict=cut,
    )
    return {**msgspec.to_builtins(result_of(evaluation)), **ended}


def _difference(item: Item) -> dict[str, list[dict[str, str]]]:
    """The vulnerabilities that were added, changed and removed, as far as the evidence shows."""
    found: dict[str, list[dict[str, str]]] = {"added": [], "updated": [], "removed": []}
    for evidence in item.evidence:
        if evidence.advisory and not evidence.standing:  # what is excepted is still there
            usual = "added" if evidence.is_gained else "removed"
            found[_CHANGES.get(item.kind, usual)].append(_vulnerability(item, evidence))
    return found


def _vulnerability(item: Item, evidence: Evidence) -> dict[str, str]:
    kind, name, version = _parts(evidence.package)
    return {
        "CVE_ID": evidence.advisory,
        "Severity": (evidence.severity if evidence.severity != "unknown" else item.severity).capitalize(),
        "Vulnerable_Package": f"{name}-{version}" if version else name,
        "Fix_Available": evidence.fix_version or NONE,
        "URL": item.link,
        "Package_Name": name,
        "Package_Version": version,
        "Package_Type": kind,
        "Feed": "vulnerabilities",
        "Feed_Group": NONE,
    }


def _parts(package: str) -> tuple[str, str, str]:
    """Type, name and version of a purl; any other text becomes the name."""
    if not package.startswith("pkg:"):
        return NONE, package, ""
    kind, _, rest = package[4:].partition("/")
    name, _, version = rest.partition("?")[0].partition("#")[0].rpartition("@")
    if not name:
        name, version = version, ""
    return kind, unquote(name.rpartition("/")[2] if kind in ("deb", "rpm", "apk") else name), unquote(version)


def _event(account: str, cause: Cause | None, item: Item) -> dict[str, Any]:
    is_bad = item.kind in ("compliance.lost", "analysis.failed", "data.stale")
    info = EventInfo(
        id=_id(account, f"{item.id}", "event"),
        account=account,
        type=_EVENTS.get(item.kind, f"user.{item.kind}"),
        level="error" if is_bad else "info",
        message=plain((cause.sentence if cause else "") or item.kind, 1000),
        at=item.at,
        resource_type="image_tag" if item.reference else "image_digest",
        resource_id=item.reference or item.image,
        service="catalog",
        details={
            "cause": plain(cause.key, 1000) if cause else "",
            "image": item.image,
            "policy": item.policy,
            "before": item.before,
            "after": item.after,
            "findings": [
                plain(": ".join(filter(None, (words.what, words.rest))), 1500)
                for words in map(details_of, item.evidence[:_MOST_FINDINGS])
            ],
            **({"places": plain(running_at(item), 1500)} if item.places else {}),
            "link": item.link,
        },
    )
    built: dict[str, Any] = msgspec.to_builtins(event(info))
    return built


def _test(delivery: Delivery, notice: Notice, settings: Settings) -> dict[str, Any]:
    """A test notification; of the type in the test's subject, if that is one."""
    type = next((type_ for type_ in TYPES if type_ == notice.cause.subject), settings.types[0])
    sample = notice.items[0] if notice.items else Item(id=0, kind="compliance.lost", at=notice.at, reference="test")
    if type == "tag_update":
        sample = msgspec.structs.replace(sample, before="", after=sample.image)
    payload = _event(notice.account, notice.cause, sample) if type == "event_log" else _payload(type, delivery, sample)
    return _envelope(type, notice.account, settings, notice.id, epoch(notice.at) or 0, payload or {})


def _envelope(
    type: Type, account: str, settings: Settings, number: str, at: int, payload: dict[str, Any]
) -> dict[str, Any]:
    """The record of Anchore's queue, by the transition's number and time (seconds since 1970)."""
    id = _id(account, number, type)
    return {
        "queueId": type,
        "userId": account,
        "queueName": type,
        "dataId": id,
        "created_at": at,
        "last_updated": at,
        "record_state_key": "active",
        "record_state_val": "",
        "tries": 0,
        "max_tries": at + _GRACE,
        "data": {
            "notification_user": account,
            "notification_user_email": settings.email,
            "notification_type": type,
            "notification_payload": {"userId": account, "notificationId": id, **payload},
        },
    }


def _id(account: str, number: str, type: str) -> str:
    return str(uuid.uuid5(_IDS, f"{account}/{number}/{type}"))


def _send_message(settings: Settings, delivery: Delivery, message: dict[str, Any]) -> Steps:
    url = settings.url.replace("<userId>", quote_segment(delivery.notice.account)).replace(
        "<notification_type>", message["queueId"]
    )
    headers = {"content-type": "application/json"}
    if settings.user or settings.password:
        basic = base64.b64encode(f"{settings.user}:{settings.password}".encode()).decode()
        headers["authorization"] = f"Basic {basic}"
    check_reply((yield Post(url=url, body=msgspec.json.encode(message), headers=headers)), "the receiver")
    return ""


CHANNEL = Channel(
    name="anchore", title="Anchore's webhook", settings=Settings, deliver=deliver, is_single=True, module=__name__
)
