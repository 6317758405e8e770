"""Secrets that certain files hold: hashes of passwords, and logins of programs."""

from __future__ import annotations

import binascii
from base64 import b64decode

from hullmark.facets.secrets.kind import Kind, entropy, is_placeholder
from hullmark.facets.secrets.kinds_given import is_argument, is_assigned_secret

_ACCOUNTS = ("shadow", "shadow-", "passwd", "passwd-", "htpasswd", "htdigest")
OLD_HASH = "old-password-hash"


def is_kept_password(value: bytes) -> bool:
    """Whether a word is where a program looks for its password, and is not a placeholder."""
    return not is_placeholder(value)


def is_salted_hash(value: bytes) -> bool:
    """Whether what follows the name of a method is a salt and a hash, rather than names that dollar signs part."""
    return value.count(b"$") < 2


def is_old_hash(value: bytes) -> bool:
    """Whether 13 characters are a hash of crypt(3)'s first form, rather than a mask for one."""
    return bool(value.strip(b"_."))


def is_service_account_key(value: bytes) -> bool:
    """Whether a text is the private key of a service account, with line ends as JSON writes them."""
    return len(value) > 400 and entropy(value[:2000]) >= 4.0


def is_encoded_key(value: bytes) -> bool:
    """Whether base64 holds a private key in PEM (RFC 7468)."""
    try:
        return b"PRIVATE KEY-----" in b64decode(value[: len(value) // 4 * 4], validate=True)[:60]
    except binascii.Error:
        return False


KINDS = (
    Kind(
        "gcp-service-account",
        "key of a Google Cloud service account",
        "critical",
        (b'"private_key"',),
        rb"\"private_key\"\s{0,9}:\s{0,9}\"(?P<s>-----BEGIN PRIVATE KEY-----\\n[A-Za-z0-9+/=\\n]{400,8000}-----END PRIVATE KEY-----\\n)\"",
        is_service_account_key,
        after=8300,
    ),
    Kind(
        "kubernetes-client-key",
        "key of a Kubernetes client",
        "critical",
        (b"client-key-data",),
        rb"client-key-data\"?\s{0,3}:\s{1,9}\"?(?P<s>LS0tLS1CRUdJTi[A-Za-z0-9+/=]{60,8000})",
        is_encoded_key,
        after=8300,
    ),
    Kind(
        "docker-identity-token",
        "identity token of an image registry",
        "high",
        (b'"identitytoken"', b'"registrytoken"'),
        rb"\"(?:identity|registry)token\"\s{0,9}:\s{0,9}\"(?P<s>[A-Za-z0-9._=+/-]{16,4000})\"",
        is_kept_password,
        after=4100,
    ),
    Kind(
        "redis-password",
        "password of a Redis server",
        "high",
        (b"requirepass ", b"masterauth ", b"sentinel auth-pass "),
        rb"(?:requirepass|masterauth|sentinel auth-pass \S{1,100})[ \t]{1,9}\"?(?P<s>[^\s\"#]{4,500})",
        is_kept_password,
        after=700,
        names=(".conf",),
    ),
    Kind(
        "password-hash",
        "password hash",
        "low",
        (b"$1$", b"$5$", b"$6$", b"$apr1$", b"$2a$", b"$2b$", b"$2x$", b"$2y$", b"$y$", b"$gy$", b"$7$", b"$argon2"),
        rb"\$(?:(?:1|5|6|apr1)\$(?:rounds=[0-9]{1,9}\$)?(?P<s>[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86})"
        rb"|(?:2[abxy]\$[0-9]{2}|(?:y|gy|7)\$[./A-Za-z0-9]{1,32})\$?(?P<t>[./A-Za-z0-9$]{40,140})"
        rb"|argon2(?:id|i|d)\$(?:v=[0-9]{1,3}\$)?m=[0-9,pt=]{1,40}\$(?P<u>[A-Za-z0-9+/$]{20,300}))(?![./A-Za-z0-9])",
        is_salted_hash,
    ),
    Kind(
        "directory-password-hash",
        "password hash",
        "low",
        (b"{SHA}", b"{SSHA}", b"{SHA256}", b"{SSHA256}", b"{SHA512}", b"{SSHA512}"),
        rb"\{S?SHA(?:256|512)?\}(?P<s>[A-Za-z0-9+/]{20,200}={0,2})",
    ),
    Kind(
        "account-password-hash",
        "password hash",
        "low",
        (),
        rb"(?m)^[^:\r\n]{1,64}:[!*]{0,3}\$[a-z0-9-]{1,16}[$,](?P<s>[^:\s*]{8,400})(?=[:\s]|\Z)",
        is_whole=True,
        names=_ACCOUNTS,
    ),
    Kind(
        OLD_HASH,
        "password hash of an old form",
        "low",
        (),
        rb"(?m)^[^:\r\n]{1,64}:[!*]{0,3}(?P<s>[./A-Za-z0-9]{13}|_[./A-Za-z0-9]{19})(?=[:\r\n]|\Z)",
        is_old_hash,
        is_whole=True,
        names=_ACCOUNTS,
    ),
    Kind(
        "magento-key",
        "key of Magento",
        "critical",
        (b"<crypt>", b"'crypt'"),
        rb"(?:<crypt>\s{0,80}<key>\s{0,9}(?:<!\[CDATA\[)?|'crypt'\s{0,9}=>\s{0,9}(?:\[|array\s?\()\s{0,80}'key'\s{0,9}=>\s{0,9}')(?P<s>[a-f0-9]{32})(?![a-f0-9])",
        is_kept_password,
    ),
    Kind(
        "machine-key",
        "machine key of ASP.NET",
        "critical",
        (b"validationKey=", b"decryptionKey="),
        rb"(?:validation|decryption)Key=[\"'](?P<s>[A-Fa-f0-9]{40,128})[\"']",
        is_kept_password,
    ),
    Kind(
        "property-password",
        "secret in a property",
        "medium",
        (b'password">', b'passwd">', b'passphrase">', b'secret">', b'token">', b'apikey">'),
        rb"(?i:password|passwd|passphrase|secret|token|apikey)\">\s{0,40}(?P<s>[^<>\s]{8,200})\s{0,40}</",
        is_assigned_secret,
        any_case=True,
    ),
    Kind(
        "php-password",
        "password in PHP's settings",
        "high",
        (b".default_pw",),
        rb"\.default_pw[ \t]{0,9}=[ \t]{0,9}\"?(?P<s>[^\s\";]{4,200})",
        is_kept_password,
        names=(".ini", ".conf", ".htaccess"),
    ),
    Kind(
        "terraform-password",
        "random password in the state of Terraform",
        "high",
        (b'"bcrypt_hash"',),
        rb"\"bcrypt_hash\"[^\0]{1,1500}?\"result\"\s{0,9}:\s{0,9}\"(?P<s>[^\"\r\n]{8,200})\"",
        is_kept_password,
        after=1800,
    ),
    Kind(
        "ipsec-secret",
        "secret of IPsec",
        "high",
        (b': PSK "', b": PSK 0", b': EAP "', b': XAUTH "', b': NTLM "'),
        rb": (?:PSK|EAP|XAUTH|NTLM) (?:\"(?P<s>[^\"\r\n]{4,200})\"|(?P<t>0[sx][A-Za-z0-9+/=]{8,300}))",
        is_kept_password,
        names=(".secrets",),
    ),
    Kind(
        "vpnc-password",
        "password of a Cisco VPN",
        "high",
        (b"IPSec secret ", b"Xauth pass"),
        rb"(?:IPSec secret|Xauth password) (?P<s>[^\s]{4,200})",
        is_kept_password,
        names=(".conf",),
    ),
    Kind(
        "secret-in-a-file-of-secrets",
        "password in a file of passwords",
        "high",
        (),
        rb"(?m)^[^\s#\"]{1,100}[ \t]{1,9}[^\s]{1,100}[ \t]{1,9}\"?(?P<s>[^\s\"]{6,200})\"?(?=[ \t]|$)",
        is_argument,
        is_whole=True,
        names=("chap-secrets", "pap-secrets", "l2tp-secrets"),
    ),
    Kind(
        "vpn-login",
        "password of a login for a VPN",
        "high",
        (),
        # auth-user-pass of openvpn(8): a line with the name, one with the password.
        rb"(?m)^[^\s#=:]{1,100}\r?\n(?P<s>[^\s#]{6,200})[ \t\r]{0,9}$",
        is_argument,
        is_whole=True,
        path=r"(?:^|/)openvpn/",
        names=(
            "auth",
            "auth.txt",
            "auth.conf",
            "credentials",
            "credentials.txt",
            "login",
            "login.conf",
            "login.txt",
            "pass.txt",
            "userpass.txt",
        ),
    ),
)
