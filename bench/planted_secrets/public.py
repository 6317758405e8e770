"""Public halves: certificates, requests and public keys, made of a seed."""

import datetime
import struct
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from bench.planted_secrets.keys import rsa_key
from bench.planted_secrets.model import Fields
from bench.planted_secrets.values import b64, crc24, lines


def certify(key: rsa.RSAPrivateKey, serial: int) -> x509.Certificate:
    """A certificate that a key signs for itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "northgale.net")])
    start = datetime.datetime(2025, 10, 9, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), serial, start, start + datetime.timedelta(3650))
    return built.sign(key, hashes.SHA256())


def certificate(r: Random) -> Fields:
    key = rsa_key(r.getrandbits(20) % 3)
    text = certify(key, r.getrandbits(120)).public_bytes(Encoding.PEM)
    return {"value": text.decode().strip(), "wrapped": b64(text)}


def request(r: Random) -> Fields:
    key = rsa_key(r.getrandbits(20) % 3)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "northgale.net")])
    built = x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256())
    return {"value": built.public_bytes(Encoding.PEM).decode().strip()}


def public_pem(r: Random) -> Fields:
    key = rsa_key(r.getrandbits(20) % 3).public_key()
    return {"value": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()}


def pgp_public(r: Random) -> Fields:
    point = bytes.fromhex("092b06010401da470f01") + struct.pack(">H", 263) + b"\x40" + r.randbytes(32)
    body = b"\x04" + struct.pack(">I", 1760000000) + b"\x16" + point
    data = bytes([0xC6, len(body)]) + body
    armour = "PGP PUBLIC KEY BLOCK"
    return {"value": f"-----BEGIN {armour}-----\n\n{lines(b64(data))}\n={b64(crc24(data))}\n-----END {armour}-----"}
