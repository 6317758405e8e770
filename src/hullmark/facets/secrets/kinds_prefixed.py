"""Credentials that begin with a mark of their issuer's, and are as long as the issuer documents: one line for each."""

from __future__ import annotations

import re

from hullmark.facets.secrets.kind import Kind, is_placeholder, random_enough
from hullmark.model.advisory import Severity

_ANY = rb"[A-Za-z0-9]"
_WORD = rb"[A-Za-z0-9_-]"
_HEX = rb"[a-f0-9]"
_UUID = rb"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"


def is_random(value: bytes) -> bool:
    """Whether a value is neither a placeholder nor a word."""
    return not is_placeholder(value) and random_enough(3.0)(value)


def make_marked_kind(
    id: str,
    title: str,
    marks: str,
    rest: bytes,
    severity: Severity = "high",
    tail: bytes = b"",
) -> Kind:
    """A credential that is one of the marks, which blanks part, and what follows it.

    `tail`: how that begins, where the marks stand in many other words.
    """
    words = tuple(mark.encode() for mark in marks.split())
    before = rb"(?<![A-Za-z0-9_-])"
    pattern = before + rb"(?:" + b"|".join(map(re.escape, words)) + rb")"
    whole = pattern + rb"(?:" + rest + rb")(?![A-Za-z0-9_])"
    return Kind(id, title, severity, words, whole, is_random, after=1000, tail=tail)


KINDS = (
    make_marked_kind(
        "tailscale-key",
        "Tailscale key",
        "tskey-auth- tskey-api- tskey-client- tskey-scim- tskey-webhook-",
        rb"[A-Za-z0-9]{8,24}-[A-Za-z0-9]{20,48}",
    ),
    make_marked_kind("contentful-token", "Contentful management token", "CFPAT-", _WORD + rb"{43}"),
    make_marked_kind("xai-key", "xAI API key", "xai-", _ANY + rb"{70,90}"),
    make_marked_kind("groq-key", "Groq API key", "gsk_", _ANY + rb"{48,56}"),
    make_marked_kind("perplexity-key", "Perplexity API key", "pplx-", _ANY + rb"{40,56}"),
    make_marked_kind("openrouter-key", "OpenRouter API key", "sk-or-v1-", _HEX + rb"{64}"),
    make_marked_kind("langsmith-key", "LangSmith API key", "lsv2_pt_ lsv2_sk_", _HEX + rb"{32}_" + _HEX + rb"{10}"),
    make_marked_kind("pinecone-key", "Pinecone API key", "pcsk_", rb"[A-Za-z0-9_]{50,90}"),
    make_marked_kind("nvidia-key", "NVIDIA API key", "nvapi-", _WORD + rb"{60,70}"),
    make_marked_kind("fireworks-key", "Fireworks API key", "fw_", _ANY + rb"{22,26}"),
    make_marked_kind("cerebras-key", "Cerebras API key", "csk-", rb"[a-z0-9]{48}"),
    make_marked_kind("tavily-key", "Tavily API key", "tvly-", _WORD + rb"{30,50}"),
    make_marked_kind("weights-key", "Weights & Biases key", "wandb_v1_", _WORD + rb"{40,90}"),
    make_marked_kind("honeycomb-key", "Honeycomb key", "hcaik_ hcamk_ hcaic_ hcbik_", rb"[a-z0-9_]{50,70}"),
    make_marked_kind("posthog-key", "PostHog personal key", "phx_", _WORD + rb"{40,60}"),
    make_marked_kind("launchdarkly-key", "LaunchDarkly key", "sdk- api- rel-", _UUID, tail=rb"[a-f0-9]{8}-"),
    make_marked_kind(
        "airtable-token", "Airtable token", "pat", rb"[A-Za-z0-9]{14}\.[a-f0-9]{64}", tail=rb"[A-Za-z0-9]{14}\."
    ),
    make_marked_kind("hubspot-token", "HubSpot private app token", "pat-na1- pat-na2- pat-eu1- pat-ap1-", _UUID),
    make_marked_kind("typeform-token", "Typeform token", "tfp_", rb"[A-Za-z0-9_.=-]{40,70}"),
    make_marked_kind("clickup-token", "ClickUp token", "pk_", rb"[0-9]{6,9}_[A-Z0-9]{32}"),
    make_marked_kind("brevo-key", "Brevo API key", "xkeysib- xsmtpsib-", rb"[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    make_marked_kind("mailersend-token", "MailerSend token", "mlsn.", rb"[a-f0-9]{64}"),
    make_marked_kind(
        "resend-key", "Resend API key", "re_", rb"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,32}", tail=rb"[A-Za-z0-9]{8}_"
    ),
    make_marked_kind("stripe-webhook-secret", "Stripe webhook secret", "whsec_", rb"[A-Za-z0-9+/=]{24,72}"),
    make_marked_kind("razorpay-key", "Razorpay key", "rzp_live_", _ANY + rb"{14}"),
    make_marked_kind("flutterwave-key", "Flutterwave secret key", "FLWSECK-", rb"[A-Za-z0-9]{32}-X"),
    make_marked_kind(
        "braintree-token", "Braintree access token", "access_token$production$", rb"[a-z0-9]{16}\$[a-f0-9]{32}"
    ),
    # With small letters: lines of hexadecimal digits, as in PostScript, begin like that, too.
    make_marked_kind(
        "square-access-token",
        "Square access token",
        "EAAA",
        rb"(?=[A-Z0-9_-]{0,59}[a-z])" + _WORD + rb"{60}",
        tail=_WORD + rb"{8}",
    ),
    make_marked_kind("easypost-key", "EasyPost API key", "EZAK EZTK", _ANY + rb"{54}"),
    make_marked_kind("shippo-token", "Shippo token", "shippo_live_", _HEX + rb"{40}"),
    make_marked_kind("duffel-token", "Duffel token", "duffel_live_", _WORD + rb"{43}"),
    make_marked_kind("adafruit-key", "Adafruit IO key", "aio_", _ANY + rb"{28}", tail=rb"[A-Za-z0-9]{28}"),
    make_marked_kind("readme-key", "ReadMe API key", "rdme_", rb"[a-z0-9]{70}"),
    make_marked_kind("prefect-key", "Prefect API key", "pnu_ pnb_", rb"[A-Za-z0-9]{36}"),
    make_marked_kind("neon-key", "Neon API key", "napi_", rb"[a-z0-9]{60,70}"),
    make_marked_kind(
        "supabase-secret-key",
        "Supabase secret key",
        "sb_secret_",
        rb"[A-Za-z0-9_-]{22,31}_[A-Za-z0-9_-]{8}|[A-Za-z0-9_-]{30,45}",
    ),
    make_marked_kind("planetscale-oauth-token", "PlanetScale token", "pscale_oauth_", rb"[A-Za-z0-9_=.-]{32,64}"),
    make_marked_kind("render-key", "Render API key", "rnd_", _ANY + rb"{28,36}"),
    make_marked_kind(
        "mapbox-secret-token", "Mapbox secret token", "sk.eyJ", rb"[A-Za-z0-9_-]{60,200}\.[A-Za-z0-9_-]{20,24}"
    ),
    make_marked_kind(
        "facebook-access-token",
        "Facebook access token",
        "EAA",
        rb"[BCDGM]" + _ANY + rb"{80,250}",
        tail=rb"[BCDGM][A-Za-z0-9]{16}",
    ),
    make_marked_kind("google-oauth-token", "Google OAuth token", "ya29.", _WORD + rb"{60,400}"),
    make_marked_kind("google-refresh-token", "Google refresh token", "1//0", _WORD + rb"{90,110}|[A-Za-z0-9_-]{60,70}"),
    make_marked_kind(
        "onepassword-token", "1Password service account token", "ops_eyJ", rb"[A-Za-z0-9+/=_-]{200,900}", "critical"
    ),
    make_marked_kind(
        "infisical-token",
        "Infisical service token",
        "st.",
        rb"[a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32}",
        tail=rb"[a-f0-9]{24}",
    ),
    make_marked_kind("scaleway-key", "Scaleway access key", "SCW", rb"[A-Z0-9]{17}"),
    make_marked_kind("openshift-token", "OpenShift token", "sha256~", _WORD + rb"{43}"),
    make_marked_kind(
        "packagist-token",
        "Packagist token",
        "packagist_ack_ packagist_uut_ packagist_out_ packagist_ort_",
        rb"[a-f0-9]{60,80}",
    ),
    make_marked_kind("fastly-token", "Fastly token", "fastly_", _WORD + rb"{32}"),
    make_marked_kind("gitlab-registration-token", "GitLab runner registration token", "GR1348941", _WORD + rb"{20}"),
    make_marked_kind("gitlab-other-token", "GitLab token", "glimt- glffct- glsbt-", _WORD + rb"{20,40}"),
    make_marked_kind("bitbucket-access-token", "Bitbucket access token", "ATCTT3", rb"[A-Za-z0-9_=-]{150,250}"),
    make_marked_kind("jfrog-key", "JFrog API key", "AKC", rb"[A-Za-z0-9]{64,75}"),
    make_marked_kind("sourcegraph-token", "Sourcegraph token", "sgp_ sgd_", rb"(?:local_|[a-f0-9]{16}_)?[a-f0-9]{40}"),
    make_marked_kind("frameio-token", "Frame.io token", "fio-u-", _WORD + rb"{64}"),
    make_marked_kind("shopify-other-token", "Shopify token", "shptka_ shpua_", rb"[a-fA-F0-9]{32}"),
    make_marked_kind("newrelic-browser-key", "New Relic key", "NRJS- NRRA-", rb"[a-f0-9]{19,42}"),
    make_marked_kind(
        "ngrok-key",
        "ngrok API key",
        "ak_",
        rb"[A-Za-z0-9]{25,32}_[A-Za-z0-9]{16,30}|2[A-Za-z0-9]{26}",
        tail=rb"[A-Za-z0-9]{25}",
    ),
    make_marked_kind(
        "cloudinary-address", "Cloudinary address", "cloudinary://", rb"[0-9]{15}:[A-Za-z0-9_-]{20,30}@[a-z0-9-]{2,40}"
    ),
    make_marked_kind("snyk-new-token", "Snyk token", "snyk_uat. snyk_sat.", rb"[a-f0-9]{8}\.[A-Za-z0-9_.=-]{40,400}"),
    Kind(
        "newrelic-license-key",
        "New Relic licence key",
        "high",
        (b"NRAL", b"FFFFNRAL"),
        rb"(?<![A-Za-z0-9])(?:[a-z]{2}[0-9]{2}xx)?[a-f0-9]{28,36}(?:FFFF)?NRAL(?![A-Za-z0-9])",
        before=50,
    ),
    Kind(
        "asana-token",
        "Asana token",
        "high",
        (b"asana",),
        rb"(?i:asana)[^\r\n]{1,60}?(?P<s>[0-9]/[0-9]{13,20}(?:/[0-9]{10,20})?:[a-f0-9]{32})(?![A-Za-z0-9])",
        any_case=True,
    ),
    Kind(
        "telegram-address",
        "Telegram bot token",
        "high",
        (b"api.telegram.org/",),
        rb"api\.telegram\.org/(?:file/)?bot(?P<s>[0-9]{8,10}:[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])",
    ),
    Kind(
        "azure-shared-access-signature",
        "Azure shared access signature",
        "high",
        (b"sig=",),
        rb"(?<=[?&;])sig=(?P<s>[A-Za-z0-9%+/]{40,80}(?:=|%3[dD]))",
    ),
    Kind(
        "aws-session-token",
        "AWS session token",
        "high",
        (b"session_token", b"sessiontoken"),
        rb"(?i)session_?token[\"']?[ \t]{0,9}(?:=|:|=>)[ \t]{0,9}[\"']?(?P<s>[A-Za-z0-9/+=]{100,2000})",
        after=2100,
        any_case=True,
    ),
)
