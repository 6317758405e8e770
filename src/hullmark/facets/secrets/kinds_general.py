"""Secrets that are not of one maker: private keys, passwords in addresses and files, tokens, and what is given to a name of a secret."""

from __future__ import annotations

import base64
import binascii
import re

from hullmark.facets.secrets.kind import Kind, entropy, is_placeholder, random_enough

# Without five hyphens, so that the next BEGIN ends it: many of them cost no more than their bytes.
_KEY_BODY = rb"(?:[A-Za-z0-9+/=\s:,.()\"'@<>]|\\[nrt]|-(?!----)){60,16000}+"
_END = rb"-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_PUTTY_HEAD = rb"PuTTY-User-Key-File-[23]: [^\r\n]{1,40}\r?\nEncryption: "
_PUTTY_PUBLIC = rb"\r?\nComment: [^\r\n]{0,300}\r?\nPublic-Lines: [0-9]{1,3}\r?\n[A-Za-z0-9+/=\r\n]{0,4000}"
_USER = rb"[^\s/:@\"'<>$`?#|\\(){}\[\],]{0,100}"
_PASSWORD = rb"[^\s/:@\"'<>$`?#|\\(){}\[\],]{2,200}"
_BASIC_PASSWORDS = frozenset(
    (b"password", b"secret", b"pass", b"test", b"user", b"admin", b"root", b"pwd", b"passwd", b"token", b"123")
)


def is_jwt(value: bytes) -> bool:
    """Whether the first part of a JSON web token (RFC 7519) is a header that names its algorithm."""
    import json  # few images have one

    head = value.partition(b".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and isinstance(header.get("alg"), str)


def is_basic_login(value: bytes) -> bool:
    """Whether the text is base64 for a name and a password, as HTTP's basic authentication has them (RFC 7617)."""
    try:
        name, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except binascii.Error:
        return False
    return bool(colon and name.isascii() and name.decode("ascii").isprintable() and is_password(password))


def is_password(value: bytes) -> bool:
    """Whether a word may be a password that someone really has: no placeholder, no variable, none that documentation is full of."""
    return not is_placeholder(value) and value.lower() not in _BASIC_PASSWORDS


def is_key(value: bytes) -> bool:
    """Whether the text between the lines of a private key can be one: mostly base64, and random."""
    body = re.sub(rb"\\[nrt]|[^A-Za-z0-9+/=]", b"", value)
    return len(body) >= 60 and entropy(body[:2000]) >= 4.0


def is_encrypted_openssh_key(value: bytes) -> bool:
    """Whether the text between the lines of an OpenSSH key names a cipher (PROTOCOL.key of OpenSSH)."""
    try:
        head = base64.b64decode(re.sub(rb"\\[nrt]|[^A-Za-z0-9+/]", b"", value)[:80])
    except binascii.Error:
        return False
    name = head.partition(b"openssh-key-v1\0")[2]
    return name[:3] == b"\0\0\0" and name[4 : 4 + name[3]] != b"none"


KINDS = (
    Kind(
        "encrypted-private-key",
        "private key that a password protects",
        "medium",
        (b"-----BEGIN ",),
        rb"-----BEGIN (?:(?:[A-Z0-9]{1,20} ){0,3}ENCRYPTED PRIVATE KEY-----(?P<s>"
        + _KEY_BODY
        + rb")|(?:[A-Z0-9]{1,20} ){0,2}PRIVATE KEY-----(?:\s|\\[nr]){1,4}Proc-Type: 4,ENCRYPTED[^-]{1,200}-[^-]{1,200}"
        + rb"(?P<t>"
        + _KEY_BODY
        + rb"))"
        + _END,
        after=17_000,
    ),
    Kind(
        "encrypted-openssh-key",
        "private key that a password protects",
        "medium",
        (b"OPENSSH PRIVATE KEY-----",),
        rb"-----BEGIN OPENSSH PRIVATE KEY-----(?P<s>" + _KEY_BODY + rb")" + _END,
        is_encrypted_openssh_key,
        before=11,
        after=17_000,
    ),
    Kind(
        "private-key",
        "private key",
        "critical",
        (b"-----BEGIN ",),
        rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?P<s>" + _KEY_BODY + rb")" + _END,
        is_key,
        after=17_000,
    ),
    Kind(
        "encrypted-putty-key",
        "PuTTY private key that a password protects",
        "medium",
        (b"PuTTY-User-Key-File-",),
        _PUTTY_HEAD
        + rb"aes256-cbc"
        + _PUTTY_PUBLIC
        + rb"(?:Key-Derivation: [^\r\n]{1,40}\r?\n(?:Argon2-[^\r\n]{1,90}\r?\n){1,6})?"
        rb"Private-Lines: [0-9]{1,3}\r?\n(?P<s>[A-Za-z0-9+/=\r\n]{40,8000})",
        after=13_200,
    ),
    Kind(
        "putty-key",
        "PuTTY private key",
        "critical",
        (b"PuTTY-User-Key-File-",),
        _PUTTY_HEAD + rb"none" + _PUTTY_PUBLIC + rb"Private-Lines: [0-9]{1,3}\r?\n(?P<s>[A-Za-z0-9+/=\r\n]{40,8000})",
        after=13_000,
    ),
    Kind(
        "jwt",
        "JSON web token",
        "high",
        (b"eyJ",),
        rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000}",
        is_jwt,
        after=7100,
    ),
    Kind(
        "url-password",
        "password in an address",
        "high",
        (b"://",),
        rb"(?<=[A-Za-z0-9])://" + _USER + rb":(?P<s>" + _PASSWORD + rb")@[A-Za-z0-9\[]",
        is_password,
        after=310,
        tail=_USER + rb":" + _PASSWORD + rb"@",
    ),
    Kind(
        "basic-login",
        "login in a header",
        "high",
        (b"basic ",),
        rb"(?i:authorization)[\"']?[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?i:basic) (?P<s>[A-Za-z0-9+/]{8,400}={0,2})",
        is_basic_login,
        before=24,
        any_case=True,
    ),
    Kind(
        "netrc-password",
        "password in a netrc",
        "high",
        (b"machine",),
        rb"machine\s{1,9}[^\s]{1,200}\s{1,9}login\s{1,9}[^\s]{1,200}\s{1,9}password\s{1,9}(?P<s>[^\s]{1,200})",
        is_password,
        after=900,
        names=("netrc", ".netrc", "_netrc", "auth.conf"),
    ),
    Kind(
        "pgpass-password",
        "password in a pgpass",
        "high",
        (b":5432:", b":5433:", b":6432:", b":*:"),
        rb"(?m)^[^\s:#][^\s:]{0,200}:(?:[0-9]{1,5}|\*):[^\s:]{1,200}:[^\s:]{1,200}:(?P<s>[^\s:]{1,200})$",
        is_password,
        before=210,
        after=900,
        names=(".pgpass", "pgpass.conf"),
    ),
    # The text of a key in PEM is one, too; where its first line is there the key has a better name.
    Kind(
        "encoded-private-key",
        "private key",
        "critical",
        (
            b"BADANBgkqhkiG9w0BAQEFAASC",
            b"AgEAMBMGByqGSM49AgEG",
            b"AQAwBQYDK2Vw",
            b"AIBAAKCAQEA",
            b"AIBAAKCAgEA",
            b"MHcCAQEEI",
        ),
        rb"(?<![A-Za-z0-9+/])M[A-Za-z0-9+/]{2,10}?(?:BADANBgkqhkiG9w0BAQEFAASC|AgEAMBMGByqGSM49AgEG|AQAwBQYDK2VwBCIE"
        rb"I|AIBAAKCA[Qg]EA|cCAQEEI)[A-Za-z0-9+/]{40,6000}={0,2}",
        random_enough(4.0),
        before=12,
        after=6100,
    ),
)
