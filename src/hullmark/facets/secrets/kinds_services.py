"""Credentials of messaging, payment, monitoring and machine learning services, in the forms that their makers document."""

from __future__ import annotations

import zlib

from hullmark.facets.secrets.kind import Kind, random_enough


def is_grafana_token(token: bytes) -> bool:
    """Whether a service account's token ends with the CRC-32 of what is in front of it, the lowest byte first, in hex."""
    body, _, checksum = token.rpartition(b"_")
    return not token.startswith(b"glsa_") or zlib.crc32(body).to_bytes(4, "little").hex().encode() == checksum


KINDS = (
    Kind(
        "slack-token",
        "Slack token",
        "high",
        (b"xoxb-", b"xoxp-", b"xoxa-", b"xoxo-", b"xoxr-", b"xoxs-", b"xoxe-", b"xapp-1-"),
        rb"(?<![A-Za-z0-9])(?:xox[abeoprs](?:\.xox[bp])?-(?:[0-9]{1,20}-){1,4}[A-Za-z0-9-]{20,170}|xapp-1-[A-Z0-9]{8,12}-[0-9]{8,16}-[a-f0-9]{64})",
    ),
    Kind(
        "slack-webhook",
        "Slack webhook",
        "medium",
        (b"hooks.slack.com/",),
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Z][A-Za-z0-9]{8,12}/[A-Za-z0-9]{8,14}/[A-Za-z0-9]{18,50})",
        random_enough(3.3),
    ),
    Kind(
        "stripe-key",
        "Stripe live key",
        "critical",
        (b"sk_live_", b"rk_live_"),
        rb"(?<![A-Za-z0-9_])[rs]k_live_[A-Za-z0-9]{24,247}(?![A-Za-z0-9])",
        random_enough(3.3),
    ),
    Kind(
        "stripe-test-key",
        "Stripe test key",
        "low",
        (b"sk_test_", b"rk_test_"),
        rb"(?<![A-Za-z0-9_])[rs]k_test_[A-Za-z0-9]{24,247}(?![A-Za-z0-9])",
        random_enough(3.3),
    ),
    Kind(
        "twilio-key",
        "Twilio credential",
        "high",
        (b"twilio",),
        rb"(?i:twilio)[A-Za-z0-9_ \t\"':=,.-]{1,40}?(?<![A-Za-z0-9])(?P<s>SK[0-9a-f]{32}|[0-9a-f]{32})(?![A-Za-z0-9])",
        random_enough(3.0),
        any_case=True,
    ),
    Kind(
        "sendgrid-key",
        "SendGrid API key",
        "high",
        (b"SG.",),
        rb"(?<![A-Za-z0-9_.-])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
    ),
    Kind(
        "mailgun-key",
        "Mailgun API key",
        "high",
        (b"key-",),
        rb"(?<![A-Za-z0-9_-])key-[a-f0-9]{32}(?![a-f0-9])",
        random_enough(3.0),
    ),
    Kind(
        "mailchimp-key",
        "Mailchimp API key",
        "high",
        (b"-us",),
        rb"(?<![A-Za-z0-9])[a-f0-9]{32}-us[0-9]{1,2}(?![A-Za-z0-9])",
        random_enough(3.0),
        before=33,
        tail=rb"[0-9]",
    ),
    Kind(
        "shopify-token",
        "Shopify token",
        "high",
        (b"shpat_", b"shpca_", b"shppa_", b"shpss_"),
        rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}(?![a-fA-F0-9])",
    ),
    Kind(
        "square-token",
        "Square token",
        "high",
        (b"sq0atp-", b"sq0csp-"),
        rb"sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])",
    ),
    Kind(
        "telegram-token",
        "Telegram bot token",
        "high",
        (b":AA",),
        rb"(?<![A-Za-z0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])",
        random_enough(3.8),
        before=11,
    ),
    Kind(
        "discord-webhook",
        "Discord webhook",
        "medium",
        (b"/api/webhooks/",),
        rb"discord(?:app)?\.com/api/webhooks/(?P<s>[0-9]{17,20}/[A-Za-z0-9_-]{60,70})",
        before=14,
    ),
    Kind(
        "teams-webhook",
        "Microsoft Teams webhook",
        "medium",
        (b".webhook.office.com/",),
        rb"\.webhook\.office\.com/webhookb2/(?P<s>[a-f0-9-]{36}@[a-f0-9-]{36}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36})",
    ),
    Kind(
        "openai-key",
        "OpenAI API key",
        "high",
        (b"T3BlbkFJ",),
        rb"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}",
        before=100,
    ),
    Kind(
        "anthropic-key",
        "Anthropic API key",
        "high",
        (b"sk-ant-",),
        rb"sk-ant-(?:api|admin|oat)[0-9]{2}-[A-Za-z0-9_-]{80,120}",
    ),
    Kind(
        "huggingface-token",
        "Hugging Face token",
        "high",
        (b"hf_",),
        rb"(?<![A-Za-z0-9_])hf_[A-Za-z]{34}(?![A-Za-z0-9])",
        random_enough(3.8),
    ),
    Kind(
        "replicate-token",
        "Replicate token",
        "high",
        (b"r8_",),
        rb"(?<![A-Za-z0-9_])r8_[A-Za-z0-9]{37}(?![A-Za-z0-9])",
        random_enough(3.8),
    ),
    Kind(
        "newrelic-key",
        "New Relic key",
        "high",
        (b"NRAK-", b"NRII-", b"NRIQ-"),
        rb"(?<![A-Za-z0-9])NR(?:AK|II|IQ)-[A-Za-z0-9_-]{27,32}(?![A-Za-z0-9])",
    ),
    Kind(
        "grafana-token",
        "Grafana token",
        "high",
        (b"glsa_", b"glc_eyJ"),
        rb"(?<![A-Za-z0-9_])(?:glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_eyJ[A-Za-z0-9+/=]{60,400})",
        is_grafana_token,
    ),
    Kind(
        "sentry-token",
        "Sentry token",
        "high",
        (b"sntrys_eyJ", b"sntryu_"),
        rb"sntry(?:s_eyJ[A-Za-z0-9+/=_-]{80,400}|u_[a-f0-9]{64})",
    ),
    Kind("linear-key", "Linear API key", "high", (b"lin_api_",), rb"lin_api_[A-Za-z0-9]{40}(?![A-Za-z0-9])"),
    Kind(
        "notion-token",
        "Notion token",
        "high",
        (b"ntn_",),
        rb"(?<![A-Za-z0-9_])ntn_[0-9]{10,12}[A-Za-z0-9]{34,36}(?![A-Za-z0-9])",
    ),
    Kind("dynatrace-token", "Dynatrace token", "high", (b"dt0c01.",), rb"dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Kind("figma-token", "Figma token", "medium", (b"figd_",), rb"(?<![A-Za-z0-9_])figd_[A-Za-z0-9_-]{40,46}"),
)
