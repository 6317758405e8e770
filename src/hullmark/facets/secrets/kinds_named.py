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


def _named(issuer: str, title: str, value: bytes) -> Kind:
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
    _named("checkout", "Checkout.com secret key", rb"sk_(?:test_)?" + _UUID + rb"|sk_sbox_[a-z0-9]{26,40}"),
    _named("clerk", "Clerk secret key", rb"sk_(?:test|live)_[A-Za-z0-9]{32,64}"),
    _named("highnote", "Highnote secret key", rb"sk_live_[A-Za-z0-9+/]{75}={0,2}"),
    _named("workos", "WorkOS API key", rb"sk_(?:live|test)_[A-Za-z0-9+/]{40,100}={0,2}"),
)
"""In the form of Stripe's keys, or nearly: they come before those."""

KINDS = (
    _named("abuseipdb", "AbuseIPDB API key", rb"[a-f0-9]{80}"),
    _named("adafruit", "Adafruit IO key", rb"[A-Za-z0-9_-]{32}"),
    _named(
        "airtable",
        "Airtable key",
        rb"key[A-Za-z0-9]{14}|[A-Za-z0-9]{17}|[A-Za-z0-9]{8,64}\.v1\.[A-Za-z0-9_-]{8,200}\.[a-f0-9]{32,128}",
    ),
    _named("aiven", "Aiven token", rb"[A-Za-z0-9/+=]{372}"),
    _named("algolia", "Algolia API key", rb"[a-z0-9]{32}"),
    _named("alibaba aliyun alicloud", "Alibaba Cloud secret key", rb"CAIS[A-Za-z0-9+/_=-]{20,1000}|[A-Za-z0-9]{30,64}"),
    _named("amplitude", "Amplitude secret key", _HEX32),
    _named("apollo", "Apollo API key", rb"[A-Za-z0-9_-]{22}"),
    _named("asana", "Asana client secret", rb"[a-z0-9]{32}"),
    _named("assemblyai assembly_ai", "AssemblyAI API key", rb"[a-z0-9]{32}"),
    _named("auth0", "Auth0 client secret", rb"[A-Za-z0-9_-]{64,128}"),
    _named("beamer", "Beamer API key", rb"b_[A-Za-z0-9=_-]{44}"),
    _named("bitbucket", "Bitbucket client secret", rb"[A-Za-z0-9=_-]{64}|" + _ANY32),
    _named("bitly", "Bitly token", _HEX40),
    _named("bitrise", "Bitrise token", rb"[A-Za-z0-9_-]{60,120}"),
    _named("bittrex", "Bittrex key", _ANY32),
    _named("box_ boxapp box-", "Box token", _ANY32),
    _named("brave", "Brave Search API key", rb"BSA[A-Za-z0-9_-]{24,40}"),
    _named("browserstack", "BrowserStack access key", rb"[A-Za-z0-9]{20}"),
    _named("circleci circle_", "CircleCI token", _HEX40),
    _named("civo", "Civo API key", rb"[A-Za-z0-9]{50}"),
    _named("clickhouse", "ClickHouse Cloud API secret", rb"4b1d[A-Za-z0-9]{38}"),
    _named("cloudant", "Cloudant password", _HEX64 + rb"|[a-z]{24}"),
    _named("cloudflare cf_api cf_token cf_auth", "Cloudflare API token or key", rb"[A-Za-z0-9_-]{40}|[a-f0-9]{37}"),
    _named("cloudinary", "Cloudinary API secret", rb"[A-Za-z0-9_-]{27}|" + _ANY32),
    _named("codecov", "Codecov token", rb"[A-Za-z0-9-]{36}"),
    _named("cohere co_api", "Cohere API key", rb"[A-Za-z0-9]{40}"),
    _named("coinbase", "Coinbase key", rb"[A-Za-z0-9_-]{64}"),
    _named("configcat", "ConfigCat SDK key", rb"[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}"),
    _named("confluent", "Confluent API secret", rb"[A-Za-z0-9+/]{64}|[A-Za-z0-9]{16}"),
    _named("contentful", "Contentful token", rb"[A-Za-z0-9=_-]{43}"),
    _named("couchbase capella", "Couchbase Capella key", rb"[A-Za-z0-9+/]{60,120}={0,2}"),
    _named("coveralls", "Coveralls token", rb"[A-Za-z0-9-]{37}|" + _ANY32),
    _named("cursor", "Cursor API key", rb"key_[a-f0-9]{64}"),
    _named("databento", "Databento API key", rb"db-[A-Za-z0-9]{29}"),
    _named("datadog dd_api dd_app", "Datadog API or application key", rb"[a-z0-9]{32}|[A-Za-z0-9-]{40}"),
    _named("datagov data.gov data_gov", "Data.gov API key", rb"[A-Za-z0-9]{40}"),
    _named("deepgram", "Deepgram API key", _HEX40),
    _named("deepseek", "DeepSeek API key", rb"sk-" + _HEX32),
    _named(
        "discord",
        "Discord bot token",
        rb"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}|[A-Za-z0-9_=-]{32}|" + _HEX64,
    ),
    _named("disqus", "Disqus key", rb"[A-Za-z0-9]{64}"),
    _named("drone", "Drone CI token", _ANY32),
    _named(
        "dropbox", "Dropbox token", rb"sl\.[A-Za-z0-9_=-]{100,1400}|[a-z0-9]{11}A{10}[A-Za-z0-9_=-]{43}|[a-z0-9]{15}"
    ),
    _named("ebay", "eBay client secret", rb"(?:PRD|SBX)-[a-f0-9]{8,12}(?:-[a-f0-9]{4,12}){2,4}"),
    _named("elevenlabs eleven_", "ElevenLabs API key", rb"sk_[a-f0-9]{48}|" + _HEX32),
    _named("etsy", "Etsy key", rb"[a-z0-9]{24}(?::[a-z0-9]{10,64})?"),
    _named("exoscale", "Exoscale key", rb"EXO[A-Za-z0-9]{24,30}|[A-Za-z0-9_-]{40,60}"),
    _named("facebook fb_", "Facebook app secret", _HEX32 + rb"|[0-9]{15,16}(?:\||%7[cC])[A-Za-z0-9_-]{27,40}"),
    _named("fal_ fal- fal. falai", "fal API key", _UUID + rb":" + _HEX32),
    _named("fastly", "Fastly API token", rb"[A-Za-z0-9_-]{32}"),
    _named("figma", "Figma token", rb"[A-F0-9]{4}-[A-F0-9]{8}(?:-[A-F0-9]{4}){3}-[A-F0-9]{12}"),
    _named("finicity", "Finicity credential", _HEX32 + rb"|[A-Za-z0-9]{20}"),
    _named("finnhub", "Finnhub token", rb"[a-z0-9]{20}(?:[a-z0-9]{20})?"),
    _named("flickr", "Flickr token", _ANY32 + rb"|[a-f0-9]{16}"),
    _named("freshbooks", "FreshBooks token", rb"[A-Za-z0-9]{64}"),
    _named("fullstory fs_api", "FullStory API key", rb"(?:na1|eu1)\.[A-Za-z0-9+/=]{20,120}"),
    _named("gitea forgejo", "Gitea token", _HEX40),
    _named("gitter", "Gitter token", rb"[A-Za-z0-9_-]{40}"),
    _named("gocardless", "GoCardless token", rb"(?:live|sandbox)_[A-Za-z0-9_=-]{40}"),
    _named("greptile", "Greptile API key", rb"[A-Za-z0-9+/]{48}"),
    _named("gumroad", "Gumroad token", _HEX64 + rb"|[A-Za-z0-9_-]{43}"),
    _named("hcp", "HashiCorp Cloud client secret", rb"[A-Za-z0-9._~-]{64}"),
    _named("heroku", "Heroku API key", _UUID),
    _named("honeycomb", "Honeycomb API key", _HEX32 + rb"|[A-Za-z0-9]{22}"),
    _named("hubspot", "HubSpot key", _UUID),
    _named("hunter", "Hunter API key", _HEX40),
    _named("ibm bluemix ibmcloud", "IBM Cloud API key", rb"[A-Za-z0-9_-]{42,44}|[a-f0-9]{48}"),
    _named("ibm_cos cos_hmac cos-hmac cos_secret", "IBM Cloud Object Storage key", rb"[a-f0-9]{48}"),
    _named("influx", "InfluxDB token", rb"[A-Za-z0-9_-]{86}==|[A-Za-z0-9+/]{86}=="),
    _named("infomaniak", "Infomaniak token", rb"[A-Za-z0-9_-]{60,100}"),
    _named("infracost", "Infracost API key", rb"ico-[A-Za-z0-9]{32}"),
    _named("instantly", "Instantly API key", rb"[A-Za-z0-9+/]{66}=="),
    _named("intercom", "Intercom token", rb"[A-Za-z0-9_=-]{60}|" + _UUID),
    _named("ionic", "Ionic token", rb"ion_[A-Za-z0-9]{42}"),
    _named("jfrog artifactory bintray xray", "JFrog key", rb"[A-Za-z0-9]{73}|[A-Za-z0-9]{64}"),
    _named("jumpcloud", "JumpCloud API key", rb"[A-Za-z0-9]{40}"),
    _named("kagi", "Kagi API key", rb"[A-Za-z0-9_-]{11}\.[A-Za-z0-9_-]{43}"),
    _named("kimi moonshot", "Moonshot API key", rb"sk-[A-Za-z0-9_-]{48}"),
    _named("klaviyo", "Klaviyo private key", rb"pk_[a-z0-9]{34}"),
    _named("kraken", "Kraken key", rb"[A-Za-z0-9/+=_-]{80,90}"),
    _named("kucoin", "KuCoin key", _UUID + rb"|[a-f0-9]{24}"),
    _named("lark feishu larksuite", "Lark app secret", _ANY32),
    _named("launchdarkly", "LaunchDarkly token", rb"[A-Za-z0-9_=-]{40}"),
    _named("lichess", "Lichess token", rb"lip_[A-Za-z0-9_]{16,60}"),
    _named("lighton paradigm", "LightOn Paradigm API key", rb"[A-Za-z0-9_-]{40,80}"),
    _named("linear", "Linear client secret", _HEX32),
    _named(
        "linkedin linked_in linked-in",
        "LinkedIn client secret",
        rb"[A-Za-z0-9]{14,16}|WPL_AP1\.[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{6,8}={0,2}",
    ),
    _named("lob_ lob- lob.", "Lob API key", rb"(?:live|test)_(?:pub_)?[a-f0-9]{31,35}"),
    _named("looker", "Looker client secret", rb"[A-Za-z0-9]{24}|[A-Za-z0-9]{20}"),
    _named("mailgun", "Mailgun API key", rb"[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}"),
    _named("mattermost", "Mattermost token", rb"[a-z0-9]{26}"),
    _named("mem0", "Mem0 API key", rb"m0-[A-Za-z0-9]{24,44}"),
    _named("meraki", "Cisco Meraki API key", _HEX40),
    _named("messagebird message_bird message-bird", "MessageBird token", rb"[A-Za-z0-9]{25}|" + _UUID),
    _named("miro", "Miro client secret", _ANY32),
    _named("mistral", "Mistral API key", _ANY32),
    _named("monday", "monday.com token", _JWT),
    _named("mux_ mux- mux.", "Mux token secret", rb"[A-Za-z0-9+/]{75}"),
    _named("netlify", "Netlify token", rb"[A-Za-z0-9_=-]{40,46}"),
    _named("newrelic new_relic new-relic", "New Relic key", _HEX40 + rb"|[A-Za-z0-9]{64}"),
    _named("ngrok", "ngrok token", rb"[A-Za-z0-9]{25,32}_[A-Za-z0-9]{16,30}"),
    _named("nytimes new_york_times newyorktimes", "New York Times API key", rb"[A-Za-z0-9_=-]{32}"),
    _named("octopus", "Octopus Deploy API key", rb"API-[A-Z0-9]{26,32}"),
    _named("okta", "Okta API token", rb"00[A-Za-z0-9_=-]{40}"),
    _named("ollama", "Ollama API key", _HEX32 + rb"\.[A-Za-z0-9_-]{24}"),
    _named("openweather pyowm", "OpenWeather API key", rb"[a-z0-9]{32}"),
    _named("opsgenie", "Opsgenie API key", _UUID),
    _named("ovh_ ovh- ovh. ovhcloud", "OVHcloud application secret", rb"[A-Za-z0-9-]{32}"),
    _named("pagerduty", "PagerDuty API key", rb"[A-Za-z0-9+_-]{20}"),
    _named("paypal", "PayPal client secret", rb"[A-Za-z0-9_.-]{78,120}"),
    _named("pinecone", "Pinecone API key", _UUID),
    _named("plaid", "Plaid secret", rb"access-(?:sandbox|development|production)-" + _UUID + rb"|[a-z0-9]{30}"),
    _named("plivo", "Plivo token", rb"[A-Za-z0-9_-]{40}"),
    _named("polymarket poly_", "Polymarket key", _UUID + rb"|0x[a-fA-F0-9]{64}|[A-Za-z0-9+/_-]{43}="),
    _named("postmark", "Postmark token", _UUID),
    _named("privateai private_ai private-ai", "Private AI API key", rb"[a-z0-9]{32}"),
    _named("proof", "Proof API key", rb"prf_[A-Za-z0-9_-]{20,80}"),
    _named("rainforest", "Rainforest API key", rb"apikey_" + _HEX64),
    _named("rapidapi", "RapidAPI key", rb"[A-Za-z0-9_-]{50}"),
    _named("razorpay", "Razorpay secret", rb"[A-Za-z0-9]{24}"),
    _named("retell", "Retell API key", rb"key_[a-f0-9]{28}"),
    _named("rollbar", "Rollbar token", _HEX32),
    _named("scaleway scw_", "Scaleway secret key", _UUID),
    _named("scalr", "Scalr token", _JWT),
    _named("sendbird", "Sendbird token", _HEX40 + rb"|" + _UUID),
    _named("sentry", "Sentry token", _HEX64),
    _named("snowflake", "Snowflake token", rb"[A-Za-z0-9_-]{100,500}"),
    _named("snyk", "Snyk token", _UUID),
    _named("softlayer sl_api", "SoftLayer API key", rb"[a-z0-9]{64}"),
    _named("sonar", "SonarQube token", rb"[A-Za-z0-9_=-]{40}"),
    _named("squarespace", "Squarespace API key", _UUID),
    _named("sslmate", "SSLMate API key", rb"[A-Za-z0-9]{36}"),
    _named("stability", "Stability AI API key", rb"sk-[A-Za-z0-9]{48}"),
    _named("sumo", "Sumo Logic access key", rb"[A-Za-z0-9]{64}"),
    _named("tableau", "Tableau token", rb"[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32}"),
    _named("telegram telegr", "Telegram bot token", rb"[0-9]{5,16}:A[A-Za-z0-9_-]{34}"),
    _named("telnyx", "Telnyx API key", rb"KEY[A-Za-z0-9_-]{55}"),
    _named("thunderstore", "Thunderstore token", rb"tss_[A-Za-z0-9_-]{20,80}"),
    _named("travis", "Travis CI token", rb"[A-Za-z0-9_-]{22}"),
    _named("twitch", "Twitch token", rb"[a-z0-9]{30}"),
    _named(
        "twitter",
        "Twitter credential",
        rb"[A-Za-z0-9]{25}|[A-Za-z0-9]{45}|[A-Za-z0-9]{50}|[0-9]{15,25}-[A-Za-z0-9]{20,40}|A{19,22}[A-Za-z0-9%]{80,100}",
    ),
    _named("upstage", "Upstage API key", rb"[A-Za-z0-9_]{35,50}"),
    _named("upstash", "Upstash token", rb"[A-Za-z0-9]{32,48}|A[A-Za-z0-9]{5}[A-Za-z0-9+/_-]{26,90}={0,2}"),
    _named("vault", "HashiCorp Vault token", rb"s\.[A-Za-z0-9]{24}"),
    _named("vercel", "Vercel token", rb"[A-Za-z0-9]{24}"),
    _named("virustotal vt_", "VirusTotal API key", _HEX64),
    _named("voyage", "Voyage AI API key", rb"(?:pa|al)-[A-Za-z0-9_-]{43}"),
    _named("vultr", "Vultr API key", rb"[a-f0-9]{36}|[A-Z0-9]{36}"),
    _named("wakatime waka_time waka-time", "WakaTime API key", _UUID),
    _named("wandb weightsandbiases", "Weights & Biases API key", _HEX40),
    _named("weatherstack", "Weatherstack API key", rb"[a-z0-9]{32}"),
    _named("wiz_ wiz- wiz.", "Wiz client secret", rb"[A-Za-z0-9]{64}|[A-Za-z0-9]{53,56}"),
    _named("woo wc_ consumer", "WooCommerce secret", rb"c[sk]_[a-f0-9]{40}"),
    _named(
        "yandex",
        "Yandex Cloud key",
        rb"t1\.[A-Za-z0-9_-]{8,300}={0,2}\.[A-Za-z0-9_-]{86}={0,2}|AQVN[A-Za-z0-9_-]{35,38}|YC[A-Za-z0-9_-]{38}",
    ),
    _named("zai_ z_ai z.ai zhipu glm_", "Z.ai API key", _HEX32 + rb"\.[A-Za-z0-9]{16}"),
    _named("zendesk", "Zendesk token", rb"[A-Za-z0-9]{40}"),
    _named(
        "zoho", "Zoho credential", rb"[a-f0-9]{42}|100[0-3]\.[a-f0-9]{32}\.[a-f0-9]{32}(?:-d)?|1003\.[a-f0-9]{32,64}"
    ),
)
