"""Private keys of every usual form, made of a seed: the number theory is ours, so that the same seed gives the same key."""

import hashlib
import hmac
import json
import struct
from functools import cache
from math import gcd
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bench.planted_secrets.model import Fields, Make
from bench.planted_secrets.values import b64, b64url, bech32, crc24, hexlified, lines

_SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


def _is_prime(r: Random, number: int) -> bool:
    if any(number % small == 0 for small in _SMALL):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(4):
        x = pow(r.randrange(2, number - 1), odd, number)
        if x in (1, number - 1):
            continue
        if not any((x := pow(x, 2, number)) == number - 1 for _ in range(twos - 1)):
            return False
    return True


def _prime(r: Random, bits: int) -> int:
    while True:
        number = r.getrandbits(bits) | 3 << (bits - 2) | 1
        if gcd(number - 1, 65537) == 1 and _is_prime(r, number):
            return number


@cache
def rsa_key(seed: int) -> rsa.RSAPrivateKey:
    """An RSA key of 2048 bits."""
    r = Random(seed)  # noqa: S311 -- the same seed must give the same key
    p, q = _prime(r, 1024), _prime(r, 1024)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(65537, p * q)
    )
    return numbers.private_key()


def _rsa(r: Random) -> rsa.RSAPrivateKey:
    return rsa_key(r.getrandbits(20) % 3)


def rsa_of(seed: int) -> rsa.RSAPrivateKey:
    """The RSA key that the functions below take from a generator of this seed."""
    return _rsa(Random(seed))  # noqa: S311


def _ed25519(r: Random) -> tuple[bytes, bytes]:
    seed = r.randbytes(32)
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return seed, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def rsa_pem(form: PrivateFormat) -> Make:
    def make(r: Random) -> Fields:
        return {"secret": _rsa(r).private_bytes(Encoding.PEM, form, NoEncryption()).decode().strip()}

    return make


def ec_pem(r: Random) -> Fields:
    key = ec.derive_private_key(r.getrandbits(250) + 1, ec.SECP256R1())
    return {
        "secret": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode().strip()
    }


def rsa_der(r: Random) -> bytes:
    return _rsa(r).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def openssh(r: Random) -> Fields:
    """An unencrypted Ed25519 key in OpenSSH's own form (PROTOCOL.key)."""
    seed, public = _ed25519(r)
    name = _string(b"ssh-ed25519")
    check = struct.pack(">I", r.getrandbits(32))
    private = check + check + name + _string(public) + _string(seed + public) + _string(b"deploy@northgale")
    private += bytes(range(1, 1 + -len(private) % 8))
    body = b"openssh-key-v1\0" + _string(b"none") * 2 + _string(b"") + struct.pack(">I", 1)
    body += _string(name + _string(public)) + _string(private)
    armour = "OPENSSH PRIVATE " + "KEY"
    return {"secret": f"-----BEGIN {armour}-----\n{lines(b64(body), 70)}\n-----END {armour}-----"}


def openssh_public(r: Random) -> str:
    return "ssh-ed25519 " + b64(_string(b"ssh-ed25519") + _string(_ed25519(r)[1]))


def putty(r: Random) -> Fields:
    """An unencrypted Ed25519 key of PuTTY, version 2, with its MAC."""
    seed, public = _ed25519(r)
    shared, private, comment = _string(b"ssh-ed25519") + _string(public), _string(seed), b"deploy@northgale"
    what = b"".join(_string(part) for part in (b"ssh-ed25519", b"none", comment, shared, private))
    mac = hmac.new(hashlib.sha1(b"putty-private-key-file-mac-key").digest(), what, hashlib.sha1).hexdigest()  # noqa: S324
    text = ["PuTTY-User-Key-File-2: ssh-ed25519", "Encryption: none", "Comment: deploy@northgale", "Public-Lines: 2"]
    text += [lines(b64(shared)), "Private-Lines: 1", b64(private), f"Private-MAC: {mac}"]
    return {"secret": "\n".join(text)}


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, len(body)]) + body


def pgp(r: Random) -> Fields:
    """An unencrypted EdDSA secret key of OpenPGP (version 4) with a user's name, in armour."""
    seed, public = _ed25519(r)
    point = bytes.fromhex("092b06010401da470f01") + struct.pack(">H", 263) + b"\x40" + public
    scalar = int.from_bytes(seed, "big")
    secret = struct.pack(">H", scalar.bit_length()) + scalar.to_bytes((scalar.bit_length() + 7) // 8, "big")
    body = b"\x04" + struct.pack(">I", 1760000000) + b"\x16" + point + b"\0" + secret
    data = _packet(5, body + struct.pack(">H", sum(secret) & 0xFFFF)) + _packet(13, b"Release <release@northgale.net>")
    armour = "PGP PRIVATE " + "KEY BLOCK"
    return {"secret": f"-----BEGIN {armour}-----\n\n{lines(b64(data))}\n={b64(crc24(data))}\n-----END {armour}-----"}


def wireguard(r: Random) -> Fields:
    key = bytearray(r.randbytes(32))
    key[0], key[31] = key[0] & 248, key[31] & 127 | 64
    return {"secret": b64(bytes(key)), "peer": b64(r.randbytes(32))}


def openvpn_static(r: Random) -> Fields:
    armour = "OpenVPN Static key" + " V1"
    return {"secret": f"-----BEGIN {armour}-----\n{lines(hexlified(r.randbytes(256)), 32)}\n-----END {armour}-----"}


def age(r: Random) -> Fields:
    return {"secret": bech32("age-secret-key-", r.randbytes(32)).upper(), "peer": bech32("age", r.randbytes(32))}


def jwk(r: Random) -> Fields:
    key = ec.derive_private_key(r.getrandbits(250) + 1, ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    x, y = (b64url(part.to_bytes(32, "big")) for part in (numbers.x, numbers.y))
    d = b64url(key.private_numbers().private_value.to_bytes(32, "big"))
    return {
        "secret": d,
        "jwk": json.dumps({"kty": "EC", "crv": "P-256", "kid": "signing-1", "x": x, "y": y, "d": d}, indent=2),
    }


def jks(r: Random, words: str, certificate: bytes) -> bytes:
    """A Java key store with one RSA key and its certificate (DER), the key under Sun's key protector, both under the password `words`."""
    plain, wide = rsa_der(r), words.encode("utf-16-be")
    salt = r.randbytes(20)
    stream, block = b"", salt
    while len(stream) < len(plain):
        block = hashlib.sha1(wide + block).digest()  # noqa: S324
        stream += block
    hidden = salt + bytes(a ^ b for a, b in zip(plain, stream, strict=False)) + hashlib.sha1(wide + plain).digest()  # noqa: S324
    algorithm = bytes.fromhex("300e060a2b060104012a021101010500")
    protected = der(0x30, algorithm + der(4, hidden))
    entry = struct.pack(">IH", 1, 6) + b"server" + struct.pack(">qI", 1760000000000, len(protected)) + protected
    chain = struct.pack(">IH", 1, 5) + b"X.509" + struct.pack(">I", len(certificate)) + certificate
    store = struct.pack(">III", 0xFEEDFEED, 2, 1) + entry + chain
    return store + hashlib.sha1(wide + b"Mighty Aphrodite" + store).digest()  # noqa: S324


def der(tag: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def _pkcs12_kdf(words: str, salt: bytes, rounds: int) -> bytes:
    """The key of the MAC (RFC 7292, appendix B.2, id 3) with SHA-256, whose block is 64 bytes."""
    wide = words.encode("utf-16-be") + b"\0\0"
    fill = (salt * 64)[:64] + (wide * 64)[: -(-len(wide) // 64) * 64]
    digest = hashlib.sha256(b"\x03" * 64 + fill).digest()
    for _ in range(rounds - 1):
        digest = hashlib.sha256(digest).digest()
    return digest


def pkcs12(r: Random, words: str = "") -> bytes:
    """A PKCS#12 file with one RSA key in a plain key bag and a MAC under `words`."""
    oid = {
        name: der(6, bytes.fromhex("2a864886f70d01" + tail))
        for name, tail in (("data", "0701"), ("keybag", "0c0a0101"))
    }
    bag = der(0x30, oid["keybag"] + der(0xA0, rsa_der(r)))
    inner = der(0x30, oid["data"] + der(0xA0, der(4, der(0x30, bag))))
    safe = der(0x30, inner)
    salt = r.randbytes(8)
    mac = hmac.new(_pkcs12_kdf(words, salt, 2048), safe, hashlib.sha256).digest()
    sha256 = bytes.fromhex("300d06096086480165030402010500")
    mac_data = der(0x30, der(0x30, sha256 + der(4, mac)) + der(4, salt) + der(2, (2048).to_bytes(2, "big")))
    return der(0x30, der(2, b"\x03") + der(0x30, oid["data"] + der(0xA0, der(4, safe))) + mac_data)
