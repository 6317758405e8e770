"""Notices and digests as channels are handed them, harmless ones and such as nobody would want; and how a channel is driven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hullmark.model.notice import TRANSITION_KINDS, Cause, Digest, Evidence, Item, Notice
from hullmark.notify.channel import Channel, Delivery, Outgoing, Reply
from hullmark.notify.words import text_of

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
LINK = "https://hullmark.example/api/v1/messages/17"
DIGEST = "sha256:" + "ab" * 32

HOSTILE = (
    "@everyone",
    "@here",
    "x@channel",
    "@all",
    "@someone",
    "<!channel>",
    "<!here|here>",
    "<@U12345>",
    "<#C1>",
    "<https://evil.example|docs>",
    "[docs](https://evil.example)",
    "![x](http://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;!channel&gt;",
    "```",
    "`",
    "*bold* _it_ ~no~ ||spoiler||",
    "line\nbreak\r\nBcc: evil@example.test",
    "\u202egnp.exe",
    "\x00\x1b[31m",
    "{{DATE(2026-01-01T00:00:00Z)}}",
    "\ud800",
    "https://evil.example/",
    "www.evil.example",
    "\U0001f4a5" * 50,
)
"""What somebody may call a file, a package or a repository."""


def evidence(**more: Any) -> Evidence:
    """A package with a vulnerability that can be mended."""
    given: dict[str, Any] = {
        "rule": "no-critical",
        "subject": "pkg:deb/debian/openssl@3.0.1",
        "advisory": "CVE-2026-0001",
        "package": "pkg:deb/debian/openssl@3.0.1",
        "fix_state": "fixed",
        "fix_version": "3.0.2",
    }
    return Evidence(**{**given, **more})


def item(number: int = 1, **more: Any) -> Item:
    """An image that is out of compliance."""
    given: dict[str, Any] = {
        "id": number,
        "kind": "compliance.lost",
        "at": AT,
        "image": DIGEST,
        "reference": f"registry.example/shop/web:{number}",
        "policy": "base",
        "environment": "production",
        "before": "go",
        "after": "stop",
        "severity": "critical",
        "is_deployed": number == 1,
        "link": f"https://hullmark.example/api/v1/images/{DIGEST}",
    }
    return Item(**{**given, **more})


def cause(**more: Any) -> Cause:
    """A new advisory."""
    given: dict[str, Any] = {
        "kind": "advisory",
        "key": "advisory:CVE-2026-0001@7",
        "subject": "CVE-2026-0001",
        "sentence": "CVE-2026-0001 is new and critical",
        "seen_at": AT,
        "severity": "critical",
        "evidence": (evidence(),),
    }
    return Cause(**{**given, **more})


def notice(**more: Any) -> Notice:
    """One advisory that concerns 300 images."""
    given: dict[str, Any] = {
        "id": "0b7c7c2e-0000-4000-8000-000000000001",
        "account": "shop",
        "cause": cause(),
        "items": tuple(item(number) for number in range(1, 4)),
        "count": 300,
        "kinds": {"compliance.lost": 298, "finding.new": 2},
        "at": AT,
        "severity": "critical",
        "link": LINK,
    }
    return Notice(**{**given, **more})


def digest(**more: Any) -> Digest:
    """What two causes brought."""
    other = notice(cause=cause(sentence="Policy base was replaced", evidence=()), severity="low", count=3)
    given: dict[str, Any] = {
        "id": "0b7c7c2e-0000-4000-8000-000000000002",
        "account": "shop",
        "subscription": "weekly",
        "groups": (notice(), other),
        "count": 2,
        "since": AT - timedelta(days=7),
        "until": AT,
        "link": LINK,
    }
    return Digest(**{**given, **more})


def delivery(of: Notice | Digest | None = None, **more: Any) -> Delivery:
    """A delivery of a notice, with a title and a text as templates make them."""
    given: dict[str, Any] = {
        "notice": of if of is not None else notice(),
        "title": "300 images are out of compliance: CVE-2026-0001",
        "text": text_of(of if of is not None else notice()),
        "now": AT,
    }
    return Delivery(**{**given, **more})


def drive(channel: Channel, delivery: Delivery, settings: Any, *replies: Reply) -> tuple[list[Any], str]:
    """Answer what a channel sends, one after the other; all that it sent, and what it answered in the end.

    Raises what the channel raises.
    """
    steps, sent, left = channel.deliver(delivery, settings), [], list(replies)
    try:
        sent.append(next(steps))
        while True:
            sent.append(steps.send(left.pop(0)))
    except StopIteration as end:
        assert left == []
        return sent, str(end.value)


def refusing(channel: Channel, delivery: Delivery, settings: Any, reply: Reply) -> Outgoing:
    """Answer the first thing that a channel sends; what it sent. Raises what the channel raises."""
    (sent,), _ = drive(channel, delivery, settings, reply)
    return sent  # type: ignore[no-any-return]


def texts() -> st.SearchStrategy[str]:
    """Texts from images: any, with the hostile among them, and long ones."""
    some = st.one_of(st.text(max_size=40), st.sampled_from(HOSTILE))
    joined = st.lists(some, max_size=4).map("".join)
    return st.one_of(joined, st.tuples(joined, st.integers(1, 400)).map(lambda two: (two[0] or "x") * two[1]))


def links() -> st.SearchStrategy[str]:
    """Addresses, with a part that nobody checked."""
    return st.one_of(st.just(LINK), st.just(""), texts().map(lambda text: f"https://hullmark.example/{text}"), texts())


def evidences() -> st.SearchStrategy[Evidence]:
    """Findings with any words."""
    return st.builds(
        Evidence,
        rule=texts(),
        subject=texts(),
        message=texts(),
        advisory=texts(),
        package=texts(),
        path=texts(),
        fix_state=st.sampled_from(["", "fixed", "not-fixed", "wont-fix", "unknown"]),
        fix_version=texts(),
        is_gained=st.booleans(),
    )


def _kinds() -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(TRANSITION_KINDS))


def _severities() -> st.SearchStrategy[Any]:
    return st.sampled_from(["unknown", "negligible", "low", "medium", "high", "critical"])


def notices() -> st.SearchStrategy[Notice]:
    """Notices with any words."""
    items = st.builds(
        Item,
        id=st.just(1),
        kind=_kinds(),
        at=st.just(AT),
        image=st.one_of(st.just(DIGEST), texts()),
        reference=texts(),
        policy=texts(),
        environment=texts(),
        before=texts(),
        after=texts(),
        severity=_severities(),
        is_deployed=st.booleans(),
        evidence=st.lists(evidences(), max_size=1).map(tuple),
        link=links(),
    )
    return st.builds(
        notice,
        cause=st.builds(
            cause, subject=texts(), sentence=texts(), evidence=st.lists(evidences(), max_size=7).map(tuple)
        ),
        account=texts(),
        items=st.lists(items, max_size=4).flatmap(lambda some: st.sampled_from([1, 4]).map(lambda n: tuple(some * n))),
        count=st.integers(0, 10**9),
        kinds=st.dictionaries(_kinds(), st.integers(1, 10**9), max_size=12),
        severity=_severities(),
        link=links(),
    )


def deliveries() -> st.SearchStrategy[Delivery]:
    """Deliveries of notices and digests with any words."""
    of: st.SearchStrategy[Notice | Digest] = st.one_of(
        notices(),
        st.builds(
            digest,
            account=texts(),
            subscription=texts(),
            groups=st.lists(notices(), min_size=0, max_size=2).flatmap(
                lambda some: st.sampled_from([1, 6]).map(lambda n: tuple(some * n))
            ),
            link=links(),
        ),
    )
    return st.builds(delivery, of=of, title=texts(), text=st.lists(texts(), max_size=5).map("\n".join))


def strings(value: Any) -> list[str]:
    """Every text in a JSON value, keys aside."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    return [text for each in value for text in strings(each)] if isinstance(value, Sequence) else []
