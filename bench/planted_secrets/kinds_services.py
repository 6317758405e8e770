"""Tokens of messaging, payment, AI, monitoring and office services."""

# ruff: noqa: E501 -- the texts of files stand as they are

import json
from random import Random

from bench.planted_secrets.model import Kind, Place
from bench.planted_secrets.values import (
    ALNUM,
    BASE32,
    BASE36,
    DIGITS,
    HEX,
    LOWER,
    UPPER,
    WORDY,
    b64,
    discord,
    grafana,
    mapbox,
    sentry_org,
    shaped,
    uuid,
)

_BIG = UPPER + DIGITS
_TWILIO = "TWILIO_ACCOUNT_SID=<<id>>\nTWILIO_AUTH_TOKEN=<<secret>>\nTWILIO_FROM=+41445550100\n"


def _glc(r: Random) -> str:
    body = {"o": str(r.randrange(10**5, 10**6)), "n": "ci", "k": shaped((ALNUM, 24))(r)["secret"], "m": {"r": "eu"}}
    return b64(json.dumps(body, separators=(",", ":")).encode())


MESSAGING = (
    Kind(
        "Slack bot token",
        shaped("xoxb-", (DIGITS, 12), "-", (DIGITS, 13), "-", (ALNUM, 24)),
        "SLACK_BOT_TOKEN",
        "env js rb>tgz testhome k8ssecret",
    ),
    Kind(
        "Slack user token",
        shaped("xoxp-", (DIGITS, 12), "-", (DIGITS, 12), "-", (DIGITS, 13), "-", (HEX, 32)),
        "SLACK_TOKEN",
        "php systemd",
    ),
    Kind(
        "Slack app token",
        shaped("xapp-1-A", (_BIG, 10), "-", (DIGITS, 13), "-", (HEX, 64)),
        "SLACK_APP_TOKEN",
        "env go",
    ),
    Kind(
        "Slack webhook",
        shaped("https://hooks.slack.com/services/T", (_BIG, 10), "/B", (_BIG, 10), "/", (ALNUM, 24)),
        "SLACK_WEBHOOK_URL",
        "yaml sh cron env>base64",
    ),
    Kind("Discord bot token", discord, "DISCORD_TOKEN", "env py>pyc"),
    Kind(
        "Discord webhook",
        shaped("https://discord.com/api/webhooks/", (DIGITS, 18), "/", (WORDY, 67), (ALNUM, 1)),
        "DISCORD_WEBHOOK",
        "json sh",
    ),
    Kind(
        "Telegram bot token",
        shaped("7", (DIGITS, 9), ":AA", (WORDY, 32), (ALNUM, 1)),
        "TELEGRAM_BOT_TOKEN",
        "env py",
        (
            Place(
                "/usr/local/bin/<<app>>-alert",
                "#!/bin/sh\ncurl -s https://api.telegram.org/bot<<secret>>/sendMessage -d chat_id=-1001 -d text=down\n",
            ),
        ),
    ),
    Kind(
        "Teams webhook",
        lambda r: {
            "secret": f"https://northgale.webhook.office.com/webhookb2/{uuid(r)}@{uuid(r)}/IncomingWebhook/{shaped((HEX, 32))(r)['secret']}/{uuid(r)}"
        },
        "TEAMS_WEBHOOK_URL",
        "yaml sh",
    ),
    Kind(
        "Twilio auth token",
        lambda r: {"id": "AC" + shaped((HEX, 32))(r)["secret"], "secret": shaped((HEX, 32))(r)["secret"]},
        "TWILIO_AUTH_TOKEN",
        "",
        (
            Place("/srv/<<app>>/.env", _TWILIO),
            Place(
                "/app/<<app>>/sms.py",
                'from twilio.rest import Client\n\naccount_sid = "<<id>>"\nauth_token = "<<secret>>"\nclient = Client(account_sid, auth_token)\n',
            ),
            Place("/srv/<<app>>/sms.env", _TWILIO, "gz"),
        ),
    ),
    Kind("Twilio API key", shaped("SK", (HEX, 32)), "TWILIO_API_KEY", "env js"),
    Kind(
        "SendGrid key",
        shaped("SG.", (WORDY, 22), ".", (WORDY, 42), (ALNUM, 1)),
        "SENDGRID_API_KEY",
        "env go compose yaml>jar php>sqlite",
    ),
    Kind(
        "Mailgun key",
        shaped("key-", (HEX, 32)),
        "MAILGUN_API_KEY",
        "env rb",
        (
            Place(
                "/usr/local/bin/<<app>>-mail",
                "#!/bin/sh\ncurl -s --user 'api:<<secret>>' https://api.mailgun.net/v3/mg.northgale.net/messages -F to=ops@northgale.net\n",
            ),
        ),
    ),
    Kind("Mailchimp key", shaped((HEX, 32), "-us", "1", (DIGITS, 1)), "MAILCHIMP_API_KEY", "env php"),
    Kind(
        "Postmark server token",
        lambda r: {"secret": uuid(r)},
        "POSTMARK_SERVER_TOKEN",
        "env rb",
        (
            Place(
                "/usr/local/bin/<<app>>-post",
                '#!/bin/sh\ncurl https://api.postmarkapp.com/email -H "X-Postmark-Server-Token: <<secret>>" -d @mail.json\n',
            ),
        ),
    ),
    Kind("Brevo key", shaped("xkeysib-", (HEX, 64), "-", (ALNUM, 16)), "BREVO_API_KEY", "env"),
)

PAYMENTS = (
    Kind(
        "Stripe live key",
        shaped("sk_live_51", (ALNUM, 97)),
        "STRIPE_SECRET_KEY",
        "env php java minified json>nested yaml>war",
    ),
    Kind("Stripe live key, older form", shaped("sk_live_", (ALNUM, 24)), "STRIPE_SECRET_KEY", "rb exampleenv"),
    Kind("Stripe restricted key", shaped("rk_live_51", (ALNUM, 97)), "STRIPE_RESTRICTED_KEY", "ts envquoted"),
    Kind("Stripe webhook secret", shaped("whsec_", (ALNUM, 32)), "STRIPE_WEBHOOK_SECRET", "env php"),
    Kind("Square access token", shaped("EAAA", (WORDY, 59), (ALNUM, 1)), "SQUARE_ACCESS_TOKEN", "env js"),
    Kind("Square application secret", shaped("sq0csp-", (WORDY, 42), (ALNUM, 1)), "SQUARE_APP_SECRET", "rb"),
    Kind("PayPal client secret", shaped("E", (WORDY, 78), (ALNUM, 1)), "PAYPAL_CLIENT_SECRET", "env properties"),
    Kind(
        "Braintree access token",
        shaped("access_token$production$", (BASE36, 16), "$", (HEX, 32)),
        "BRAINTREE_ACCESS_TOKEN",
        "yaml cs",
    ),
    Kind("Shopify admin token", shaped("shpat_", (HEX, 32)), "SHOPIFY_ACCESS_TOKEN", "env ts log"),
    Kind("Shopify shared secret", shaped("shpss_", (HEX, 32)), "SHOPIFY_API_SECRET", "rb"),
    Kind(
        "Adyen API key",
        shaped("AQE", (LOWER, 1), "hmfxK", (ALNUM, 64), "-", (ALNUM + "+/", 43), "=-", (ALNUM, 16)),
        "ADYEN_API_KEY",
        "env properties",
    ),
    Kind("Plaid secret", shaped((HEX, 30)), "PLAID_SECRET", "env pyarg"),
    Kind("Plaid access token", lambda r: {"secret": "access-production-" + uuid(r)}, "PLAID_ACCESS_TOKEN", "sql"),
    Kind(
        "Razorpay key pair",
        lambda r: {"id": "rzp_live_" + shaped((ALNUM, 14))(r)["secret"], "secret": shaped((ALNUM, 24))(r)["secret"]},
        "RAZORPAY",
        "",
        (Place("/srv/<<app>>/.env", "RAZORPAY_KEY_ID=<<id>>\nRAZORPAY_KEY_SECRET=<<secret>>\n"),),
    ),
)

AI = (
    Kind(
        "OpenAI project key",
        shaped("sk-proj-", (WORDY, 74), "T3BlbkFJ", (WORDY, 73), (ALNUM, 1)),
        "OPENAI_API_KEY",
        "env py history dockerfile py>pyc toml>utf16le",
    ),
    Kind("OpenAI key, older form", shaped("sk-", (ALNUM, 20), "T3BlbkFJ", (ALNUM, 20)), "OPENAI_API_KEY", "ipynb js"),
    Kind("Anthropic key", shaped("sk-ant-api03-", (WORDY, 93), "AA"), "ANTHROPIC_API_KEY", "env ts rs env>pack"),
    Kind(
        "Hugging Face token",
        shaped("hf_", (UPPER + LOWER, 34)),
        "HF_TOKEN",
        "pyarg compose",
        (Place("/root/.cache/huggingface/token", "<<secret>>"),),
    ),
    Kind("Cohere key", shaped((ALNUM, 40)), "COHERE_API_KEY", "env py"),
    Kind("Replicate token", shaped("r8_", (ALNUM, 37)), "REPLICATE_API_TOKEN", "env js"),
    Kind("Groq key", shaped("gsk_", (ALNUM, 52)), "GROQ_API_KEY", "env"),
    Kind("Perplexity key", shaped("pplx-", (ALNUM, 48)), "PERPLEXITY_API_KEY", "toml"),
    Kind("xAI key", shaped("xai-", (ALNUM, 80)), "XAI_API_KEY", "py"),
)

MONITORING = (
    Kind(
        "Datadog API key",
        shaped((HEX, 32)),
        "DD_API_KEY",
        "env compose dockerfile",
        (Place("/etc/datadog-agent/datadog.yaml", "api_key: <<secret>>\nsite: datadoghq.eu\nlogs_enabled: true\n"),),
    ),
    Kind("Datadog application key", shaped((HEX, 40)), "DD_APP_KEY", "tfvars k8senv"),
    Kind("New Relic user key", shaped("NRAK-", (_BIG, 27)), "NEW_RELIC_API_KEY", "env js"),
    Kind(
        "New Relic license key",
        shaped("eu01xx", (HEX, 30), "NRAL"),
        "NEW_RELIC_LICENSE_KEY",
        "compose",
        (Place("/app/<<app>>/newrelic.ini", "[newrelic]\nlicense_key = <<secret>>\napp_name = <<app>>\n"),),
    ),
    Kind(
        "Sentry organisation token",
        sentry_org,
        "SENTRY_AUTH_TOKEN",
        "workflow",
        (Place("/usr/src/<<app>>/.sentryclirc", "[defaults]\norg=northgale\n\n[auth]\ntoken=<<secret>>\n"),),
    ),
    Kind("Sentry user token", shaped("sntryu_", (HEX, 64)), "SENTRY_AUTH_TOKEN", "env gitlabci>gz"),
    Kind(
        "Sentry DSN with its secret half",
        lambda r: {"id": shaped((HEX, 32))(r)["secret"], "secret": shaped((HEX, 32))(r)["secret"]},
        "SENTRY_DSN",
        "",
        (
            Place(
                "/srv/<<app>>/.env",
                "SENTRY_ENVIRONMENT=production\nSENTRY_DSN=https://<<id>>:<<secret>>@sentry.northgale.net/42\n",
            ),
            Place(
                "/app/<<app>>/settings_sentry.py",
                'RAVEN_CONFIG = {\n    "dsn": "https://<<id>>:<<secret>>@sentry.northgale.net/7",\n}\n',
            ),
        ),
    ),
    Kind("Grafana service account token", grafana, "GRAFANA_TOKEN", "env curl tfvars"),
    Kind("Grafana Cloud token", lambda r: {"secret": "glc_" + _glc(r)}, "GRAFANA_CLOUD_TOKEN", "yaml"),
    Kind("PagerDuty key", shaped("u+", (WORDY, 17), (ALNUM, 1)), "PAGERDUTY_TOKEN", "env tf"),
    Kind(
        "Dynatrace token", shaped("dt0c01.", (BASE32, 24), ".", (BASE32, 64)), "DT_API_TOKEN", "env dockerfile k8senv"
    ),
    Kind("Honeycomb key", shaped("hcaik_01", (BASE36, 56)), "HONEYCOMB_API_KEY", "env"),
    Kind("Rollbar token", shaped((HEX, 32)), "ROLLBAR_ACCESS_TOKEN", "rb"),
    Kind("PostHog personal key", shaped("phx_", (ALNUM, 43)), "POSTHOG_PERSONAL_API_KEY", "env"),
)

OFFICE = (
    Kind("LaunchDarkly SDK key", lambda r: {"secret": "sdk-" + uuid(r)}, "LAUNCHDARKLY_SDK_KEY", "env java"),
    Kind("LaunchDarkly API token", lambda r: {"secret": "api-" + uuid(r)}, "LAUNCHDARKLY_ACCESS_TOKEN", "tfvars"),
    Kind("Algolia admin key", shaped((HEX, 32)), "ALGOLIA_ADMIN_KEY", "env js"),
    Kind(
        "Mapbox secret token",
        mapbox,
        "MAPBOX_SECRET_TOKEN",
        "env ts",
        (Place("/root/.gradle/<<app>>/gradle.properties", "MAPBOX_DOWNLOADS_TOKEN=<<secret>>\n"),),
    ),
    Kind("Notion token", shaped("ntn_", (DIGITS, 11), (ALNUM, 35)), "NOTION_TOKEN", "py env"),
    Kind("Notion token, older form", shaped("secret_", (ALNUM, 43)), "NOTION_API_KEY", "js"),
    Kind("Linear key", shaped("lin_api_", (ALNUM, 40)), "LINEAR_API_KEY", "sh env>txz"),
    Kind("Airtable token", shaped("pat", (ALNUM, 14), ".", (HEX, 64)), "AIRTABLE_TOKEN", "py zsh"),
    Kind("Figma token", shaped("figd_", (WORDY, 39), (ALNUM, 1)), "FIGMA_TOKEN", "env curl"),
    Kind("Asana token", shaped("1/1", (DIGITS, 15), ":", (HEX, 32)), "ASANA_ACCESS_TOKEN", "env pyarg"),
    Kind("Dropbox token", shaped("sl.B", (WORDY, 134), (ALNUM, 1)), "DROPBOX_ACCESS_TOKEN", "env"),
    Kind("Typeform token", shaped("tfp_", (WORDY, 58), (ALNUM, 1)), "TYPEFORM_TOKEN", "js"),
    Kind("Postman key", shaped("PMAK-", (HEX, 24), "-", (HEX, 34)), "POSTMAN_API_KEY", "env workflow"),
    Kind("HubSpot private app token", lambda r: {"secret": "pat-eu1-" + uuid(r)}, "HUBSPOT_TOKEN", "env"),
    Kind("opaque bearer token", shaped((ALNUM, 44)), "API_TOKEN", "pybearer zsh log curl log>gz log>xz log>bz2"),
    Kind(
        "opaque API key",
        shaped((ALNUM, 36)),
        "PARTNER_API_KEY",
        "java go rb php cs lua urlquery xml sql>sqlite properties>jar binary>elf binary>png binary>exe",
    ),
)

KINDS = (*MESSAGING, *PAYMENTS, *AI, *MONITORING, *OFFICE)
