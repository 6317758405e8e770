"""What is given to a name that says it is a secret, in settings, code, addresses and commands."""

from __future__ import annotations

from hullmark.facets.secrets.kind import Kind, entropy, is_placeholder
from hullmark.model.late import late

_IDENTIFIER = late(rb"[A-Za-z_][A-Za-z_.:-]*(?:\(.*|\[.*)?$")
_PATH = late(rb"^(?:[.~]?/|[A-Za-z]:\\|[a-z]+:(?://|secret/)|\$|%[A-Z]|ENC\[|\{[A-Za-z0-9]+\}|!|arn:|ssm:|resolve:)")
_PUBLIC = late(rb"^(?:pk[._]|pub-|sha(?:1|256|384|512)[-:])")
_CHECKED = late(rb"^(?:gh[pousr]_|glpat-|npm_|glsa_|AKIA|ASIA)")
_LETTERS = late(rb"[!-~]+")
_CALL = late(
    rb"[a-z]+(?:-[a-z0-9]{1,4})+$|"
    rb"[A-Za-z_][A-Za-z0-9_.]*(?:\(|\[\"|\[')|[a-z_]+[A-Z][A-Za-z]*\.[A-Za-z.]+$|^[A-Za-z]+(?:[-_.][A-Za-z]+)+[0-9]?$"
)

_NAMED = (
    rb"(?:password|passwd|passphrase|secret|token|api[_.-]?key|secret_?key|access_?key|(?:encryption|signing|licen[sc]e|sdk|auth|app"
    rb"|master|private|client|account|storage|service|admin|deploy|webhook|integration|session|partner|shared|secret_key_base)[_.-]?key"
    rb"|authkey|credentials?|pass|pwd|secret_key_base|auth_?pass|requirepass|bindpw|salt|pin_?code)"
)
_KEYWORDS = (
    *(
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "apikey",
        "api-key",
        "api.key",
        "access_key",
        "accesskey",
    ),
    *(
        "encryption_key",
        "encryptionkey",
        "signing_key",
        "signingkey",
        "license_key",
        "licensekey",
        "sdk_key",
        "sdkkey",
        "auth_key",
    ),
    *(
        "authkey",
        "app_key",
        "appkey",
        "master_key",
        "masterkey",
        "private_key",
        "privatekey",
        "client_key",
        "account_key",
        "secretkey",
    ),
    *(
        "_pass",
        "dbpass",
        "_pwd",
        "pwd",
        "credential",
        "bindpw",
        "_salt",
        "service_key",
        "session_key",
        "webhook_key",
        "storage_key",
        "_key",
        "-key",
        ".key",
        "adminkey",
        "applicationkey",
        "integrationkey",
        "serverkey",
        "servicekey",
        "subscriptionkey",
        "writekey",
    ),
)
WORDS = tuple(word.encode() for word in _KEYWORDS)
"""What stands in names of secrets."""

_NAMED_VALUE = rb"(?:" + _NAMED + rb"|_key)[a-z0-9_.-]{0,16}"
_AFTER_NAME = rb"[A-Za-z0-9_]{0,16}[\"'\])]{0,3}[ \t]{0,8}"
TYPED = rb"(?::[ \t]{0,2}&?(?:[sS]tring|str)[ \t]{1,4})?"
"""The type of a name in code, as TypeScript, Kotlin, Rust and Python have it between a name and its value."""

_SIGN = TYPED + rb"(?:=>|:=|=|:|,|>)[ \t]{0,8}"
_NOT_PUBLIC = (
    rb"(?<!page)(?<!page_)(?<!next_)(?<!csrf_)(?<!csrf)(?<!public_)(?<!public)(?<!cursor_)(?<!search)(?<!continuation)"
)
_QUOTED = rb"(?:[@$bru]{0,2}\"(?P<s>[^\"\s\0]{8,200})\"|[bru]?'(?P<t>[^'\s\0]{8,200})')"
_BARE = rb"[^\s\"'`#;,(){}\[\]<>&|\\\0]{8,200}+"
"""Nothing is given back: no letter of it can be the end that follows."""
_QUOTED_EIGHT = rb"[@$bru]{0,2}(?:\"[^\"\s\x00]{8}|'[^'\s\x00]{8})"
_BARE_EIGHT = rb"[^\s\"'`#;,(){}\[\]<>&|\\\x00]{8}"
GIVEN = (
    rb"(?:[a-z0-9_]{0,16}[\"'\])]{0,3}[ \t]{0,8}(?:"
    + _QUOTED_EIGHT
    + rb"|"
    + _SIGN
    + rb"(?:"
    + _QUOTED_EIGHT
    + rb"|"
    + _BARE_EIGHT
    + rb"))|[a-z0-9_.-]{0,16}[\"']?,?[ \t\r\n]{1,40}[\"']?value[\"']?[ \t]{0,4}[:=])"
)
"""What follows a name that is given a secret of eight letters at least, in any of three ways: one look finds them all."""

_END = rb"(?=[\s\"',;)}\]<&\\\0]|$)"


_FIELD_OF_A_MESSAGE = late(
    rb"(?:bytes|varint|fixed32|fixed64|zigzag32|zigzag64|group),\d{1,9},(?:opt|req|rep)(?:,[a-z0-9_]+(?:=[\w.-]*)?)*"
).fullmatch
"""What Go's programs say of a field of a protocol buffer, beside its name."""


def is_assigned_secret(value: bytes) -> bool:
    """Whether what is given to a name of a secret is one, rather than the name of a variable, a path, an address or a word."""
    if is_placeholder(value) or _PATH.match(value) or _IDENTIFIER.match(value) or not _LETTERS.fullmatch(value):
        return False
    if _PUBLIC.match(value) or _CHECKED.match(value) or _CALL.match(value) or b"\\u" in value:
        return False
    if _FIELD_OF_A_MESSAGE(value):
        return False
    kinds = sum((any(map(str.isdigit, value.decode("latin-1"))), value != value.lower(), value != value.upper()))
    return kinds >= 2 and entropy(value) >= 3.0


def is_mixed(value: bytes) -> bool:
    """Whether a value has digits among its letters besides: words in code that are not secrets seldom have."""
    return is_assigned_secret(value) and any(48 <= byte < 58 for byte in value) and any(byte >= 65 for byte in value)


def is_argument(value: bytes) -> bool:
    """Whether a command's argument is a password."""
    return is_assigned_secret(value) and len(value) >= 6


_SETTINGS = (
    *(
        ".env",
        ".conf",
        ".cnf",
        ".cfg",
        ".ini",
        ".properties",
        ".yml",
        ".yaml",
        ".toml",
        ".tfvars",
        ".json",
        ".npmrc",
        ".pypirc",
    ),
    *(
        ".netrc",
        "environment",
        "credentials",
        ".sh",
        "Dockerfile",
        ".environ",
        ".rows",
        ".tfstate",
        ".config",
        ".local",
        ".production",
    ),
    *(
        ".staging",
        ".development",
        ".prod",
        ".service",
        ".envrc",
        ".bashrc",
        ".profile",
        "_history",
        ".log",
        ".sql",
        ".tf",
        ".hcl",
    ),
    *("hosts", ".inventory", "config", ".rc", "rc", ".settings", ".txt", ".cf", ".secret", ".ldaprc", ".plist"),
)

KINDS = (
    Kind(
        "named-value",
        "secret that is given to a name",
        "medium",
        WORDS,
        rb"(?i)" + _NAMED_VALUE + rb"[\"']?,?\s{1,40}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}"
        rb"(?:\"(?P<s>[^\"\s]{8,200})\"|'(?P<t>[^'\s]{8,200})'|(?P<u>" + _BARE + rb"))",
        is_assigned_secret,
        any_case=True,
        tail=GIVEN,
        is_one=True,
    ),
    Kind(
        "element-password",
        "secret in an element",
        "medium",
        tuple(
            f"{word}>".encode()
            for word in (
                "password",
                "passwd",
                "secret",
                "token",
                "apikey",
                "api_key",
                "api-key",
                "passphrase",
                "secretkey",
                "accesskey",
                "key",
            )
        ),
        rb"(?i)[a-z0-9_.:-]{0,40}?(?:password|passwd|secret|token|api[_-]?key|passphrase|(?:secret|access)_?key)>\s{"
        rb"0,40}(?:<string>)?(?P<s>[^<>\s]{8,200})\s{0,40}</",
        is_assigned_secret,
        any_case=True,
    ),
    Kind(
        "connection-string-password",
        "password in a connection string",
        "high",
        (b"password=", b"pwd=", b"sharedaccesskey="),
        rb"(?i)(?<=[;\"' \t])(?:password|pwd|sharedaccesskey)=(?P<s>[^;\"'<>\s&]{6,200})(?=[;\"'\s&<]|$)",
        is_argument,
        any_case=True,
    ),
    Kind(
        "bearer-token",
        "token in a header",
        "high",
        (b"authorization",),
        rb"(?i:authorization)[\"']?[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?i:bearer|token|apikey) (?P<s>[A-Za-z0-9._~+/=-]{16,2000})",
        is_assigned_secret,
        after=2100,
        any_case=True,
        tail=rb"[\"']?[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?:bearer|token|apikey) ",
    ),
    Kind(
        "header-key",
        "key in a header",
        "high",
        (
            b"x-api-key",
            b"x-auth-token",
            b"private-token",
            b"x-vault-token",
            b"api-key",
            b"dd-api-key",
            b"x-access-token",
            b"job-token",
        ),
        rb"(?i:x-api-key|x-auth-token|private-token|x-vault-token|api-key|dd-api-key|x-access-token|job-token)[\"']?"
        rb"[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?P<s>[A-Za-z0-9._~+/=-]{16,500})",
        is_assigned_secret,
        any_case=True,
        after=560,
    ),
    Kind(
        "wordpress-salt",
        "key or salt of WordPress",
        "high",
        (b"AUTH_KEY'", b"LOGGED_IN_KEY'", b"NONCE_KEY'", b"_SALT'"),
        rb"(?:AUTH_KEY|LOGGED_IN_KEY|NONCE_KEY|_SALT)'\s{0,9},\s{0,9}'(?P<s>[^'\r\n]{40,100})'",
        lambda value: entropy(value) >= 4.0 and b"put your unique" not in value,
    ),
    Kind(
        "rails-key",
        "key of Rails",
        "critical",
        (),
        rb"(?m)^(?P<s>[a-f0-9]{32})$",
        lambda value: entropy(value) >= 3.0,
        is_whole=True,
        names=("master.key", "production.key", "staging.key", "development.key"),
    ),
    Kind(
        "application-key",
        "key of a web framework",
        "high",
        (b"secret_key", b"secret_key_base", b"app_key", b"app_secret", b"secretkeybase", b"django-insecure-"),
        rb"(?i:secret_?key(?:_?base)?|app_(?:key|secret))[\"'\]]{0,2}[ \t]{0,9}(?:=>|=|:)[ \t]{0,9}(?:[bru]?\"(?P<s>"
        rb"[^\"\r\n]{24,200})\"|[bru]?'(?P<t>[^'\r\n]{24,200})'|(?P<u>(?:base64:)?[A-Za-z0-9+/=_-]{32,200}))",
        lambda value: (
            not is_placeholder(value) and entropy(value) >= 3.2 and not _PATH.match(value) and b" " not in value
        ),
        any_case=True,
    ),
    Kind(
        "environment-secret",
        "secret that is given to a variable",
        "medium",
        tuple(
            word.encode()
            for word in (
                "PASSWORD=",
                "PASS=",
                "PASSWD=",
                "SECRET=",
                "TOKEN=",
                "_KEY=",
                "PWD=",
                "APIKEY=",
                "AUTHKEY=",
                "PASSPHRASE=",
                "_DSN=",
                "CREDENTIALS=",
                "_AUTH=",
                "PASSWORD =",
                "SECRET =",
                "TOKEN =",
                "_KEY =",
            )
        ),
        rb"(?:PASSWORD|PASS|PASSWD|SECRET|TOKEN|API_KEY|[A-Z]{2,20}_KEY|(?<=[A-Z_])(?<!OLD)PWD|APIKEY|AUTHKEY|PASSPHRASE|_DSN|CREDENTIA"
        rb"LS|_AUTH)[ ]?=[ ]?[\"']?(?P<s>" + _BARE + rb")" + _END,
        is_assigned_secret,
        before=24,
    ),
    Kind(
        "assigned-secret",
        "secret that is given to a name",
        "medium",
        WORDS,
        rb"(?i:"
        + _NOT_PUBLIC
        + _NAMED
        + rb")"
        + _AFTER_NAME
        + _SIGN
        + rb"(?:"
        + _QUOTED
        + rb"|(?P<u>"
        + _BARE
        + rb"))"
        + _END,
        is_assigned_secret,
        any_case=True,
        tail=GIVEN,
        is_one=True,
        names=_SETTINGS,
    ),
    Kind(
        "quoted-secret",
        "secret in code",
        "medium",
        WORDS,
        rb"(?i:" + _NOT_PUBLIC + _NAMED + rb")" + _AFTER_NAME + rb"(?:" + _SIGN + rb")?" + _QUOTED + _END,
        is_mixed,
        any_case=True,
        tail=GIVEN,
        is_one=True,
    ),
    Kind(
        "program-password",
        "password in a program's settings",
        "medium",
        (b"password ", b"passwordeval ", b"pass ", b"BUNDLE_", b"psk=", b"sasl_passwd", b"bindpw "),
        rb"(?:(?m:^)[ \t]{0,20}(?:password|pass|bindpw)[ \t]{1,9}[\"']?(?P<s>[^\s\"']{8,200})[\"']?[ \t]{0,9}(?m:$)|"
        rb"BUNDLE_[A-Z0-9_]{3,100}: [\"']?[^\s:\"']{0,100}:?(?P<t>[^\s\"':]{10,200})|psk=\"?(?P<u>[^\s\"]{8,64}))",
        is_mixed,
        before=22,
        tail=rb"[ \t]{0,8}[\"']?(?:[^\s\"']{8}|[A-Z0-9_]{3,7}: )",
    ),
)
