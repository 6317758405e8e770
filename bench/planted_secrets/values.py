"""Random values in the issuers' forms, with their checksums right. Nothing here is a secret: all comes of a seed."""

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from random import Random

from bench.planted_secrets.model import Fields, Make

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
HEX = DIGITS + "abcdef"
ALNUM = DIGITS + UPPER + LOWER
BASE32 = UPPER + "234567"
WORDY = ALNUM + "_-"
BASE36 = DIGITS + LOWER
PUNCTUATED = ALNUM + "!%*-_.^~"


def chars(r: Random, alphabet: str, count: int) -> str:
    return "".join(r.choice(alphabet) for _ in range(count))


def uuid(r: Random) -> str:
    text = chars(r, HEX, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{r.choice('89ab')}{text[17:20]}-{text[20:]}"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def in_base(number: int, alphabet: str, width: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number, len(alphabet))
        text = alphabet[rest] + text
    return text.rjust(width, alphabet[0])


def password(r: Random, length: int = 16) -> str:
    """What a password generator makes: letters of both cases, digits, and two punctuation marks inside."""
    text = list(chars(r, ALNUM, length))
    text[0], text[1], text[2] = r.choice(UPPER), r.choice(LOWER), r.choice(DIGITS)
    for at in r.sample(range(4, length - 1), 2):
        text[at] = r.choice("!*-_.^~")
    return "".join(text)


def crc62(prefix: str, body: str) -> str:
    """GitHub's and npm's form: the CRC-32 of the random part in base 62, six characters."""
    return prefix + body + in_base(zlib.crc32(body.encode()), ALNUM, 6)


def shaped(*parts: str | tuple[str, int]) -> Make:
    """A value of literal parts and random ones (alphabet, count)."""

    def make(r: Random) -> Fields:
        return {"secret": "".join(part if isinstance(part, str) else chars(r, *part) for part in parts)}

    return make


def github(prefix: str) -> Make:
    return lambda r: {"secret": crc62(prefix, chars(r, ALNUM, 30))}


def gitlab_routable(r: Random) -> Fields:
    """GitLab's newer form: payload, its length in base 36, and the CRC-32 of all before it in base 36."""
    payload = b64url(f"o:{r.randrange(1, 99)}\nu:{chars(r, BASE36, 5)}".encode() + r.randbytes(16) + bytes([16]))
    head = f"glpat-{payload}.01.{in_base(len(payload), BASE36, 2)}"
    return {"secret": head + in_base(zlib.crc32(head.encode()), BASE36, 7)}


def aws(prefix: str = "AKIA") -> Make:
    def make(r: Random) -> Fields:
        token = "IQoJb3JpZ2luX2Vj" + b64(r.randbytes(480))
        return {"id": prefix + chars(r, BASE32, 16), "secret": chars(r, ALNUM + "+/", 40), "token": token}

    return make


def aws_session(r: Random) -> Fields:
    pair = aws("ASIA")(r)
    return {"id": pair["id"], "key": pair["secret"], "secret": pair["token"]}


def azure_storage(r: Random) -> Fields:
    return {"user": chars(r, LOWER, 11), "secret": b64(r.randbytes(64))}


def azure_sas(r: Random) -> Fields:
    return {
        "user": chars(r, LOWER, 11),
        "secret": b64(r.randbytes(32)).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    }


def pypi(r: Random) -> Fields:
    """A macaroon of pypi.org, version 2: location, identifier, one caveat, signature."""
    ident, caveat = uuid(r).encode(), json.dumps([[0, r.randrange(1, 10**6)]]).encode()
    fields = [(1, b"pypi.org"), (2, ident), None, (2, caveat), None, None, (6, r.randbytes(32))]
    body = b"\x02" + b"".join(bytes([f[0], len(f[1])]) + f[1] if f else b"\0" for f in fields)
    return {"secret": "pypi-" + b64url(body)}


def grafana(r: Random) -> Fields:
    head = "glsa_" + chars(r, ALNUM, 32)
    return {"secret": f"{head}_{zlib.crc32(head.encode()).to_bytes(4, 'little').hex()}"}


def discord(r: Random) -> Fields:
    ident = str(r.randrange(10**17, 10**18))
    return {"secret": f"{b64url(ident.encode())}.{chars(r, ALNUM, 6)}.{chars(r, WORDY, 37)}{r.choice(ALNUM)}"}


def jwt(r: Random, issuer: str = "accounts", key: bytes = b"") -> Fields:
    claims = {"iss": issuer, "sub": uuid(r), "role": "service", "iat": 1760000000, "exp": 2075000000}
    head = ".".join(
        b64url(json.dumps(part, separators=(",", ":")).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    return {"secret": f"{head}.{b64url(hmac.new(key or r.randbytes(32), head.encode(), hashlib.sha256).digest())}"}


def mapbox(r: Random) -> Fields:
    body = b64url(json.dumps({"u": "courier", "a": "cl" + chars(r, BASE36, 23)}, separators=(",", ":")).encode())
    return {"secret": f"sk.{body}.{chars(r, WORDY, 21)}{r.choice(ALNUM)}"}


def sentry_org(r: Random) -> Fields:
    body = {"iat": 1760000000.5, "url": "https://sentry.io", "region_url": "https://us.sentry.io", "org": "courier"}
    return {"secret": f"sntrys_{b64(json.dumps(body).encode())}_{b64(r.randbytes(32)).rstrip('=')}"}


def crc_hex(prefix: str, count: int, joint: str) -> Make:
    """Atlassian's forms end in eight hexadecimal digits, taken here as the CRC-32 of what stands before them."""

    def make(r: Random) -> Fields:
        head = prefix + chars(r, ALNUM, count)
        return {"secret": f"{head}{joint}{zlib.crc32(head.encode()):08X}"}

    return make


def login(length: int = 16, **beside: str) -> Make:
    """A user name and a password; `beside` are further parts that are the same in every value."""

    def make(r: Random) -> Fields:
        user = r.choice(("billing", "courier_rw", "ledger", "svc-deploy", "reporting", "intake", "atlas", "orders_app"))
        host = f"{r.choice(('db', 'pg', 'data', 'core', 'hub'))}-{r.randrange(1, 9)}.prod.northgale.net"
        return {"user": user, "host": host, "secret": password(r, length), **beside}

    return make


def basic_auth(r: Random) -> Fields:
    parts = login()(r)
    return {**parts, "basic": b64(f"{parts['user']}:{parts['secret']}".encode())}


def bech32(human: str, data: bytes) -> str:
    """The form of age's keys, with its checksum (BIP 173)."""
    bits = int.from_bytes(data, "big") << (-len(data) * 8 % 5)
    words = [(bits >> shift) & 31 for shift in range((len(data) * 8 + 4) // 5 * 5 - 5, -1, -5)]
    expanded = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    check = 1
    for word in [*expanded, *words, 0, 0, 0, 0, 0, 0]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ word
        for at, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> at & 1 else 0
    check ^= 1
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    return (
        human + "1" + "".join(alphabet[word] for word in [*words, *((check >> 5 * (5 - at)) & 31 for at in range(6))])
    )


def crc24(data: bytes) -> bytes:
    """The checksum of OpenPGP's armour (RFC 9580, 6.1)."""
    check = 0xB704CE
    for byte in data:
        check ^= byte << 16
        for _ in range(8):
            check = check << 1 ^ (0x1864CFB if check & 0x800000 else 0)
    return (check & 0xFFFFFF).to_bytes(3, "big")


def lines(text: str, width: int = 64) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def openssl_salted(r: Random, size: int) -> str:
    return b64(b"Salted__" + r.randbytes(size))


def hexlified(data: bytes) -> str:
    return binascii.hexlify(data).decode()
