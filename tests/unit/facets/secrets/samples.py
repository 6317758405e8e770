"""Made-up secrets, one for each kind: made from a hash when the tests run, so that none stands in a file."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib

DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER = UPPER.lower()
HEX = DIGITS + "abcdef"
ALNUM = DIGITS + UPPER + LOWER
URL = ALNUM + "_-"
BASE64 = ALNUM + "+/"
BASE32 = UPPER + "234567"


def some(alphabet: str, count: int, seed: str = "") -> str:
    """So many letters of an alphabet, always the same ones."""
    stream = b"".join(hashlib.sha256(f"{seed}{alphabet}{i}".encode()).digest() for i in range(count // 32 + 1))
    return "".join(alphabet[byte % len(alphabet)] for byte in stream[:count])


def github(prefix: str) -> str:
    """A token whose last six letters are the CRC-32 of the others, in base 62."""
    body = some(ALNUM, 30, prefix)
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALNUM[digit] + digits
    return f"{prefix}_{body}{digits}"


def gitlab_routable(prefix: str) -> str:
    """A token that says where it belongs; its last seven digits of base 36 are the CRC-32 of the others."""
    body = f"{prefix}{some(ALNUM, 27, prefix)}.01.0w"
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits = (DIGITS + LOWER)[digit] + digits
    return body + digits


def bech32(prefix: str, count: int) -> str:
    """So many made-up letters in Bech32 (BIP 173) with their checksum, in upper case."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    data = some(letters, count, "bech32")
    expanded = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *map(letters.index, data)]
    remainder = 1
    for value in (*expanded, *[0] * 6):
        top, remainder = remainder >> 25, (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, part in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            remainder ^= part * (top >> bit & 1)
    remainder ^= 1
    return f"{prefix}1{data}{''.join(letters[remainder >> 5 * (5 - i) & 31] for i in range(6))}".upper()


def base64_of(text: str) -> str:
    """Base64 with padding."""
    return base64.b64encode(text.encode()).decode()


def jwt(header: dict[str, str]) -> str:
    """A JSON web token."""
    parts = (json.dumps(header), json.dumps({"sub": "1234567890"}))
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, some(URL, 43)))


def pem(label: str, headers: str = "", lines: int = 12, *, body: str = "") -> str:
    """A block of RFC 7468 with made-up content."""
    text = body or "\n".join(some(BASE64, 64, str(i)) for i in range(lines))
    return f"-----BEGIN {label}-----\n{headers}{text}\n-----END {label}-----"


def openssh(cipher: str) -> str:
    """The head of a private key of OpenSSH, with made-up content behind it."""
    head = b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher.encode()
    body = base64.b64encode(head + hashlib.sha512(b"x").digest() * 4).decode()
    return pem("OPENSSH PRIVATE KEY", body="\n".join(body[i : i + 70] for i in range(0, len(body), 70)))


def putty(encryption: str) -> str:
    """A private key of PuTTY, version 2."""
    lines, private = ("\n".join(some(BASE64, 64, f"{part}{i}") for i in range(4)) for part in ("public", "private"))
    return (
        f"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: {encryption}\nComment: x\nPublic-Lines: 4\n{lines}\n"
        f"Private-Lines: 4\n{private}\nPrivate-MAC: {some(HEX, 40)}\n"
    )


_PYPI = base64.urlsafe_b64encode(b"\x02\x01\x08pypi.org\x02" + hashlib.sha512(b"pypi").digest()).decode().rstrip("=")
_KEY = pem("PRIVATE KEY", lines=14)
_UUID = "-".join(some(HEX, count) for count in (8, 4, 4, 4, 12))

_GRAFANA = "glsa_" + some(ALNUM, 32)

SAMPLES: dict[str, tuple[str, str]] = {
    "age-key": (bech32("age-secret-key-", 52), "x"),
    "aws-access-key": ("AKIA" + some(BASE32, 16), "x"),
    "aws-secret-key": (f"aws_secret_access_key = {some(BASE64, 40)}", "x"),
    "gcp-api-key": ("AIza" + some(URL, 34) + "q", "x"),
    "gcp-oauth-secret": ("GOCSPX-" + some(URL, 27) + "q", "x"),
    "azure-storage-key": (f"AccountName=x;AccountKey={some(BASE64, 86)}==;", "x"),
    "azure-client-secret": (f"{some(ALNUM, 3)}8Q~{some(ALNUM, 34)}", "x"),
    "azure-devops-token": (f"{some(ALNUM, 76)}AZDO{some(ALNUM, 4)}", "x"),
    "digitalocean-token": ("dop_v1_" + some(HEX, 64), "x"),
    "alibaba-access-key": ("LTAI" + some(ALNUM, 20), "x"),
    "tencent-secret-id": ("AKID" + some(ALNUM, 32), "x"),
    "heroku-key": (f"HRKU-{_UUID}", "x"),
    "cloudflare-origin-key": (f"v1.0-{some(HEX, 24)}-{some(HEX, 146)}", "x"),
    "fly-token": ("fm2_" + some(BASE64, 200), "x"),
    "planetscale-token": ("pscale_tkn_" + some(ALNUM, 43), "x"),
    "supabase-token": ("sbp_" + some(HEX, 40), "x"),
    "netlify-token": ("nfp_" + some(ALNUM, 36), "x"),
    "databricks-token": ("dapi" + some(HEX, 32), "x"),
    "vault-token": ("hvs." + some(ALNUM, 24), "x"),
    "terraform-token": (f"{some(ALNUM, 14)}.atlasv1.{some(ALNUM, 67)}", "x"),
    "pulumi-token": ("pul-" + some(HEX, 40), "x"),
    "doppler-token": ("dp.pt." + some(ALNUM, 43), "x"),
    "github-token": (github("ghp"), "x"),
    "github-fine-grained-token": (f"github_pat_{some(ALNUM, 22)}_{some(ALNUM, 59)}", "x"),
    "gitlab-token": ("glpat-" + some(ALNUM, 20), "x"),
    "atlassian-token": ("ATATT3" + some(URL, 186), "x"),
    "bitbucket-password": ("ATBB" + some(ALNUM, 32), "x"),
    "npm-token": ("npm_" + some(ALNUM, 36), "x"),
    "npm-auth": (f"//r.example.org/:_password={base64_of(some(ALNUM, 12))}", ".npmrc"),
    "pypi-token": (f"pypi-{_PYPI}", "x"),
    "rubygems-key": ("rubygems_" + some(HEX, 48), "x"),
    "crates-token": ("cio" + some(ALNUM, 32), "x"),
    "nuget-key": ("oy2" + some(LOWER + DIGITS, 43), "x"),
    "clojars-token": ("CLOJARS_" + some(LOWER + DIGITS, 60), "x"),
    "docker-token": ("dckr_pat_" + some(ALNUM, 27), "x"),
    "docker-login": (f'{{"auth": "{base64_of("user:Tr0ub4dor")}"}}', "x"),
    "artifactory-key": ("AKCp" + some(ALNUM, 69), "x"),
    "artifactory-reference-token": ("cmVmdGtu" + some(ALNUM, 56), "x"),
    "sonar-token": ("sqp_" + some(HEX, 40), "x"),
    "circleci-token": (f"CCIPAT_{some(ALNUM, 22)}_{some(HEX, 40)}", "x"),
    "buildkite-token": ("bkua_" + some(HEX, 40), "x"),
    "postman-key": (f"PMAK-{some(HEX, 24)}-{some(HEX, 34)}", "x"),
    "slack-token": (f"xoxb-{some(DIGITS, 12)}-{some(DIGITS, 12)}-{some(ALNUM, 24)}", "x"),
    "slack-webhook": (f"https://hooks.slack.com/services/T{some(UPPER, 9)}/B{some(UPPER, 9)}/{some(ALNUM, 24)}", "x"),
    "stripe-key": ("sk_live_" + some(ALNUM, 24), "x"),
    "stripe-test-key": ("rk_test_" + some(ALNUM, 24), "x"),
    "twilio-key": (f"TWILIO_AUTH_TOKEN={some(HEX, 32)}", "x"),
    "sendgrid-key": (f"SG.{some(ALNUM, 22)}.{some(ALNUM, 43)}", "x"),
    "mailgun-key": ("key-" + some(HEX, 32), "x"),
    "mailchimp-key": (some(HEX, 32) + "-us12", "x"),
    "shopify-token": ("shpat_" + some(HEX, 32), "x"),
    "square-token": ("sq0atp-" + some(ALNUM, 22), "x"),
    "telegram-token": (f"123456789:AA{some(ALNUM, 33)}", "x"),
    "discord-webhook": (f"https://discord.com/api/webhooks/{some(DIGITS, 18)}/{some(ALNUM, 68)}", "x"),
    "teams-webhook": (
        f"https://x.webhook.office.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/{some(HEX, 32)}/{_UUID}",
        "x",
    ),
    "openai-key": (f"sk-proj-{some(ALNUM, 20)}T3BlbkFJ{some(ALNUM, 20)}", "x"),
    "anthropic-key": (f"sk-ant-api03-{some(ALNUM, 93)}AA", "x"),
    "huggingface-token": ("hf_" + some(UPPER + LOWER, 34), "x"),
    "replicate-token": ("r8_" + some(ALNUM, 37), "x"),
    "newrelic-key": ("NRAK-" + some(UPPER + DIGITS, 27), "x"),
    "grafana-token": (f"{_GRAFANA}_{zlib.crc32(_GRAFANA.encode()).to_bytes(4, 'little').hex()}", "x"),
    "sentry-token": ("sntryu_" + some(HEX, 64), "x"),
    "linear-key": ("lin_api_" + some(ALNUM, 40), "x"),
    "notion-token": (f"ntn_{some(DIGITS, 11)}{some(ALNUM, 35)}", "x"),
    "dynatrace-token": (f"dt0c01.{some(BASE32, 24)}.{some(BASE32, 64)}", "x"),
    "figma-token": ("figd_" + some(ALNUM, 40), "x"),
    "algolia-credential": (f'algolia_api_key: "{some(HEX, 32)}"', "x"),
    "auth0-credential": (f"AUTH0_CLIENT_SECRET={some(ALNUM, 64)}", "x"),
    "cloudflare-credential": (f"CLOUDFLARE_API_TOKEN={some(ALNUM, 40)}", "x"),
    "confluent-credential": (f"CONFLUENT_CLOUD_API_SECRET={some(BASE64, 64)}", "x"),
    "datadog-credential": (f"datadog.api_key: {some(HEX, 32)}", "x"),
    "discord-credential": (f"DISCORD_TOKEN={some(ALNUM, 24)}.{some(ALNUM, 6)}.{some(ALNUM, 27)}", "x"),
    "dropbox-credential": (f"dropbox_token = 'sl.{some(ALNUM, 130)}'", "x"),
    "fastly-credential": (f"FASTLY_API_TOKEN={some(ALNUM, 32)}", "x"),
    "heroku-credential": (f"HEROKU_API_KEY={_UUID}", "x"),
    "mailgun-credential": (f"MAILGUN_API_KEY={some(HEX, 32)}-{some(HEX, 8)}-{some(HEX, 8)}", "x"),
    "okta-credential": (f"OKTA_API_TOKEN=00{some(ALNUM, 40)}", "x"),
    "pagerduty-credential": (f"pagerduty_api_key={some(ALNUM, 20)}", "x"),
    "rollbar-credential": (f"ROLLBAR_ACCESS_TOKEN={some(HEX, 32)}", "x"),
    "snyk-credential": (f"SNYK_TOKEN={_UUID}", "x"),
    "sonar-credential": (f"SONAR_TOKEN={some(HEX, 40)}", "x"),
    "vercel-credential": (f"VERCEL_TOKEN={some(ALNUM, 24)}", "x"),
    "vault-credential": (f"VAULT_TOKEN=s.{some(ALNUM, 24)}", "x"),
    "gcp-service-account": (json.dumps({"type": "service_account", "private_key": _KEY + "\n"}), "x"),
    "kubernetes-client-key": (f"    client-key-data: {base64_of(pem('RSA PRIVATE KEY'))}", "x"),
    "docker-identity-token": (f'"identitytoken": "{some(ALNUM, 40)}"', "x"),
    "redis-password": ("requirepass correct-horse", "redis.conf"),
    "password-hash": ("admin:$6$salt$" + some(ALNUM, 86), "x"),
    "directory-password-hash": (f"userPassword: {{SSHA}}{some(BASE64, 38)}==", "x"),
    "account-password-hash": ("root:$md5,rounds=5000$" + some(ALNUM, 30) + ":1::::::", "shadow"),
    "old-password-hash": (f"root:{some(ALNUM, 13)}:19000:0:99999:7:::", "shadow"),
    "encrypted-private-key": (pem("ENCRYPTED PRIVATE KEY"), "x"),
    "encrypted-openssh-key": (openssh("aes256-ctr"), "x"),
    "private-key": (pem("EC PRIVATE KEY", lines=3), "x"),
    "encrypted-putty-key": (putty("aes256-cbc"), "x"),
    "putty-key": (putty("none"), "x"),
    "jwt": (jwt({"alg": "HS256", "typ": "JWT"}), "x"),
    "url-password": ("postgres://app:s3cr3t@db/app", "x"),
    "basic-login": (f"Authorization: Basic {base64_of('user:Tr0ub4dor')}", "x"),
    "netrc-password": ("machine example.org login me password Tr0ub4dor", ".netrc"),
    "pgpass-password": ("db:5432:app:me:Tr0ub4dor", ".pgpass"),
    "tailscale-key": (f"tskey-auth-{some(ALNUM, 17)}-{some(ALNUM, 32)}", "x"),
    "contentful-token": ("CFPAT-" + some(ALNUM, 43), "x"),
    "xai-key": ("xai-" + some(ALNUM, 80), "x"),
    "groq-key": ("gsk_" + some(ALNUM, 52), "x"),
    "perplexity-key": ("pplx-" + some(ALNUM, 48), "x"),
    "openrouter-key": ("sk-or-v1-" + some(HEX, 64), "x"),
    "langsmith-key": (f"lsv2_pt_{some(HEX, 32)}_{some(HEX, 10)}", "x"),
    "pinecone-key": ("pcsk_" + some(ALNUM, 70), "x"),
    "nvidia-key": ("nvapi-" + some(ALNUM, 64), "x"),
    "fireworks-key": ("fw_" + some(ALNUM, 24), "x"),
    "cerebras-key": ("csk-" + some(LOWER + DIGITS, 48), "x"),
    "tavily-key": ("tvly-" + some(ALNUM, 32), "x"),
    "weights-key": ("wandb_v1_" + some(ALNUM, 60), "x"),
    "honeycomb-key": ("hcaik_" + some(LOWER + DIGITS, 58), "x"),
    "posthog-key": ("phx_" + some(ALNUM, 43), "x"),
    "launchdarkly-key": (f"sdk-{_UUID}", "x"),
    "airtable-token": (f"pat{some(ALNUM, 14)}.{some(HEX, 64)}", "x"),
    "hubspot-token": (f"pat-na1-{_UUID}", "x"),
    "typeform-token": ("tfp_" + some(ALNUM, 59), "x"),
    "clickup-token": (f"pk_12345678_{some(UPPER + DIGITS, 32)}", "x"),
    "brevo-key": (f"xkeysib-{some(HEX, 64)}-{some(ALNUM, 16)}", "x"),
    "mailersend-token": ("mlsn." + some(HEX, 64), "x"),
    "resend-key": (f"re_{some(ALNUM, 8)}_{some(ALNUM, 24)}", "x"),
    "stripe-webhook-secret": ("whsec_" + some(ALNUM, 32), "x"),
    "razorpay-key": ("rzp_live_" + some(ALNUM, 14), "x"),
    "flutterwave-key": (f"FLWSECK-{some(HEX, 32)}-X", "x"),
    "braintree-token": (f"access_token$production${some(LOWER + DIGITS, 16)}${some(HEX, 32)}", "x"),
    "square-access-token": ("EAAA" + some(ALNUM, 60), "x"),
    "easypost-key": ("EZAK" + some(ALNUM, 54), "x"),
    "shippo-token": ("shippo_live_" + some(HEX, 40), "x"),
    "duffel-token": ("duffel_live_" + some(ALNUM, 43), "x"),
    "adafruit-key": ("aio_" + some(ALNUM, 28), "x"),
    "readme-key": ("rdme_" + some(LOWER + DIGITS, 70), "x"),
    "prefect-key": ("pnu_" + some(ALNUM, 36), "x"),
    "neon-key": ("napi_" + some(LOWER + DIGITS, 64), "x"),
    "supabase-secret-key": (f"sb_secret_{some(ALNUM, 22)}_{some(ALNUM, 8)}", "x"),
    "planetscale-oauth-token": ("pscale_oauth_" + some(ALNUM, 43), "x"),
    "render-key": ("rnd_" + some(ALNUM, 32), "x"),
    "mapbox-secret-token": (f"sk.eyJ{some(ALNUM, 80)}.{some(ALNUM, 22)}", "x"),
    "facebook-access-token": ("EAAC" + some(ALNUM, 160), "x"),
    "google-oauth-token": ("ya29." + some(ALNUM, 160), "x"),
    "google-refresh-token": ("1//0" + some(ALNUM, 99), "x"),
    "onepassword-token": ("ops_eyJ" + some(ALNUM, 400), "x"),
    "infisical-token": (f"st.{some(HEX, 24)}.{some(HEX, 32)}.{some(HEX, 32, 'x')}", "x"),
    "scaleway-key": ("SCW" + some(UPPER + DIGITS, 17), "x"),
    "openshift-token": ("sha256~" + some(ALNUM, 43), "x"),
    "packagist-token": ("packagist_ack_" + some(HEX, 68), "x"),
    "fastly-token": ("fastly_" + some(ALNUM, 32), "x"),
    "gitlab-registration-token": ("GR1348941" + some(ALNUM, 20), "x"),
    "gitlab-other-token": ("glimt-" + some(ALNUM, 25), "x"),
    "bitbucket-access-token": ("ATCTT3" + some(ALNUM, 186), "x"),
    "jfrog-key": ("AKC" + "3" + some(ALNUM, 69), "x"),
    "sourcegraph-token": (f"sgp_{some(HEX, 16)}_{some(HEX, 40)}", "x"),
    "frameio-token": ("fio-u-" + some(ALNUM, 64), "x"),
    "shopify-other-token": ("shpua_" + some(HEX, 32), "x"),
    "newrelic-browser-key": ("NRJS-" + some(HEX, 19), "x"),
    "newrelic-credential": (f"NEW_RELIC_LICENSE_KEY={some(HEX, 40)}", "x"),
    "ngrok-key": (f"ak_2{some(ALNUM, 26)}", "x"),
    "cloudinary-address": (f"cloudinary://{some(DIGITS, 15)}:{some(ALNUM, 27)}@shop", "x"),
    "snyk-new-token": (f"snyk_uat.{some(HEX, 8)}.{some(ALNUM, 80)}", "x"),
    "newrelic-license-key": (f"eu01xx{some(HEX, 30)}FFFFNRAL", "x"),
    "asana-token": (f"asana: 1/1234567890123456:{some(HEX, 32)}", "x"),
    "telegram-address": (f"https://api.telegram.org/bot123456789:BB{some(ALNUM, 33)}/getMe", "x"),
    "azure-shared-access-signature": (f"https://x.blob.core.windows.net/a?sp=r&sig={some(ALNUM, 43)}%3D", "x"),
    "aws-session-token": (f"aws_session_token = {some(BASE64, 300)}", "x"),
    "encoded-private-key": (f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{some(BASE64, 400)}", "x"),
    "openvpn-static-key": (
        f"-----BEGIN OpenVPN Static key V1-----\n{some(HEX, 512)}\n-----END OpenVPN Static key V1-----",
        "x",
    ),
    "wireguard-key": (f"PrivateKey = {base64.b64encode(hashlib.sha256(b'wg').digest()).decode()}", "x"),
    "json-web-key": (json.dumps({"kty": "EC", "d": some(URL, 43)}), "x"),
    "named-value": ("- name: SHOP_PASSWORD\n  value: Tr0ub4dor.3x", "x"),
    "element-password": ("<password>Tr0ub4dor.3x</password>", "x"),
    "connection-string-password": ("Server=db;User ID=app;Password=Tr0ub4dor.3x;", "x"),
    "bearer-token": (f"Authorization: Bearer {some(ALNUM, 40)}", "x"),
    "header-key": (f"X-Api-Key: {some(ALNUM, 40)}", "x"),
    "command-login": ("curl -u app:Tr0ub4dor.3x https://example.org", "x"),
    "command-password": ("sshpass -p Tr0ub4dor.3x ssh app@db", "x"),
    "argument-password": ("tool --password Tr0ub4dor.3x", "x"),
    "driver-login": ('DriverManager.getConnection("jdbc:x://db", "app", "Tr0ub4dor.3x")', "x"),
    "secure-string": ("ConvertTo-SecureString 'Tr0ub4dor.3x' -AsPlainText", "x"),
    "wordpress-salt": (f"define('SECURE_AUTH_SALT', '{some(ALNUM, 64)}');", "x"),
    "rails-key": (some(HEX, 32), "master.key"),
    "application-key": (f"app.secret_key = '{some(HEX, 48)}'", "x"),
    "environment-secret": ("export SHOP_PASSWORD=Tr0ub4dor.3x", "x"),
    "quoted-secret": ("password: 'Tr0ub4dor.3x'", "x"),
    "secret-in-a-file-of-secrets": ("app * Tr0ub4dor.3x *", "chap-secrets"),
    "vpn-login": ("app\nTr0ub4dor.3x\n", "auth.txt"),
    "program-password": ("user app\npassword Tr0ub4dor.3x", "x"),
    "piped-password": ("echo 'Tr0ub4dor.3x' | sudo -S id", "x"),
    "driver-address-password": ('sql.Open("mysql", "shop:Tr0ub4dor.3x@tcp(db:3306)/shop")', "x"),
    "magento-key": (f"<crypt><key><![CDATA[{some(HEX, 32)}]]></key></crypt>", "x"),
    "machine-key": (f'<machineKey validationKey="{some(HEX, 128).upper()}" />', "x"),
    "property-password": ('<property name="connection.password">Tr0ub4dor.3x</property>', "x"),
    "php-password": ("mysqli.default_pw = Tr0ub4dor.3x", "php.ini"),
    "terraform-password": (
        '{"type": "random_password", "attributes": {"bcrypt_hash": "", "id": "none", "result": "Tr0ub4dor-3x"}}',
        "x",
    ),
    "ipsec-secret": ('192.0.2.1 : PSK "Tr0ub4dor.3x"', "ipsec.secrets"),
    "vpnc-password": ("IPSec secret Tr0ub4dor.3x", "vpnc.conf"),
    "assigned-secret": ('password = "Tr0ub4dor&3x"', "app.ini"),
}
"""Kind → (a text with one such secret, the name of the file)."""

_OID = {
    "pkcs12": bytes.fromhex("2a864886f70d010c0a0102"),
    "jks": bytes.fromhex("2b060104012a02110101"),
    "rsa": bytes.fromhex("06092a864886f70d0101010500"),
}
_RANDOM = b"".join(hashlib.sha256(bytes((each,))).digest() for each in range(8))
BINARY: dict[str, bytes] = {
    "der-private-key": b"\x30\x82\x01\x22\x02\x01\x00\x30\x0d" + _OID["rsa"] + b"\x04\x82\x01\x00" + _RANDOM,
    "pkcs12-key": b"\x30\x82\x01\x22\x02\x01\x03\x30\x82\x01\x00"
    + _RANDOM[:40]
    + b"\x06\x0b"
    + _OID["pkcs12"]
    + _RANDOM,
    "java-key-store-key": b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\1\0\1a" + bytes(8) + _OID["jks"] + _RANDOM,
}
"""The same for keys that are no text."""
