"""Random values of decoys, the issuers' documented examples, and forms with a wrong checksum."""

import base64
import hashlib
import hmac
import json
from random import Random

from bench.planted_secrets.model import Fields, Make
from bench.planted_secrets.values import (
    ALNUM,
    HEX,
    b64,
    b64url,
    chars,
    lines,
    shaped,
    uuid,
)

EXAMPLE_ID = "AKIA" + "IOSFODNN7" + "EXAMPLE"
EXAMPLE_KEY = "wJalrXUtnFEMI/" + "K7MDENG/" + "bPxRfiCY" + "EXAMPLEKEY"
BEGIN = "-----BEGIN "
PRIVATE = "PRIVATE " + "KEY"


def fixed(**parts: str) -> Make:
    return lambda _r: parts


def sha(name: str) -> Make:
    size = hashlib.new(name).digest_size
    return lambda r: {"value": chars(r, HEX, size * 2), "b64": b64(r.randbytes(size))}


def uuids(r: Random) -> Fields:
    return {"value": uuid(r), "other": uuid(r)}


def jwt_io(_r: Random) -> Fields:
    """The example on the page of RFC 7519's introduction, signed with the word it prints beside it."""
    claims = '{"sub":"1234567890","name":"John Doe","iat":1516239022}'
    head = ".".join(b64url(part.encode()) for part in ('{"alg":"HS256","typ":"JWT"}', claims))
    mac = hmac.new(b"your-256-bit-secret", head.encode(), hashlib.sha256).digest()
    return {"value": f"{head}.{b64url(mac)}"}


def wrong(prefix: str) -> Make:
    """GitHub's and npm's form with six digits at the end that are not the checksum of the thirty before."""
    return lambda r: {"value": prefix + chars(r, ALNUM, 30) + "0zzzz" + r.choice("zyxw")}


def wrong_grafana(r: Random) -> Fields:
    return {"value": f"glsa_{chars(r, ALNUM, 32)}_00000000"}


def lock(r: Random) -> Fields:
    rows = {
        f"node_modules/pkg{n}": {
            "version": f"1.{n}.0",
            "resolved": f"https://registry.npmjs.org/pkg{n}/-/pkg{n}-1.{n}.0.tgz",
            "integrity": "sha512-" + b64(r.randbytes(64)),
        }
        for n in range(12)
    }
    return {"value": json.dumps({"name": "web", "lockfileVersion": 3, "packages": rows}, indent=2)}


def requirements(r: Random) -> Fields:
    return {"value": "\n".join(f"package{n}==1.{n} \\\n    --hash=sha256:{chars(r, HEX, 64)}" for n in range(8))}


def gosum(r: Random) -> Fields:
    return {"value": "\n".join(f"golang.org/x/mod{n} v0.{n}.0 h1:{b64(r.randbytes(32))}" for n in range(8))}


def vault(r: Random) -> Fields:
    return {"value": lines(r.randbytes(300).hex().encode().hex(), 80)}


def sops(r: Random) -> Fields:
    return {"value": b64(r.randbytes(24)), "iv": b64(r.randbytes(32)), "tag": b64(r.randbytes(16))}


def picture(r: Random) -> Fields:
    return {"value": base64.b64encode(b"\x89PNG\r\n\x1a\n" + r.randbytes(900)).decode()}


def encrypted(size: int) -> Make:
    return lambda r: {"value": b64(r.randbytes(size))}


def value(*parts: str | tuple[str, int]) -> Make:
    make = shaped(*parts)
    return lambda r: {"value": make(r)["secret"]}
