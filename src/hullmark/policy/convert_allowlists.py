"""Items of Anchore's allowlists → exceptions.

An item names a finding by the digest of its message. If the rule alone determines the message, the message is built here and its digest
compared, which shows the native subject the item is about. Messages with details of the image (a path, a licence, a line) cannot be built,
so such items have no equivalent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from hullmark.policy.anchore.allowlists import Allowlist, Item
from hullmark.policy.anchore.bundle import Rule
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.trigger import legacy_id
from hullmark.policy.convert_native import NoEqual
from hullmark.policy.gate import trigger_id

_NEVER = "9999-12-31"
_VULNERABILITY = re.compile(r"(?:[A-Z]{2,10}-[A-Za-z0-9:.*_-]+|\*)\Z").fullmatch


class ReachableFinding(NamedTuple):
    """A finding that a rule can produce: its message and subject in the original ("" if there may be many), and `here`, its subject in the
    native policy.

    `legacy` is set where the original's id is not the digest of the message.
    """

    message: str
    subject: str
    here: str = "*"
    legacy: str = ""


@dataclass(frozen=True, slots=True)
class ConvertedRule:
    """A rule of the original, and the ids of the native rules that replace it."""

    rule: Rule
    ids: tuple[str, ...]


def exceptions(item: Item, allowlist: Allowlist, rules: list[ConvertedRule]) -> Iterator[dict[str, Any]]:
    """The native exceptions that replace an item, for rules of its gate. Raises NoEqual if they would cover more or less than the item."""
    last = _until(item.expires)
    for converted, subject in _match_rules(item, rules):
        for name in converted.ids:
            yield {
                "rule": name,
                "subject": subject,
                "expires": last,
                "owner": f"Anchore allowlist {allowlist.name or allowlist.id}",
                "reason": f"item {item.id}, converted; say who answers for it, and until when",
            }


def _match_rules(item: Item, rules: list[ConvertedRule]) -> list[tuple[ConvertedRule, str]]:
    known = [
        (converted, subject)
        for converted in rules
        if _list_reachable_findings(converted.rule) is not None
        for subject in _subjects(item, converted.rule)
    ]
    if known and item.trigger_id.is_literal:
        return known  # A digest identifies one message.
    rest = [
        (converted, subject)
        for converted in rules
        if _list_reachable_findings(converted.rule) is None
        for subject in _subjects(item, converted.rule)
    ]
    return known + rest


def _subjects(item: Item, rule: Rule) -> list[str]:
    """The native subjects of those of a rule's findings that the item covers."""
    text = item.trigger_id.text
    if text == "*":
        return ["*"]
    findings = _list_reachable_findings(rule)
    if findings is not None:
        return list(dict.fromkeys(finding.here for finding in findings if _covers(item, rule, finding)))
    if rule.gate == "vulnerabilities" and not item.trigger_id.is_regexp and "?" not in text:
        vulnerability, plus, package = text.partition("+")
        if plus and _VULNERABILITY(vulnerability) is not None:
            return [f"{vulnerability}+*" if package == "*" else f"{vulnerability}+pkg:*/{package}@*"]
    raise NoEqual(f"{text!r} names a message that tells of the image, not a subject")


def _covers(item: Item, rule: Rule, finding: ReachableFinding) -> bool:
    known = rule.check.name if rule.check is not None else rule.trigger
    ids = [
        finding.legacy or legacy_id(rule.gate, name, finding.message) for name in dict.fromkeys((known, rule.trigger))
    ]
    if finding.subject:
        ids.append(trigger_id(rule.gate, known, finding.subject))
    try:
        return any(item.trigger_id.fits(finding_id, Work()) for finding_id in ids)
    except RuleFailed as failure:
        raise NoEqual(str(failure)) from failure


def _list_reachable_findings(rule: Rule) -> tuple[ReachableFinding, ...] | None:
    """Every finding that a rule can produce; None if its messages depend on the image."""
    known = _MESSAGES.get((rule.gate, rule.check.name)) if rule.check is not None else None
    return known(rule, rule.values) if known is not None else None


def _always(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    return (ReachableFinding("", "image", "image", legacy="always"),)


def _instruction(rule: Rule, values: Values) -> tuple[ReachableFinding, ...] | None:
    if values.text("check") != "not_exists":
        return None
    keyword = values.text("instruction")
    message = f"Dockerfile directive '{keyword}' not found, matching condition 'not_exists' check"
    return (ReachableFinding(message, keyword, keyword),)


def _no_dockerfile(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    return (ReachableFinding("Image was not analyzed with an actual Dockerfile", "dockerfile", "dockerfile"),)


def _required_package(rule: Rule, values: Values) -> tuple[ReachableFinding, ...] | None:
    if values.text("version"):
        return None
    name = values.text("name")
    return (ReachableFinding(f"Required input package ({name}) is not present in container image", name, name),)


def _build_denial_lister(words: str) -> Callable[[Rule, Values], tuple[ReachableFinding, ...]]:
    """A lister for rules whose findings all have one message but differ in subject; an item can single out one of them only by its stable
    id.
    """

    def list_findings(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
        shown = "-".join(filter(None, (values.text("name"), values.text("version"))))
        return (ReachableFinding(f"{words}ackage is blacklisted: {shown}", ""),)

    return list_findings


def _no_accounts(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    message = "Cannot locate /etc/passwd in image stored files archive: check analyzer settings."
    return (ReachableFinding(message, "/etc/passwd"),)


def _account_line(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    wanted = values.text("entry").strip()
    message = f"Blacklisted pentry '{wanted}' found in image's /etc/passwd: pentry={wanted}"
    return (ReachableFinding(message, f"/etc/passwd {wanted.partition(':')[0]}"),)


def _not_retrieved(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    return (ReachableFinding("Cannot locate file in the image analysis", values.text("path")),)


def _list_file_findings(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    path = values.text("path")
    subject = f"{path} {values.text('check')} {values.text('regex')}"
    return (ReachableFinding("", subject, legacy=f"{rule.id}+file://{path}"),)


def _stale(rule: Rule, values: Values) -> tuple[ReachableFinding, ...]:
    days = values.integer("max_days_since_sync") or 0
    message = f"The vulnerability feed for this image distro is older than MAXAGE ({days}) days"
    return (ReachableFinding(message, "vulnerability data"),)


_MESSAGES: dict[tuple[str, str], Callable[[Rule, Values], tuple[ReachableFinding, ...] | None]] = {
    ("always", "always"): _always,
    ("dockerfile", "instruction"): _instruction,
    ("dockerfile", "no_dockerfile_provided"): _no_dockerfile,
    ("npms", "blacklisted_name_version"): _build_denial_lister("NPM P"),
    ("packages", "blacklist"): _build_denial_lister("P"),
    ("packages", "required_package"): _required_package,
    ("passwd_file", "blacklist_full_entry"): _account_line,
    ("passwd_file", "content_not_available"): _no_accounts,
    ("retrieved_files", "content_not_available"): _not_retrieved,
    ("retrieved_files", "content_regex"): _list_file_findings,
    ("ruby_gems", "blacklist"): _build_denial_lister("Gem P"),
    ("vulnerabilities", "stale_feed_data"): _stale,
}
"""By gate and trigger: every finding that a rule can come to, in the original's words."""


def _until(expires: datetime | None) -> str:
    """The last day that ends no later than the original's expiry; if the expiry is not at midnight, its exact time."""
    if expires is None:
        return _NEVER
    moment = (expires if expires.tzinfo is not None else expires.replace(tzinfo=UTC)).astimezone(UTC)
    if moment.time() == time.min:
        return (moment - timedelta(days=1)).date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")
