"""Credentials without a form of their own: the name of the service is beside them, and their length and alphabet are known."""

from __future__ import annotations

from hullmark.facets.secrets.kind import Kind, random_enough

_HEX32 = rb"[a-f0-9]{32}"
_UUID = rb"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"


def _named(service: str, title: str, value: bytes) -> Kind:
    """A value that a name with the service's in it, and key, token, secret, auth or password after that, is given."""
    word = service.encode()
    return Kind(
        f"{service}-credential",
        title,
        "high",
        (word,),
        rb"(?i:" + word + rb"[a-z0-9_.-]{0,20}(?:key|token|secret|auth|password|sid)[a-z_]{0,10})[\"']?[ \t]{0,9}"
        rb"(?:=|:=|=>|:)[ \t]{0,9}[\"']?(?P<s>" + value + rb")(?![A-Za-z0-9_-])",
        random_enough(3.0),
        after=1600,
        any_case=True,
    )


KINDS = (
    _named("algolia", "Algolia API key", _HEX32),
    _named("auth0", "Auth0 client secret", rb"[A-Za-z0-9_-]{64}"),
    _named("cloudflare", "Cloudflare API token or key", rb"[A-Za-z0-9_-]{40}|[a-f0-9]{37}"),
    _named("confluent", "Confluent API secret", rb"[A-Za-z0-9+/]{64}"),
    _named("datadog", "Datadog API or application key", rb"[a-f0-9]{32}(?:[a-f0-9]{8})?"),
    _named("dd_a", "Datadog API or application key", rb"[a-f0-9]{32}(?:[a-f0-9]{8})?"),
    _named(
        "discord",
        "Discord bot token",
        rb"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}|[A-Za-z0-9_-]{32}",
    ),
    _named("dropbox", "Dropbox token", rb"sl\.[A-Za-z0-9_-]{100,1400}|[a-z0-9]{15}"),
    _named("fastly", "Fastly API token", rb"[A-Za-z0-9_-]{32}"),
    _named("heroku", "Heroku API key", _UUID),
    _named("mailgun", "Mailgun API key", rb"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}"),
    _named("okta", "Okta API token", rb"00[A-Za-z0-9_-]{40}"),
    _named("pagerduty", "PagerDuty API key", rb"[A-Za-z0-9+_-]{20}"),
    _named("rollbar", "Rollbar token", _HEX32),
    _named("snyk", "Snyk token", _UUID),
    _named("sonar", "SonarQube token", rb"[a-f0-9]{40}"),
    _named("vercel", "Vercel token", rb"[A-Za-z0-9]{24}"),
    _named("vault", "HashiCorp Vault token", rb"s\.[A-Za-z0-9]{24}"),
)
