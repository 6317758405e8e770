"""A shop's images, and all that became of them: every kind of news that people get, each as the server makes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from hullmark.model import notice as model
from hullmark.model.notice import Digest, Item, Notice, TransitionKind
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict, VerdictInputs, Weakness
from hullmark.notify.scene import Scene
from hullmark.notify.transitions import transitions_of
from hullmark.policy.gate import trigger_id
from hullmark.policy.recount import outcome_of
from hullmark.server.stories.images.analyse import failed_analysis
from hullmark.server.stories.notice.notices import sample_notice
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.images.leases import ReleasedLease
from tools.message_places import RUNNING, news_of_places

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIRST = datetime(2026, 4, 20, 8, 30, tzinfo=UTC)
_HOST = "https://hullmark.example"
_WEB, _API = "registry.example/shop/web:1.4", "registry.example/shop/api:2.0"
_DIGESTS = {_WEB: "sha256:" + "1f" * 32, _API: "sha256:" + "2e" * 32}
_DPKG, _INSTALL = "/var/lib/dpkg/status", "RUN /bin/sh -c apt-get install -y openssl # buildkit"

OPENSSL = Weakness(
    advisory="CVE-2026-1234",
    package="pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12",
    place="debian:12/openssl",
    severity="critical",
    fix_state="fixed",
    fix_version="3.0.14-1",
)
ZLIB = Weakness(
    advisory="CVE-2026-7777",
    package="pkg:deb/debian/zlib1g@1.2.13",
    place="debian:12/zlib",
    severity="high",
    fix_state="not-fixed",
)
"""Two vulnerabilities: the first can be mended, the second not yet."""


class News(NamedTuple):
    """What is told, under a name, and what must be in it: the rule, the finding, where it is seen, since when, and what to do."""

    name: str
    notice: Notice | Digest
    must: tuple[str, ...]


def weak(weakness: Weakness, *, rule: str = "no-critical", **more: Any) -> Finding:
    """A finding about a vulnerability."""
    subject = f"{weakness.advisory}+{weakness.package}"
    made: dict[str, Any] = {
        "gate": "vulnerabilities",
        "trigger": "found",
        "action": Action.STOP,
        "message": f"{weakness.package} has {weakness.advisory} ({weakness.severity} severity).",
        "evidence": (Evidence(_DPKG, 2, _INSTALL, "3.0.11-1"),),
        "weakness": weakness,
    }
    return _finding(subject, rule, **{**made, **more})


def _finding(subject: str, rule: str, **more: Any) -> Finding:
    number = trigger_id(more["gate"], more["trigger"], subject)
    return Finding(subject=subject, rule_id=rule, trigger_id=number, **more)


ROOT = _finding(
    "user",
    "no-root",
    gate="config",
    trigger="user",
    action=Action.STOP,
    message="The image runs as root, and must not.",
    evidence=(Evidence(detail="0"), Evidence("/etc/passwd", 1, "COPY passwd /etc/passwd")),
)
SETUID = _finding(
    "/usr/local/bin/helper",
    "no-setuid",
    gate="files",
    trigger="setuid",
    action=Action.STOP,
    message="/usr/local/bin/helper is setuid root. Ask the platform team.",
    evidence=(Evidence("/usr/local/bin/helper", 4, "COPY helper /usr/local/bin/helper"),),
)


def verdict(*findings: Finding, **inputs: Any) -> Verdict:
    """What a policy says by these findings."""
    outcome, reason = outcome_of(findings, 4)
    at = {"image": _DIGESTS[_WEB], "policy": "sha256:p", "snapshot": "sha256:s", "analyzer": "hullmark", "at": "x"}
    made = VerdictInputs(**{**at, **inputs})
    return Verdict(verdict=outcome, reason=reason, findings=findings, problems=(), inputs=made, rule_count=4)


def _scene(reference: str, **more: Any) -> Scene:
    made: dict[str, Any] = {
        "image_id": 1,
        "image_digest": _DIGESTS[reference],
        "policy_id": 1,
        "policy": "baseline",
        "environment": "production",
        "reference": reference,
        "at": NOW,
        "snapshot": "7",
        "activation": "1",
        "first_seen": {finding.trigger_id: FIRST for finding in (weak(OPENSSL), weak(ZLIB), ROOT, SETUID)},
        "advice": lambda finding: {"user": "set USER to a user that is not root"}.get(
            finding.subject, f"chmod u-s {finding.subject}"
        ),
    }
    return Scene(**{**made, **more})


_NEXT = {"snapshot": "sha256:n"}


def judged(before: Verdict, after: Verdict, references: Sequence[str] = (_WEB,), **scene: Any) -> Notice:
    """The notice of two verdicts, for each of some images."""
    items: list[Item] = []
    causes: list[model.Cause] = []
    for reference in references:
        (news,) = transitions_of(before, after, _scene(reference, **scene))
        causes.append(news.cause)
        items += [_item(len(items) + 1, transition) for transition in news.transitions]
    return told(causes[0], items)


def _item(number: int, transition: model.Transition) -> Item:
    names = set(Item.__struct_fields__) & set(model.Transition.__struct_fields__)
    shared = {name: getattr(transition, name) for name in names if name != "history_id"}
    link = f"{_HOST}/console/shop/history/{number}"
    return Item(
        id=number, image=transition.image_digest, is_deployed=number == 1, history_id=number, link=link, **shared
    )


def told(cause: model.Cause, items: Sequence[Item], **more: Any) -> Notice:
    """The notice of a cause and its items."""
    kinds: dict[str, int] = {}
    for item in items:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    link = f"{_HOST}/console/shop/causes/17"
    made: dict[str, Any] = {
        "id": "0b7c7c2e-0000-4000-8000-000000000001",
        "account": "shop",
        "cause": cause,
        "items": tuple(items),
        "count": len(items),
        "kinds": kinds,
        "at": NOW,
        "severity": cause.severity,
        "link": link,
    }
    return Notice(**{**made, **more})


_PLACE, _SINCE = (_DPKG, "layer 2", "apt-get install -y openssl"), "2026-04-20"
_OPENSSL = ("no-critical", "CVE-2026-1234", *_PLACE, _SINCE)
_UPDATE = "update openssl to 3.0.14-1"


def world() -> Iterator[News]:
    """All kinds of news."""
    yield from _of_verdicts()
    yield from _of_tags()
    yield from _of_time()
    yield from _of_the_server()
    yield from _of_places()
    groups = [news.notice for news in _of_verdicts() if isinstance(news.notice, Notice)][:2]
    digest = Digest(
        id="0b7c7c2e-0000-4000-8000-000000000002",
        account="shop",
        subscription="daily",
        groups=tuple(groups),
        count=2,
        since=NOW - timedelta(days=1),
        until=NOW,
        link=f"{_HOST}/console/shop/messages/18",
    )
    yield News("digest", digest, ("no-critical", "CVE-2026-1234", _DPKG, "layer 2", _SINCE, _UPDATE))
    sample = sample_notice(Settings(data=Path(), public_url=_HOST), "shop", NOW, "0b7c7c2e-0000-4000-8000-000000000003")
    yield News("test message", sample, ("no-critical", "CVE-2026-1234", _DPKG, "layer 2", "2026-05-01", _UPDATE))
    yield News("sent again", replace(groups[0], is_replay=True), (*_OPENSSL, _UPDATE))


def _of_verdicts() -> Iterator[News]:
    yield from _come()
    yield from _gone()


def _come() -> Iterator[News]:
    bad = weak(OPENSSL)
    yield News("out of compliance", judged(verdict(), verdict(bad, **_NEXT)), (*_OPENSSL, _UPDATE))
    many = judged(verdict(), verdict(bad, **_NEXT), (_WEB, _API))
    yield News("out of compliance, two images", many, (*_OPENSSL, _UPDATE, _API))
    yield News(
        "out of compliance by settings",
        judged(verdict(), verdict(ROOT, SETUID, policy="sha256:q")),
        ("no-root", "runs as root", "/etc/passwd", "layer 1", _SINCE, "set USER", "no-setuid", "chmod u-s"),
    )
    unknown = replace(
        verdict(**_NEXT),
        verdict=Outcome.UNKNOWN,
        reason="the rule no-critical cannot be judged: the severity of CVE-2026-1234 in libssl3 is not known",
        has_unknowns=True,
    )
    yield News(
        "cannot be judged",
        judged(verdict(), unknown),
        ("no-critical", "CVE-2026-1234", "libssl3", "2026-05-01", "bring what is missing"),
    )
    yield News(
        "one more reason",
        judged(verdict(bad), verdict(bad, weak(ZLIB, rule="no-high"), **_NEXT)),
        ("no-high", "CVE-2026-7777", *_PLACE, _SINCE, "there is no version without it yet"),
    )
    exploited = weak(replace(OPENSSL, is_exploited=True))
    yield News("a finding is worse", judged(verdict(bad), verdict(exploited, **_NEXT)), (*_OPENSSL, _UPDATE))


def _gone() -> Iterator[News]:
    bad = weak(OPENSSL)
    yield News(
        "back in compliance",
        judged(verdict(bad), verdict(**_NEXT)),
        ("no-critical", "no longer: CVE-2026-1234", *_PLACE, "2026-05-01", "nothing, it is gone"),
    )
    unfixed = weak(replace(OPENSSL, fix_state="not-fixed", fix_version=""))
    yield News("fix available", judged(verdict(unfixed), verdict(bad, **_NEXT)), (*_OPENSSL, _UPDATE))
    left = weak(ZLIB, rule="no-high")
    yield News(
        "a retraction",
        judged(verdict(bad, left), verdict(left, **_NEXT)),
        ("no-critical", "no longer: CVE-2026-1234", *_PLACE, "2026-05-01", "nothing, it is gone"),
    )
    excepted = weak(
        OPENSSL,
        action=Action.GO,
        allowlisted={"owner": "anna", "reason": "rebuilt on Monday", "expires": "2026-05-04", "subject": "*"},
    )
    yield News(
        "an exception begins",
        judged(verdict(bad), verdict(excepted)),
        ("no-critical", "CVE-2026-1234", "excepted by anna until 2026-05-04", *_PLACE, "2026-05-01", "nothing while"),
    )


def _of_tags() -> Iterator[News]:
    new = {"image": _DIGESTS[_API]}
    yield News(
        "tag moved, out of compliance",
        judged(verdict(weak(ZLIB, rule="no-high", action=Action.WARN)), verdict(weak(OPENSSL), **new), is_moved=True),
        (*_OPENSSL, _UPDATE, "no longer: CVE-2026-7777"),
    )
    yield News(
        "tag moved, as good as before",
        judged(verdict(), verdict(weak(ZLIB, rule="no-high", action=Action.WARN), **new), is_moved=True),
        ("no-high", "CVE-2026-7777", *_PLACE, _SINCE, "there is no version without it yet", "go", "warn"),
    )


def _seen(finding: Finding, advice: str) -> model.Evidence:
    place = finding.evidence[-1]
    return model.Evidence(
        rule=finding.rule_id,
        subject=finding.subject,
        message=f"{_WEB}, baseline in production: {finding.message}",
        path=place.path,
        layer=place.layer,
        instruction=place.created_by,
        since=FIRST,
        advice=advice,
    )


def _of_time() -> Iterator[News]:
    must = ("no-root", "runs as root", "/etc/passwd", "layer 1", _SINCE)
    about = "from the rule no-root for user (owner: anna)"
    ends: tuple[tuple[TransitionKind, str, str], ...] = (
        ("exception.expiring", "ends with 2026-05-04 (UTC). It covers", "mend it before the exception ends"),
        ("exception.expired", "ended with 2026-05-04 (UTC). It covered", "mend it, or accept it anew"),
    )
    for kind, words, advice in ends:
        cause = model.Cause(
            kind="exception",
            key=f"exception:1@{kind}",
            subject="user",
            sentence=f"The exception {about} {words} 1 finding of 1 image.",
            seen_at=NOW,
            before="covered until 2026-05-04",
            evidence=(_seen(ROOT, advice),),
        )
        yield News(kind, told(cause, [Item(id=1, kind=kind, at=NOW, evidence=cause.evidence)]), (*must, advice))
    cause = model.Cause(
        kind="time",
        key="time:grace:1:production@2026-05-04-3d",
        subject="baseline",
        sentence="The grace under the policy baseline ends on 2026-05-04: running images may not start again then.",
        seen_at=NOW,
        before="warn",
        after="stop",
    )
    item = replace(
        judged(verdict(), verdict(ROOT)).items[0],
        kind="grace.ending",
        before="warn",
        after="warn",
        evidence=(replace(_seen(ROOT, "mend it before the grace ends"), message=ROOT.message),),
    )
    yield News("grace ending", told(cause, [item]), (*must, "mend it before the grace ends"))


def _of_places() -> Iterator[News]:
    for news in news_of_places(_WEB, _DIGESTS[_WEB], NOW):
        item = replace(_item(1, news.transition), history_id=None)
        yield News(news.name, told(news.cause, [item]), news.must)
    lost = judged(verdict(), verdict(weak(OPENSSL), **_NEXT))
    runs = replace(lost.items[0], places=RUNNING, place_count=4)
    where = ("eu-1/shop/Deployment/web/main", "default", "us-1/shop/Deployment/web/main", "vm")
    yield News("out of compliance, running", replace(lost, items=(runs,)), (*_OPENSSL, _UPDATE, *where))


def _of_the_server() -> Iterator[News]:
    reason, advice = "The feed debian is held back: it brings much less than before.", "see hullmark advisories status"
    evidence = (model.Evidence(subject="debian", message=reason, since=FIRST, advice=advice),)
    cause = model.Cause(
        kind="data", key="data:debian@x", subject="debian", sentence=reason, seen_at=NOW, before="fresh", after="stale"
    )
    stale = Item(id=1, kind="data.stale", at=NOW, before="fresh", after="stale", evidence=evidence)
    yield News("data stale", told(replace(cause, evidence=evidence), [stale]), ("debian", "held back", _SINCE, advice))
    ended = ReleasedLease(
        id=1,
        digest=_DIGESTS[_WEB],
        state="failed",
        reason="layer sha256:77 is not what its digest says",
        advice="push the image again",
    )
    failed, transition = failed_analysis(ended, _WEB, NOW)
    item = replace(_item(1, transition), history_id=None)
    yield News(
        "analysis failed", told(failed, [item]), ("sha256:77 is not what", _WEB, "2026-05-01", "push the image again")
    )
