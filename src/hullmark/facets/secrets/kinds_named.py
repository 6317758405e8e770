"""Credentials without a form of their own: a name with their issuer's in it is given them, and their length and alphabet are known."""

from __future__ import annotations

import re

from hullmark.facets.secrets.kind import Kind, entropy, is_placeholder
from hullmark.facets.secrets.kinds_given import GIVEN, TYPED, WORDS

_HEX32 = rb"[a-f0-9]{32}"
_HEX40 = rb"[a-f0-9]{40}"
_HEX64 = rb"[a-f0-9]{64}"
_JWT = rb"eyJ[A-Za-z0-9_-]{10,300}\.eyJ[A-Za-z0-9_-]{10,700}\.[A-Za-z0-9_-]{20,300}"
_UUID = rb"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}"
_ANY32 = rb"[A-Za-z0-9]{32}"
_LONGEST_NAME = 48
_SHORT = 5
"""Names of issuers up to so many letters stand in other words, too: no letter may be in front of them."""

_ROOT = rb"(?:key|token|secret|password)(?!_?(?:id|hash|name|file|path|url|uri|ttl|type)(?![a-z]))[a-z_]{0,10}"
_VALUE_OF_A_PAIR = rb"[\"']?,?\s{1,40}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
_SIGN = (
    rb"(?:"
    + _VALUE_OF_A_PAIR
    + rb"|[\"'\])]{0,3}[ \t]{0,8}"
    + TYPED
    + rb"(?:=>|:=|=|:|,|>)[ \t]{0,8}[@$bru]{0,2}[\"']?)"
)


def is_credential(value: bytes) -> bool:
    """Whether a value is random and has digits, as nearly all that issuers make have and names and words seldom have."""
    return not is_placeholder(value) and entropy(value) >= 3.0 and any(48 <= byte < 58 for byte in value)


def _make_named_kind(issuer: str, title: str, value: bytes) -> Kind:
    """A value that is given to a name in which one of the issuer's stands, and key, token, secret or password behind it.

    Blanks part the issuer's names.
    """
    names = tuple(name.encode() for name in issuer.split())
    words = b"|".join((rb"(?<![a-z])" if len(name) <= _SHORT else b"") + re.escape(name) for name in names)
    return Kind(
        f"{issuer.split()[0].strip('_').replace('_', '-')}-credential",
        title,
        "high",
        WORDS,
        rb"(?i:(?:"
        + words
        + rb")[a-z0-9_. -]{0,24}?"
        + _ROOT
        + rb")"
        + _SIGN
        + rb"(?P<s>"
        + value
        + rb")(?![A-Za-z0-9_/+-])",
        is_credential,
        before=_LONGEST_NAME,
        after=1600,
        any_case=True,
        tail=GIVEN,
        is_one=True,
        issuers=names,
    )


LIKE_STRIPES = (
    _make_named_kind("checkout", "Checkout.com secret key", rb"sk_(?:test_)?" + _UUID + rb"|sk_sbox_[a-z0-9]{26,40}"),
    _make_named_kind("clerk", "Clerk secret key", rb"sk_(?:test|live)_[A-Za-z0-9]{32,64}"),
    _make_named_kind("highnote", "Highnote secret key", rb"sk_live_[A-Za-z0-9+/]{75}={0,2}"),
    _make_named_kind("workos", "WorkOS API key", rb"sk_(?:live|test)_[A-Za-z0-9+/]{40,100}={0,2}"),
)
"""In the form of Stripe's keys, or nearly: they come before those."""

KINDS = (
    _make_named_kind("abuseipdb", "AbuseIPDB API key", rb"[a-f0-9]{80}"),
    _make_named_kind("adafruit", "Adafruit IO key", rb"[A-Za-z0-9_-]{32}"),
    _make_named_kind(
        "airtable",
        "Airtable key",
        rb"key[A-Za-z0-9]{14}|[A-Za-z0-9]{17}|[A-Za-z0-9]{8,64}\.v1\.[A-Za-z0-9_-]{8,200}\.[a-f0-9]{32,128}",
    ),
    _make_named_kind("aiven", "Aiven token", rb"[A-Za-z0-9/+=]{372}"),
    _make_named_kind("algolia", "Algolia API key", rb"[a-z0-9]{32}"),
    _make_named_kind(
        "alibaba aliyun alicloud", "Alibaba Cloud secret key", rb"CAIS[A-Za-z0-9+/_=-]{20,1000}|[A-Za-z0-9]{30,64}"
    ),
    _make_named_kind("amplitude", "Amplitude secret key", _HEX32),
    _make_named_kind("apollo", "Apollo API key", rb"[A-Za-z0-9_-]{22}"),
    _make_named_kind("asana", "Asana client secret", rb"[a-z0-9]{32}"),
    _make_named_kind("assemblyai assembly_ai", "AssemblyAI API key", rb"[a-z0-9]{32}"),
    _make_named_kind("auth0", "Auth0 client secret", rb"[A-Za-z0-9_-]{64,128}"),
    _make_named_kind("beamer", "Beamer API key", rb"b_[A-Za-z0-9=_-]{44}"),
    _make_named_kind("bitbucket", "Bitbucket client secret", rb"[A-Za-z0-9=_-]{64}|" + _ANY32),
    _make_named_kind("bitly", "Bitly token", _HEX40),
    _make_named_kind("bitrise", "Bitrise token", rb"[A-Za-z0-9_-]{60,120}"),
    _make_named_kind("bittrex", "Bittrex key", _ANY32),
    _make_named_kind("box_ boxapp box-", "Box token", _ANY32),
    _make_named_kind("brave", "Brave Search API key", rb"BSA[A-Za-z0-9_-]{24,40}"),
    _make_named_kind("browserstack", "BrowserStack access key", rb"[A-Za-z0-9]{20}"),
    _make_named_kind("circleci circle_", "CircleCI token", _HEX40),
    _make_named_kind("civo", "Civo API key", rb"[A-Za-z0-9]{50}"),
    _make_named_kind("clickhouse", "ClickHouse Cloud API secret", rb"4b1d[A-Za-z0-9]{38}"),
    _make_named_kind("cloudant", "Cloudant password", _HEX64 + rb"|[a-z]{24}"),
    _make_named_kind(
        "cloudflare cf_api cf_token cf_auth", "Cloudflare API token or key", rb"[A-Za-z0-9_-]{40}|[a-f0-9]{37}"
    ),
    _make_named_kind("cloudinary", "Cloudinary API secret", rb"[A-Za-z0-9_-]{27}|" + _ANY32),
    _make_named_kind("codecov", "Codecov token", rb"[A-Za-z0-9-]{36}"),
    _make_named_kind("cohere co_api", "Cohere API key", rb"[A-Za-z0-9]{40}"),
    _make_named_kind("coinbase", "Coinbase key", rb"[A-Za-z0-9_-]{64}"),
    _make_named_kind("configcat", "ConfigCat SDK key", rb"[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}"),
    _make_named_kind("confluent", "Confluent API secret", rb"[A-Za-z0-9+/]{64}|[A-Za-z0-9]{16}"),
    _make_named_kind("contentful", "Contentful token", rb"[A-Za-z0-9=_-]{43}"),
    _make_named_kind("couchbase capella", "Couchbase Capella key", rb"[A-Za-z0-9+/]{60,120}={0,2}"),
    _make_named_kind("coveralls", "Coveralls token", rb"[A-Za-z0-9-]{37}|" + _ANY32),
    _make_named_kind("cursor", "Cursor API key", rb"key_[a-f0-9]{64}"),
    _make_named_kind("databento", "Databento API key", rb"db-[A-Za-z0-9]{29}"),
    _make_named_kind("datadog dd_api dd_app", "Datadog API or application key", rb"[a-z0-9]{32}|[A-Za-z0-9-]{40}"),
    _make_named_kind("datagov data.gov data_gov", "Data.gov API key", rb"[A-Za-z0-9]{40}"),
    _make_named_kind("deepgram", "Deepgram API key", _HEX40),
    _make_named_kind("deepseek", "DeepSeek API key", rb"sk-" + _HEX32),
    _make_named_kind(
        "discord",
        "Discord bot token",
        rb"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}|[A-Za-z0-9_=-]{32}|" + _HEX64,
    ),
    _make_named_kind("disqus", "Disqus key", rb"[A-Za-z0-9]{64}"),
    _make_named_kind("drone", "Drone CI token", _ANY32),
    _make_named_kind(
        "dropbox", "Dropbox token", rb"sl\.[A-Za-z0-9_=-]{100,1400}|[a-z0-9]{11}A{10}[A-Za-z0-9_=-]{43}|[a-z0-9]{15}"
    ),
    _make_named_kind("ebay", "eBay client secret", rb"(?:PRD|SBX)-[a-f0-9]{8,12}(?:-[a-f0-9]{4,12}){2,4}"),
    _make_named_kind("elevenlabs eleven_", "ElevenLabs API key", rb"sk_[a-f0-9]{48}|" + _HEX32),
    _make_named_kind("etsy", "Etsy key", rb"[a-z0-9]{24}(?::[a-z0-9]{10,64})?"),
    _make_named_kind("exoscale", "Exoscale key", rb"EXO[A-Za-z0-9]{24,30}|[A-Za-z0-9_-]{40,60}"),
    _make_named_kind(
        "facebook fb_", "Facebook app secret", _HEX32 + rb"|[0-9]{15,16}(?:\||%7[cC])[A-Za-z0-9_-]{27,40}"
    ),
    _make_named_kind("fal_ fal- fal. falai", "fal API key", _UUID + rb":" + _HEX32),
    _make_named_kind("fastly", "Fastly API token", rb"[A-Za-z0-9_-]{32}"),
    _make_named_kind("figma", "Figma token", rb"[A-F0-9]{4}-[A-F0-9]{8}(?:-[A-F0-9]{4}){3}-[A-F0-9]{12}"),
    _make_named_kind("finicity", "Finicity credential", _HEX32 + rb"|[A-Za-z0-9]{20}"),
    _make_named_kind("finnhub", "Finnhub token", rb"[a-z0-9]{20}(?:[a-z0-9]{20})?"),
    _make_named_kind("flickr", "Flickr token", _ANY32 + rb"|[a-f0-9]{16}"),
    _make_named_kind("freshbooks", "FreshBooks token", rb"[A-Za-z0-9]{64}"),
    _make_named_kind("fullstory fs_api", "FullStory API key", rb"(?:na1|eu1)\.[A-Za-z0-9+/=]{20,120}"),
    _make_named_kind("gitea forgejo", "Gitea token", _HEX40),
    _make_named_kind("gitter", "Gitter token", rb"[A-Za-z0-9_-]{40}"),
    _make_named_kind("gocardless", "GoCardless token", rb"(?:live|sandbox)_[A-Za-z0-9_=-]{40}"),
    _make_named_kind("greptile", "Greptile API key", rb"[A-Za-z0-9+/]{48}"),
    _make_named_kind("gumroad", "Gumroad token", _HEX64 + rb"|[A-Za-z0-9_-]{43}"),
    _make_named_kind("hcp", "HashiCorp Cloud client secret", rb"[A-Za-z0-9._~-]{64}"),
    _make_named_kind("heroku", "Heroku API key", _UUID),
    _make_named_kind("honeycomb", "Honeycomb API key", _HEX32 + rb"|[A-Za-z0-9]{22}"),
    _make_named_kind("hubspot", "HubSpot key", _UUID),
    _make_named_kind("hunter", "Hunter API key", _HEX40),
    _make_named_kind("ibm bluemix ibmcloud", "IBM Cloud API key", rb"[A-Za-z0-9_-]{42,44}|[a-f0-9]{48}"),
    _make_named_kind("ibm_cos cos_hmac cos-hmac cos_secret", "IBM Cloud Object Storage key", rb"[a-f0-9]{48}"),
    _make_named_kind("influx", "InfluxDB token", rb"[A-Za-z0-9_-]{86}==|[A-Za-z0-9+/]{86}=="),
    _make_named_kind("infomaniak", "Infomaniak token", rb"[A-Za-z0-9_-]{60,100}"),
    _make_named_kind("infracost", "Infracost API key", rb"ico-[A-Za-z0-9]{32}"),
    _make_named_kind("instantly", "Instantly API key", rb"[A-Za-z0-9+/]{66}=="),
    _make_named_kind("intercom", "Intercom token", rb"[A-Za-z0-9_=-]{60}|" + _UUID),
    _make_named_kind("ionic", "Ionic token", rb"ion_[A-Za-z0-9]{42}"),
    _make_named_kind("jfrog artifactory bintray xray", "JFrog key", rb"[A-Za-z0-9]{73}|[A-Za-z0-9]{64}"),
    _make_named_kind("jumpcloud", "JumpCloud API key", rb"[A-Za-z0-9]{40}"),
    _make_named_kind("kagi", "Kagi API key", rb"[A-Za-z0-9_-]{11}\.[A-Za-z0-9_-]{43}"),
    _make_named_kind("kimi moonshot", "Moonshot API key", rb"sk-[A-Za-z0-9_-]{48}"),
    _make_named_kind("klaviyo", "Klaviyo private key", rb"pk_[a-z0-9]{34}"),
    _make_named_kind("kraken", "Kraken key", rb"[A-Za-z0-9/+=_-]{80,90}"),
    _make_named_kind("kucoin", "KuCoin key", _UUID + rb"|[a-f0-9]{24}"),
    _make_named_kind("lark feishu larksuite", "Lark app secret", _ANY32),
    _make_named_kind("launchdarkly", "LaunchDarkly token", rb"[A-Za-z0-9_=-]{40}"),
    _make_named_kind("lichess", "Lichess token", rb"lip_[A-Za-z0-9_]{16,60}"),
    _make_named_kind("lighton paradigm", "LightOn Paradigm API key", rb"[A-Za-z0-9_-]{40,80}"),
    _make_named_kind("linear", "Linear client secret", _HEX32),
    _make_named_kind(
        "linkedin linked_in linked-in",
        "LinkedIn client secret",
        rb"[A-Za-z0-9]{14,16}|WPL_AP1\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{6,8}={0,2}",
    ),
    _make_named_kind("lob_ lob- lob.", "Lob API key", rb"(?:live|test)_(?:pub_)?[a-f0-9]{31,35}"),
    _make_named_kind("looker", "Looker client secret", rb"[A-Za-z0-9]{24}|[A-Za-z0-9]{20}"),
    _make_named_kind("mailgun", "Mailgun API key", rb"[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}"),
    _make_named_kind("mattermost", "Mattermost token", rb"[a-z0-9]{26}"),
    _make_named_kind("mem0", "Mem0 API key", rb"m0-[A-Za-z0-9]{24,44}"),
    _make_named_kind("meraki", "Cisco Meraki API key", _HEX40),
    _make_named_kind("messagebird message_bird message-bird", "MessageBird token", rb"[A-Za-z0-9]{25}|" + _UUID),
    _make_named_kind("miro", "Miro client secret", _ANY32),
    _make_named_kind("mistral", "Mistral API key", _ANY32),
    _make_named_kind("monday", "monday.com token", _JWT),
    _make_named_kind("mux_ mux- mux.", "Mux token secret", rb"[A-Za-z0-9+/]{75}"),
    _make_named_kind("netlify", "Netlify token", rb"[A-Za-z0-9_=-]{40,46}"),
    _make_named_kind("newrelic new_relic new-relic", "New Relic key", _HEX40 + rb"|[A-Za-z0-9]{64}"),
    _make_named_kind("ngrok", "ngrok token", rb"[A-Za-z0-9]{25,32}_[A-Za-z0-9]{16,30}"),
    _make_named_kind("nytimes new_york_times newyorktimes", "New York Times API key", rb"[A-Za-z0-9_=-]{32}"),
    _make_named_kind("octopus", "Octopus Deploy API key", rb"API-[A-Z0-9]{26,32}"),
    _make_named_kind("okta", "Okta API token", rb"00[A-Za-z0-9_=-]{40}"),
    _make_named_kind("ollama", "Ollama API key", _HEX32 + rb"\.[A-Za-z0-9_-]{24}"),
    _make_named_kind("openweather pyowm", "OpenWeather API key", rb"[a-z0-9]{32}"),
    _make_named_kind("opsgenie", "Opsgenie API key", _UUID),
    _make_named_kind("ovh_ ovh- ovh. ovhcloud", "OVHcloud application secret", rb"[A-Za-z0-9-]{32}"),
    _make_named_kind("pagerduty", "PagerDuty API key", rb"[A-Za-z0-9+_-]{20}"),
    _make_named_kind("paypal", "PayPal client secret", rb"[A-Za-z0-9_.-]{78,120}"),
    _make_named_kind("pinecone", "Pinecone API key", _UUID),
    _make_named_kind(
        "plaid", "Plaid secret", rb"access-(?:sandbox|development|production)-" + _UUID + rb"|[a-z0-9]{30}"
    ),
    _make_named_kind("plivo", "Plivo token", rb"[A-Za-z0-9_-]{40}"),
    _make_named_kind("polymarket poly_", "Polymarket key", _UUID + rb"|0x[a-fA-F0-9]{64}|[A-Za-z0-9+/_-]{43}="),
    _make_named_kind("postmark", "Postmark token", _UUID),
    _make_named_kind("privateai private_ai private-ai", "Private AI API key", rb"[a-z0-9]{32}"),
    _make_named_kind("proof", "Proof API key", rb"prf_[A-Za-z0-9_-]{20,80}"),
    _make_named_kind("rainforest", "Rainforest API key", rb"apikey_" + _HEX64),
    _make_named_kind("rapidapi", "RapidAPI key", rb"[A-Za-z0-9_-]{50}"),
    _make_named_kind("razorpay", "Razorpay secret", rb"[A-Za-z0-9]{24}"),
    _make_named_kind("retell", "Retell API key", rb"key_[a-f0-9]{28}"),
    _make_named_kind("rollbar", "Rollbar token", _HEX32),
    _make_named_kind("scaleway scw_", "Scaleway secret key", _UUID),
    _make_named_kind("scalr", "Scalr token", _JWT),
    _make_named_kind("sendbird", "Sendbird token", _HEX40 + rb"|" + _UUID),
    _make_named_kind("sentry", "Sentry token", _HEX64),
    _make_named_kind("snowflake", "Snowflake token", rb"[A-Za-z0-9_-]{100,500}"),
    _make_named_kind("snyk", "Snyk token", _UUID),
    _make_named_kind("softlayer sl_api", "SoftLayer API key", rb"[a-z0-9]{64}"),
    _make_named_kind("sonar", "SonarQube token", rb"[A-Za-z0-9_=-]{40}"),
    _make_named_kind("squarespace", "Squarespace API key", _UUID),
    _make_named_kind("sslmate", "SSLMate API key", rb"[A-Za-z0-9]{36}"),
    _make_named_kind("stability", "Stability AI API key", rb"sk-[A-Za-z0-9]{48}"),
    _make_named_kind("sumo", "Sumo Logic access key", rb"[A-Za-z0-9]{64}"),
    _make_named_kind("tableau", "Tableau token", rb"[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32}"),
    _make_named_kind("telegram telegr", "Telegram bot token", rb"[0-9]{5,16}:A[A-Za-z0-9_-]{34}"),
    _make_named_kind("telnyx", "Telnyx API key", rb"KEY[A-Za-z0-9_-]{55}"),
    _make_named_kind("thunderstore", "Thunderstore token", rb"tss_[A-Za-z0-9_-]{20,80}"),
    _make_named_kind("travis", "Travis CI token", rb"[A-Za-z0-9_-]{22}"),
    _make_named_kind("twitch", "Twitch token", rb"[a-z0-9]{30}"),
    _make_named_kind(
        "twitter",
        "Twitter credential",
        rb"[A-Za-z0-9]{25}|[A-Za-z0-9]{45}|[A-Za-z0-9]{50}|[0-9]{15,25}-[A-Za-z0-9]{20,40}|A{19,22}[A-Za-z0-9%]{80,100}",
    ),
    _make_named_kind("upstage", "Upstage API key", rb"[A-Za-z0-9_]{35,50}"),
    _make_named_kind("upstash", "Upstash token", rb"[A-Za-z0-9]{32,48}|A[A-Za-z0-9]{5}[A-Za-z0-9+/_-]{26,90}={0,2}"),
    _make_named_kind("vault", "HashiCorp Vault token", rb"s\.[A-Za-z0-9]{24}"),
    _make_named_kind("vercel", "Vercel token", rb"[A-Za-z0-9]{24}"),
    _make_named_kind("virustotal vt_", "VirusTotal API key", _HEX64),
    _make_named_kind("voyage", "Voyage AI API key", rb"(?:pa|al)-[A-Za-z0-9_-]{43}"),
    _make_named_kind("vultr", "Vultr API key", rb"[a-f0-9]{36}|[A-Z0-9]{36}"),
    _make_named_kind("wakatime waka_time waka-time", "WakaTime API key", _UUID),
    _make_named_kind("wandb weightsandbiases", "Weights & Biases API key", _HEX40),
    _make_named_kind("weatherstack", "Weatherstack API key", rb"[a-z0-9]{32}"),
    _make_named_kind("wiz_ wiz- wiz.", "Wiz client secret", rb"[A-Za-z0-9]{64}|[A-Za-z0-9]{53,56}"),
    _make_named_kind("woo wc_ consumer", "WooCommerce secret", rb"c[sk]_[a-f0-9]{40}"),
    _make_named_kind(
        "yandex",
        "Yandex Cloud key",
        rb"t1\.[A-Za-z0-9_-]{8,300}={0,2}\.[A-Za-z0-9_-]{86}={0,2}|AQVN[A-Za-z0-9_-]{35,38}|YC[A-Za-z0-9_-]{38}",
    ),
    _make_named_kind("zai_ z_ai z.ai zhipu glm_", "Z.ai API key", _HEX32 + rb"\.[A-Za-z0-9]{16}"),
    _make_named_kind("zendesk", "Zendesk token", rb"[A-Za-z0-9]{40}"),
    _make_named_kind(
        "zoho", "Zoho credential", rb"[a-f0-9]{42}|100[0-3]\.[a-f0-9]{32}\.[a-f0-9]{32}(?:-d)?|1003\.[a-f0-9]{32,64}"
    ),
)
