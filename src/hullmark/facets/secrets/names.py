"""Names of secrets, word by word, and which of the values that are given to them are none."""

from __future__ import annotations

import re
from functools import lru_cache

from hullmark.model.late import late

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_SECRETS = frozenset(
    (
        *("password", "passwd", "passphrase", "passcode", "pass", "pwd", "pw", "secret", "token", "credential", "psk"),
        *("credentials", "creds", "cred", "authtok", "apikey", "authorization", "passwords", "passwds", "passphrases"),
        *("tokens", "apikeys", "bindpw", "rootpw", "userpw", "authpw", "rootbindpw", "masterauth", "requirepass"),
        *("dbpass", "userpass", "keypass", "storepass", "authpass", "smtppass", "mysqlpass", "rootpass", "adminpass"),
        *("ftppass", "mailpass", "bindpass", "loginpass", "sqlpass", "httppass", "sslpass", "vncpass", "sshpass"),
    )
)
_ENDS = (
    *("password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "secretkey", "accesskey"),
    *("privatekey", "authkey", "signingkey", "encryptionkey", "masterkey", "sharedkey", "credentials", "pwd"),
)
_OTHERS = frozenset(("nopasswd", "topsecret", "kpasswd"))
_PASSING = frozenset(("proxy", "fastcgi", "uwsgi", "scgi", "grpc", "memcached", "by"))
_KEYS = frozenset(
    (
        *(
            "api",
            "access",
            "private",
            "secret",
            "encryption",
            "signing",
            "master",
            "auth",
            "account",
            "shared",
            "session",
        ),
        *("service", "app", "client", "admin", "license", "licence", "storage", "webhook", "deploy", "integration"),
        *("jwt", "hmac", "aes", "crypto", "cookie", "subscription", "application"),
    )
)
_ABOUT = frozenset(
    (
        *("file", "files", "path", "paths", "dir", "directory", "folder", "location", "url", "uri", "endpoint", "host"),
        *(
            "name",
            "names",
            "id",
            "ids",
            "ref",
            "header",
            "field",
            "format",
            "type",
            "kind",
            "class",
            "provider",
            "store",
        ),
        *(
            "ttl",
            "timeout",
            "expiry",
            "expire",
            "expires",
            "expiration",
            "lifetime",
            "validity",
            "age",
            "days",
            "period",
        ),
        *(
            "interval",
            "minutes",
            "seconds",
            "length",
            "len",
            "size",
            "count",
            "min",
            "max",
            "minimum",
            "maximum",
            "limit",
        ),
        *("policy", "encryption", "algorithm", "alg", "hash", "hashing", "method", "mode", "scheme", "cost", "rounds"),
        *("required", "enabled", "disabled", "enable", "disable", "reset", "change", "changed", "changes", "history"),
        *("retries", "retry", "attempts", "tries", "prompt", "dialog", "manager", "helper", "authentication", "auths"),
        *(
            "rotation",
            "regex",
            "pattern",
            "validator",
            "validation",
            "generator",
            "issuer",
            "audience",
            "realm",
            "bits",
        ),
        *("check", "reuse", "strength", "hint", "placeholder", "label", "parameter", "param", "argument", "exposure"),
        *(
            "cache",
            "command",
            "cmd",
            "backend",
            "plugin",
            "module",
            "version",
            "types",
            "reqd",
            "expired",
            "methods",
            "mechanisms",
            "maps",
            "updated",
        ),
    )
)
ACCOUNTS = ("passwd", "passwd-", "shadow", "shadow-", "group", "group-", "gshadow", "gshadow-", "subuid", "subgid")
"""Names of files of accounts: their columns are not settings, and a user may have any name."""

_SWITCHES = frozenset(("no", "without", "skip", "require", "requires", "max", "min", "num", "number", "public"))
_WORDS_AFTER = 3

_NO_VALUES = frozenset(
    (
        *(
            "",
            "true",
            "false",
            "true|false",
            "yes",
            "no",
            "on",
            "off",
            "none",
            "null",
            "nil",
            "undefined",
            "0",
            "1",
            "~",
            "-",
            "\\",
        ),
        *("enabled", "disabled", "required", "optional", "sufficient", "requisite", "builtin", "ask", "prompt", "auto"),
        *("all", "any", "always", "never", "empty", "unset", "[]", "{}", "|", ">", "|-", ">-", "str", "string", "int"),
        *("bool", "boolean", "bytes", "object", "varchar", "text", "file", "env", "environment", "password", "passwd"),
        *("passphrase", "secret", "token", "credentials", "changeme", "change_me", "change-me", "changeit", "example"),
        *("placeholder", "dummy", "sample", "redacted", "todo", "foobar", "foobared", "admin", "root", "test", "guest"),
        *("default", "postgres", "mysql", "user", "username", "inherit", "self", "this"),
    )
)
"""Switches, types, and what every list of default passwords begins with: rules ask for these."""

_SCHEMES = frozenset(
    (
        *("basic", "digest", "bearer", "plain", "login", "cram-md5", "ldap", "pam", "oauth", "oauth2", "saml", "jwt"),
        *("ntlm", "kerberos", "external", "internal", "md5", "trust", "peer", "ident", "cert", "gssapi", "negotiate"),
        *(
            "scram-sha-256",
            "scram-sha-1",
            "anonymous",
            "local",
            "system",
            "shadow",
            "sasl",
            "radius",
            "form",
            "session",
        ),
    )
)
_SOURCES = frozenset(("files", "compat", "systemd", "nis", "ldap", "sss", "db", "winbind", "altfiles", "extrausers"))

_PLACE = late(
    rb"(?:(?:[.~]{0,2}|\$\{?\w{1,60}\}?)/[\w./@${}*:,%-]*|[A-Za-z]:\\[^\s]*|[A-Za-z][\w.+-]{0,30}:{1,2}/[^\s]*"
    rb"|[\w-]{1,40}(?:\.[\w-]{1,40}){0,6}\.(?:txt|pem|key|crt|json|ya?ml|conf|properties|jks|p12))\Z"
)
_STATIC = late(rb"(?i)(?:jdbc|[a-z][a-z0-9+.-]{0,20})://")
_FORM = late(
    rb"(?:<[^<>]{0,200}>|\{\{.{0,200}\}\}|\{[\w.-]{0,60}\}|%\(?\w{1,60}\)?s?%?|@@?[\w.-]{1,60}@@?|__\w{1,60}__"
    rb"|\*+|\.{3,}|(?i:x{3,}|(?:your|my|the|some|insert|enter|replace)[-_ ][\w -]{0,60}))\Z",
    re.DOTALL,
)
_REFERENCE = late(
    rb"\$(?:[A-Za-z_][A-Za-z0-9_.]{0,100}|[0-9@*#?!$]|\{[A-Za-z0-9_.]{1,100}(?::?[-=]|:?\?[^{}]{0,100})?\})"
    rb"|\$\([^()]{0,300}(?:\([^()]{0,300}\)[^()]{0,300})?\)|\$\{\{[^{}]{0,200}\}\}|`[^`]{0,300}`|\*{4}"
)
_LETTERS = re.compile(rb"[A-Za-z0-9\x80-\xff]")


def words_of(name: str) -> list[str]:
    """The words of a name in small letters: `dbPassword2`, `DB_PASSWORD` and `db.password` are `db`, `password`."""
    return [word.lower() for word in _WORD.findall(name)]


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is a secret itself, rather than something about one (a file, a length, a switch)."""
    words = words_of(name)
    at = next((at for at in reversed(range(len(words))) if _is_secret(words, at)), -1)
    after = words[at + 1 :]
    if at < 0 or len(after) > _WORDS_AFTER or not _ABOUT.isdisjoint(after):
        return False
    return at == 0 or words[0] not in _SWITCHES


def _is_secret(words: list[str], at: int) -> bool:
    word = words[at]
    if word == "key":
        return at > 0 and words[at - 1] in _KEYS
    if word == "auth":
        return at == len(words) - 1
    if word == "pass" and at > 0 and words[at - 1] in _PASSING:
        return False
    return word in _SECRETS or (word.endswith(_ENDS) and word not in _OTHERS)


def is_secret_value(name: str, value: bytes) -> bool:
    """Whether a value may be a secret: no switch, path, address, variable, placeholder or scheme, and not masked already."""
    bare = value.strip().strip(b"\"'`").strip()
    text = bare.decode("latin-1").lower()
    if text in _NO_VALUES or (len(bare) < 200 and (_PLACE.match(bare) or _FORM.match(bare))) or _STATIC.match(bare):
        return False
    words = words_of(name)
    if words[-1:] in (["auth"], ["authorization"]) and text in _SCHEMES:
        return False
    if words[-1:] == ["passwd"] and (text.split(" ")[0] in _SOURCES or (name == "PASSWD" and bare.isupper())):
        return False
    if words[-1:] == ["tokens"] and text.isdigit():
        return False
    return _LETTERS.search(_REFERENCE.sub(b"", bare)) is not None
