"""More credentials that begin with a mark of their issuer's: those whose mark is met in other words, too, must look random."""

from __future__ import annotations

import msgspec

from hullmark.facets.secrets.kind import Check, Kind, entropy, is_placeholder, random_enough
from hullmark.facets.secrets.kinds_prefixed import is_random, make_marked_kind

_ANY = rb"[A-Za-z0-9]"
_WORD = rb"[A-Za-z0-9_-]"
_HEX = rb"[a-f0-9]"
_UUID = rb"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"
_BASE32 = rb"[a-z2-7]"
_BASE64 = rb"[A-Za-z0-9+/]"


def is_mixed_case(value: bytes) -> bool:
    """Whether a value has digits and letters in both cases and is random, as names behind a short mark seldom are."""
    has_digit = any(48 <= byte < 58 for byte in value)
    has_both = value != value.lower() and value != value.upper()
    return has_digit and has_both and not is_placeholder(value) and entropy(value) >= 3.5


def is_numbered(value: bytes) -> bool:
    """Whether a value has three digits at least, and is random."""
    return sum(48 <= byte < 58 for byte in value) >= 3 and is_random(value)


def _confirm(kind: Kind, check: Check) -> Kind:
    return msgspec.structs.replace(kind, check=check)


KINDS = (
    make_marked_kind("adobe-client-secret", "Adobe client secret", "p8e-", _WORD + rb"{32}"),
    make_marked_kind("aikido-token", "Aikido token", "AIK_CI_ AIK_SECRET_", _ANY + rb"{20,64}"),
    make_marked_kind("apify-token", "Apify token", "apify_api_", _ANY + rb"{34,38}"),
    _confirm(
        make_marked_kind("asaas-token", "Asaas API key", "$aact_", rb"(?:prod|hmlg)_" + _WORD + rb"{20,220}"),
        random_enough(3.5),
    ),
    make_marked_kind("astra-token", "DataStax Astra token", "AstraCS:", _ANY + rb"{20,30}(?::[a-f0-9]{64})?"),
    make_marked_kind("bedrock-key", "Amazon Bedrock API key", "ABSK", _BASE64 + rb"{109,269}={0,2}"),
    make_marked_kind(
        "bedrock-short-key",
        "Amazon Bedrock API key",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t",
        _BASE64 + rb"{0,900}={0,2}",
    ),
    _confirm(
        make_marked_kind(
            "bitbucket-data-center-token", "Bitbucket Data Center token", "BBDC-", rb"[A-Za-z0-9+/=]{32,80}"
        ),
        is_mixed_case,
    ),
    _confirm(
        make_marked_kind(
            "buildkite-other-token",
            "Buildkite token",
            "bkaa_ bkaj_ bkar_ bkct_ bkpt_ bkpat_ bkps_",
            _WORD + rb"{54,340}",
        ),
        is_mixed_case,
    ),
    _confirm(make_marked_kind("canva-secret", "Canva client secret", "cnvca", _WORD + rb"{51}"), is_mixed_case),
    make_marked_kind("cartesia-key", "Cartesia API key", "sk_car_", rb"[A-Za-z0-9_]{20,24}"),
    make_marked_kind("cloudflare-new-token", "Cloudflare token", "cfut_ cfat_", _ANY + rb"{40}" + _HEX + rb"{8}"),
    make_marked_kind("cloudsmith-key", "Cloudsmith API key", "csa_", _HEX + rb"{30}" + _ANY + rb"{6}"),
    make_marked_kind("cockroach-key", "CockroachDB Cloud API key", "CCDB1_", _ANY + rb"{22}_" + _ANY + rb"{40}"),
    make_marked_kind("configcat-key", "ConfigCat SDK key", "configcat-sdk-1/", _WORD + rb"{22}/" + _WORD + rb"{22}"),
    make_marked_kind(
        "defined-networking-key", "Defined Networking key", "dnkey-", rb"[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}"
    ),
    _confirm(make_marked_kind("deno-token", "Deno Deploy token", "ddp_ ddo_", _ANY + rb"{36}"), is_mixed_case),
    make_marked_kind(
        "devcycle-key",
        "DevCycle SDK key",
        "dvc_",
        rb"(?:client|mobile|server)_" + _ANY + rb"{8,36}(?:_[A-Za-z0-9]{4,16})?",
    ),
    make_marked_kind("devin-key", "Devin API key", "apk_", rb"(?:user_)?" + _BASE64 + rb"{80,180}={0,2}"),
    make_marked_kind("devin-service-token", "Devin service token", "cog_", _BASE32 + rb"{52}"),
    make_marked_kind("docker-swarm-token", "Docker Swarm token", "SWMTKN-1-", rb"[a-z0-9]{50,60}-[a-z0-9]{24,30}"),
    make_marked_kind(
        "docker-swarm-key", "key that unlocks a Docker Swarm", "SWMKEY-1-", _BASE64 + rb"{40,50}", "critical"
    ),
    _confirm(
        make_marked_kind("elastic-cloud-key", "Elastic Cloud API key", "essu_", _WORD + rb"{60,200}={0,2}"),
        is_mixed_case,
    ),
    make_marked_kind("endor-key", "Endor Labs key", "endr+", rb"[A-Za-z0-9-]{16}"),
    make_marked_kind(
        "flutterwave-test-key", "Flutterwave test key", "FLWSECK_TEST-", rb"[A-Za-z0-9]{12}|[A-Za-z0-9]{32}-X", "low"
    ),
    make_marked_kind("gemini-key", "Gemini API key", "AQ.Ab8RN6", _WORD + rb"{44}"),
    make_marked_kind("gitlab-session", "session of GitLab", "_gitlab_session=", rb"[a-f0-9]{32}|[a-z0-9]{32}"),
    make_marked_kind("grafana-key", "Grafana API key", "eyJrIjoi", _BASE64 + rb"{40,380}={0,2}"),
    make_marked_kind("harness-key", "Harness API key", "pat. sat.", _WORD + rb"{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}"),
    make_marked_kind("huggingface-organisation-token", "Hugging Face token", "api_org_", rb"[A-Za-z]{34}"),
    make_marked_kind("intra42-secret", "42 Intra client secret", "s-s4t2", rb"(?:ud|af)-" + _HEX + rb"{64}"),
    make_marked_kind("langfuse-key", "Langfuse secret key", "sk-lf-", _UUID),
    make_marked_kind("llama-cloud-key", "LlamaCloud API key", "llx-", _ANY + rb"{44,52}"),
    make_marked_kind(
        "mercury-token", "Mercury token", "mercury_production_", rb"[a-z]{3,6}_[A-Za-z0-9]{40,50}_yrucrem"
    ),
    make_marked_kind("mergify-key", "Mergify key", "mergify_application_key_", _WORD + rb"{40,200}"),
    make_marked_kind("midtrans-key", "Midtrans server key", "Mid-server-", _WORD + rb"{10,30}"),
    make_marked_kind("minimax-key", "MiniMax API key", "sk-api-", _WORD + rb"{119}"),
    make_marked_kind("miro-token", "Miro token", "eyJtaXJv", rb"[A-Za-z0-9-]{10,64}_[A-Za-z0-9_-]{20,64}"),
    make_marked_kind("mongodb-atlas-secret", "MongoDB Atlas secret", "mdb_sa_sk_", _WORD + rb"{40}"),
    make_marked_kind(
        "notify-canada-key", "GC Notify API key", "gcntfy-", rb"[A-Za-z0-9_-]{1,80}-" + _UUID + rb"-" + _UUID
    ),
    make_marked_kind("nylas-key", "Nylas API key", "nyk_", _ANY + rb"{64,70}"),
    make_marked_kind("onesignal-key", "OneSignal API key", "os_v2_", rb"(?:app|org)_" + _BASE32 + rb"{103}"),
    make_marked_kind(
        "onepassword-secret-key",
        "1Password secret key",
        "A3-",
        rb"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
    ),
    make_marked_kind(
        "onfido-token",
        "Onfido API token",
        "api_live",
        rb"(?:_us|_ca)?\.[A-Za-z0-9_-]{11,80}(?:\.[A-Za-z0-9_-]{32,80})?",
    ),
    make_marked_kind("openrouter-other-key", "OpenRouter API key", "sk-or-v", rb"[0-9]{1,2}-[A-Za-z0-9_-]{20,80}"),
    make_marked_kind("packagist-secret", "Packagist secret", "packagist_acs_", _HEX + rb"{64,96}"),
    make_marked_kind("packagist-short-key", "Packagist key", "packagist_ack_", _HEX + rb"{28,32}"),
    make_marked_kind(
        "paddle-key", "Paddle API key", "pdl_live_apikey_", rb"[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}"
    ),
    make_marked_kind("persona-key", "Persona API key", "persona_production_", _WORD + rb"{20,80}"),
    _confirm(make_marked_kind("pinterest-token", "Pinterest token", "pina_", _WORD + rb"{20,200}"), is_mixed_case),
    make_marked_kind("polar-token", "Polar token", "polar_", rb"(?:at|oat|pat)_[A-Za-z0-9_-]{20,100}"),
    make_marked_kind("postman-collection-token", "Postman collection token", "PMAT-", _ANY + rb"{26}"),
    make_marked_kind("ramp-secret", "Ramp client secret", "ramp_sec_", _ANY + rb"{48}"),
    _confirm(make_marked_kind("redirect-pizza-token", "redirect.pizza token", "rpa_", _ANY + rb"{30}"), is_mixed_case),
    make_marked_kind("rootly-key", "Rootly API key", "rootly_", _HEX + rb"{64}"),
    make_marked_kind("runpod-key", "RunPod API key", "rpa_", rb"[A-Z0-9]{40}[A-Za-z0-9]{6}"),
    make_marked_kind("samsara-token", "Samsara API token", "samsara_api_", _ANY + rb"{26,32}"),
    make_marked_kind("scalingo-token", "Scalingo token", "tk-us-", _WORD + rb"{48}"),
    make_marked_kind("segment-token", "Segment token", "sgp_", _ANY + rb"{64}"),
    make_marked_kind("settlemint-token", "SettleMint token", "sm_aat_ sm_pat_ sm_sat_", _ANY + rb"{16}"),
    make_marked_kind("slack-session", "session of Slack", "xoxc- xoxd-", rb"[A-Za-z0-9%/+_=-]{64,600}"),
    _confirm(
        make_marked_kind(
            "slack-legacy-token", "Slack token", "xoxa- xoxr- xoxb-", rb"(?:[0-9]{8,14}-|[0-9]-)?[A-Za-z0-9]{8,48}"
        ),
        is_numbered,
    ),
    make_marked_kind("together-key", "Together AI API key", "tgp_v1_", _WORD + rb"{43}"),
    _confirm(make_marked_kind("unkey-key", "Unkey root key", "unkey_", _ANY + rb"{20,32}"), is_mixed_case),
    make_marked_kind("upcloud-token", "UpCloud token", "ucat_", _ANY + rb"{24,32}"),
    _confirm(make_marked_kind("val-town-token", "Val Town token", "vtwn_", _WORD + rb"{20,80}"), is_mixed_case),
    _confirm(
        make_marked_kind("vercel-new-token", "Vercel token", "vck_ vca_ vcr_ vci_ vcp_", _WORD + rb"{56}"),
        is_mixed_case,
    ),
    _confirm(make_marked_kind("wakatime-key", "WakaTime API key", "waka_", rb"[a-z0-9]{36,64}|" + _UUID), is_numbered),
    make_marked_kind(
        "workato-token",
        "Workato token",
        "wrka",
        rb"(?:[a-z]{2})?-eyJ[A-Za-z0-9_-]{8,300}\.[A-Za-z0-9_-]{16,400}\.[A-Za-z0-9_-]{64,200}",
    ),
    make_marked_kind("xendit-key", "Xendit key", "xnd_production_", _ANY + rb"{56,72}"),
    make_marked_kind("zuplo-key", "Zuplo API key", "zpka_", rb"[a-z0-9]{32}_[a-f0-9]{8}"),
    Kind(
        "authress-key",
        "Authress access key",
        "high",
        (b".acc_", b".acc-"),
        rb"(?<![A-Za-z0-9_])(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
        before=48,
    ),
    Kind(
        "azure-app-configuration-secret",
        "secret of Azure App Configuration",
        "high",
        (b".azconfig.io;",),
        rb"\.azconfig\.io;[Ii]d=[^;\s'\"]{4,80};[Ss]ecret=(?P<s>[A-Za-z0-9+/]{36,100}={0,2})",
    ),
    Kind(
        "azure-shared-access-key",
        "Azure shared access key",
        "high",
        (b"SharedAccessKey=",),
        rb"SharedAccessKey=(?P<s>[A-Za-z0-9+/]{42,100}={0,2})",
        random_enough(3.5),
    ),
    Kind(
        "bitwarden-secret",
        "Bitwarden client secret",
        "high",
        (b"_token_apiKeyClientSecret",),
        rb"_token_apiKeyClientSecret\\?\"\s{0,9}:\s{0,9}\\?\"(?P<s>[A-Za-z0-9]{10,50})\\?\"",
    ),
    Kind(
        "gitlab-mail-token",
        "token in GitLab's address for mail",
        "high",
        (b"incoming+",),
        rb"incoming\+(?:[A-Za-z0-9._-]{1,120}-)?[0-9]{1,12}-(?P<s>[A-Za-z0-9_-]{20,40})-(?:issue(?:-[0-9]{1,9})?|merge-request)@",
        is_random,
    ),
    Kind(
        "salesforce-token",
        "Salesforce session",
        "high",
        (b"!AQ", b"!AR"),
        rb"(?<![A-Za-z0-9])00D[A-Za-z0-9]{12}!A[QR][A-Za-z0-9._]{78,260}",
        is_random,
        before=17,
    ),
    Kind(
        "sidekiq-credential",
        "credentials for Sidekiq's gems",
        "high",
        (b"CONTRIBSYS__COM",),
        rb"CONTRIBSYS__COM[\"']?[ \t]{0,9}[=:][ \t]{0,9}[\"']?(?P<s>[a-f0-9]{8}:[a-f0-9]{8})(?![a-f0-9])",
    ),
    Kind(
        "maxmind-key",
        "MaxMind licence key",
        "high",
        (b"_mmk",),
        rb"(?<![A-Za-z0-9_])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?![A-Za-z0-9_])",
        is_random,
        before=37,
    ),
)
