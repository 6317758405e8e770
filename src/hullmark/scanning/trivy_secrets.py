"""Trivy's configuration of secrets → rules of one's own, as its documentation has it (Secret Scanning, Configuration)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec

from hullmark.facets.secrets.allowed import Allowance
from hullmark.facets.secrets.go_expressions import check_expression, python_expression, sorted_names
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.own import Block, OwnRules
from hullmark.model.advisory import Severity

KINDS_OF_TRIVY: dict[str, tuple[str, ...]] = {
    "adobe-client-secret": ("adobe-client-secret",),
    "age-secret-key": ("age-key",),
    "alibaba-access-key-id": ("alibaba-access-key",),
    "alibaba-secret-key": ("alibaba-credential",),
    "asana-client-secret": ("asana-credential",),
    "atlassian-api-token": ("atlassian-token",),
    "aws-access-key-id": ("aws-access-key",),
    "aws-secret-access-key": ("aws-secret-key",),
    "beamer-api-token": ("beamer-credential",),
    "bitbucket-client-secret": ("bitbucket-password", "bitbucket-credential"),
    "clojars-api-token": ("clojars-token",),
    "contentful-delivery-api-token": ("contentful-credential",),
    "databricks-api-token": ("databricks-token",),
    "discord-api-token": ("discord-credential",),
    "discord-client-secret": ("discord-credential",),
    "dockerconfig-secret": ("docker-login",),
    "doppler-api-token": ("doppler-token",),
    "dropbox-api-secret": ("dropbox-credential",),
    "dropbox-long-lived-api-token": ("dropbox-credential",),
    "dropbox-short-lived-api-token": ("dropbox-credential",),
    "duffel-api-token": ("duffel-token",),
    "dynatrace-api-token": ("dynatrace-token",),
    "easypost-api-token": ("easypost-key",),
    "facebook-token": ("facebook-credential",),
    "fastly-api-token": ("fastly-credential",),
    "finicity-api-token": ("finicity-credential",),
    "finicity-client-secret": ("finicity-credential",),
    "flutterwave-enc-key": ("flutterwave-test-key",),
    "frameio-api-token": ("frameio-token",),
    "gcp-service-account": ("gcp-service-account",),
    "github-app-token": ("github-token",),
    "github-fine-grained-pat": ("github-fine-grained-token",),
    "github-oauth": ("github-token",),
    "github-pat": ("github-token",),
    "github-refresh-token": ("github-token",),
    "gitlab-pat": ("gitlab-token",),
    "gocardless-api-token": ("gocardless-credential",),
    "grafana-api-token": ("grafana-token", "grafana-key"),
    "hashicorp-tf-api-token": ("terraform-token",),
    "heroku-api-key": ("heroku-key", "heroku-credential"),
    "hubspot-api-token": ("hubspot-credential",),
    "hugging-face-access-token": ("huggingface-token",),
    "intercom-api-token": ("intercom-credential",),
    "intercom-client-secret": ("intercom-credential",),
    "ionic-api-token": ("ionic-credential",),
    "jwt-token": ("jwt",),
    "linear-api-token": ("linear-key",),
    "linear-client-secret": ("linear-credential",),
    "linkedin-client-secret": ("linkedin-credential",),
    "lob-api-key": ("lob-credential",),
    "lob-pub-api-key": ("lob-credential",),
    "mailchimp-api-key": ("mailchimp-key",),
    "mailgun-signing-key": ("mailgun-credential",),
    "mailgun-token": ("mailgun-key", "mailgun-credential"),
    "messagebird-api-token": ("messagebird-credential",),
    "new-relic-browser-api-token": ("newrelic-browser-key",),
    "new-relic-user-api-key": ("newrelic-key",),
    "npm-access-token": ("npm-token",),
    "planetscale-api-token": ("planetscale-token",),
    "planetscale-password": ("planetscale-token",),
    "postman-api-token": ("postman-key",),
    "private-key": ("private-key",),
    "private-packagist-token": ("packagist-token",),
    "pulumi-api-token": ("pulumi-token",),
    "pypi-upload-token": ("pypi-token",),
    "rubygems-api-token": ("rubygems-key",),
    "sendgrid-api-token": ("sendgrid-key",),
    "sendinblue-api-token": ("brevo-key",),
    "shippo-api-token": ("shippo-token",),
    "shopify-token": ("shopify-token",),
    "slack-access-token": ("slack-token",),
    "slack-web-hook": ("slack-webhook",),
    "stripe-secret-token": ("stripe-key", "stripe-test-key"),
    "twilio-api-key": ("twilio-key",),
    "twitch-api-token": ("twitch-credential",),
    "twitter-token": ("twitter-credential",),
    "typeform-api-token": ("typeform-token",),
}
"""Trivy's built-in rules and our kinds for the same secrets."""

WITHOUT_OURS = frozenset(
    (
        *("adobe-client-id", "asana-client-id", "aws-account-id", "bitbucket-client-id", "discord-client-id"),
        *(
            "flutterwave-public-key",
            "linkedin-client-id",
            "mapbox-api-token",
            "messagebird-client-id",
        ),
        *("new-relic-user-api-id", "stripe-publishable-token"),
    )
)
"""Trivy's built-in rules for what we look for under no name."""

ALLOWED_OF_TRIVY: dict[str, tuple[str, ...]] = {
    "anaconda-log": (),
    "examples": ("documentation", "service-descriptions"),
    "golang": (),
    "locale-dir": (),
    "markdown": ("documentation-of-packages",),
    "node.js": ("code-of-libraries",),
    "python": ("code-of-libraries",),
    "rubygems": ("code-of-libraries",),
    "tests": ("tests",),
    "usr-dirs": ("code-of-libraries",),
    "vendor": ("code-of-libraries",),
    "wordpress": (),
}
"""Trivy's built-in allow rules and our allowances for the same places."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A part of the document, with its keys as Trivy writes them."""


class _Block(_Part, frozen=True, kw_only=True):
    description: str = ""
    regexes: tuple[str, ...] = ()


class _Allow(_Part, frozen=True, kw_only=True):
    id: str
    description: str = ""
    regex: str = ""
    path: str = ""


class _Rule(_Part, frozen=True, kw_only=True):
    id: str
    regex: str
    category: str = ""
    title: str = ""
    severity: str = ""
    keywords: tuple[str, ...] = ()
    path: str = ""
    allow_rules: tuple[_Allow, ...] = ()
    exclude_block: _Block = _Block()
    secret_group_name: str = ""


class _Document(_Part, frozen=True, kw_only=True):
    rules: tuple[_Rule, ...] = ()
    allow_rules: tuple[_Allow, ...] = ()
    exclude_block: _Block = _Block()
    enable_builtin_rules: tuple[str, ...] = ()
    disable_rules: tuple[str, ...] = ()
    disable_allow_rules: tuple[str, ...] = ()


_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(_Document))


def is_trivys(document: Mapping[str, Any]) -> bool:
    """Whether a document is one of Trivy's."""
    return not _KEYS.isdisjoint(document)


def trivys_rules(document: Mapping[str, Any]) -> OwnRules:
    """The rules of a document. Raises ValueError with a clause if Trivy or Python could not read it."""
    given = {key: value for key, value in document.items() if value != ""}
    try:
        parsed = msgspec.convert(given, _Document)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    own = {rule.id for rule in parsed.rules}
    enabled = _ours(parsed.enable_builtin_rules, KINDS_OF_TRIVY, {kind.id for kind in KINDS})
    off = [name for name in parsed.disable_rules if name not in own and name not in WITHOUT_OURS]
    allowed = [*_allowances(parsed.allow_rules), *(allowance for rule in parsed.rules for allowance in _of_rule(rule))]
    hidden = [name for name in parsed.disable_allow_rules if name not in {allowance.name for allowance in allowed}]
    disabled = _ours(off, KINDS_OF_TRIVY, {kind.id for kind in KINDS})
    return OwnRules(
        kinds=tuple(_kind(rule) for rule in parsed.rules),
        allowed=tuple(allowed),
        blocks=(*_blocks(parsed.exclude_block), *(block for rule in parsed.rules for block in _blocks_of(rule))),
        only=sorted_names(enabled) if parsed.enable_builtin_rules else None,
        without=sorted_names([*disabled, *own.intersection(parsed.disable_rules)]),
        without_allowed=sorted_names(
            [*_ours(hidden, ALLOWED_OF_TRIVY), *set(parsed.disable_allow_rules).difference(hidden)]
        ),
    )


def _ours(names: Iterable[str], known: Mapping[str, Sequence[str]], own: Iterable[str] = ()) -> list[str]:
    """Our names for Trivy's. Raises ValueError for one that is nobody's: what is requested must not be left out silently."""
    found: list[str] = []
    ours = set(own)
    for name in names:
        if name not in known and name not in ours:
            raise ValueError(f"{name} is not a rule that there is a kind of secret for")
        found += known.get(name, (name,))
    return found


def _kind(rule: _Rule) -> Kind:
    severity = rule.severity.lower()
    return Kind(
        rule.id,
        rule.title or rule.id,
        _severity(severity),
        tuple(word.lower().encode() for word in rule.keywords if word),
        _expression(rule.id, rule.regex, rule.secret_group_name).encode(),
        any_case=True,
        is_whole=True,
        path=_expression(rule.id, rule.path) if rule.path else "",
    )


def _severity(word: str) -> Severity:
    known: dict[str, Severity] = {name: name for name in get_args(Severity)}
    return known.get(word, "unknown")


def _expression(name: str, text: str, secret: str = "") -> str:
    try:
        return check_expression(python_expression(text, secret))
    except ValueError as error:
        raise ValueError(f"the rule {name}: of its expression {text[:80]!r}: {error}") from error


def _allowances(rules: Iterable[_Allow], kind: str = "") -> Iterator[Allowance]:
    """A rule of Trivy's with a path and an expression is two: each of them is enough."""
    kinds = (kind,) if kind else ()
    for rule in rules:
        reason = rule.description or "a rule of one's own allows it"
        if not rule.path and not rule.regex:
            raise ValueError(f"the allow rule {rule.id}: expected a regex or a path")
        if rule.path:
            yield Allowance(rule.id, reason, path=_expression(rule.id, rule.path), kinds=kinds)
        if rule.regex:
            yield Allowance(rule.id, reason, value=_expression(rule.id, rule.regex).encode(), kinds=kinds)


def _of_rule(rule: _Rule) -> Iterator[Allowance]:
    return _allowances(rule.allow_rules, rule.id)


def _blocks(block: _Block, kind: str = "") -> Iterator[Block]:
    for regex in block.regexes:
        yield Block(_expression("exclude-block", regex).encode(), (kind,) if kind else ())


def _blocks_of(rule: _Rule) -> Iterator[Block]:
    return _blocks(rule.exclude_block, rule.id)
