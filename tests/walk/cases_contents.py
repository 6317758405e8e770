"""Certificates, secrets, malware, lines of files, accounts and build instructions that lie behind a limit."""

from __future__ import annotations

import gzip
import io
import zipfile
from functools import cache

import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.clamav import EICAR, RULE
from tests.unit.facets.secrets.samples import SAMPLES
from tests.walk.look import Look
from tests.walk.world import Layers

_PRIVATE = "gate: certificates, trigger: private_key, params: {}"
_WEAK = "gate: certificates, trigger: weak, params: {}"
_SECRET = "gate: secrets, trigger: found, params: {kinds: [sonar-token]}"  # noqa: S105 — a rule
_MALWARE = "gate: malware, trigger: found, params: {}"
_LINE = 'gate: contents, trigger: forbidden, params: {paths: ["/srv/**"], pattern: evil}'
_DIGEST = bytes(20)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP192R1())


@cache
def _pem() -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return _key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@cache
def _store(password: bytes | None) -> bytes:
    form = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"k", _key(), None, None, form)


def _java(*kinds: int) -> bytes:
    """A Java key store with certificates (2) and keys (1), whose content is nothing."""
    entries = {
        1: b"\0\0\0\1" + b"\0\1a" + bytes(8) + b"\0\0\0\1x" + b"\0\0\0\0",
        2: b"\0\0\0\2" + b"\0\1a" + bytes(8) + b"\0\5X.509" + b"\0\0\0\1x",
    }
    head = b"\xfe\xed\xfe\xed\0\0\0\2" + len(kinds).to_bytes(4, "big")
    return head + b"".join(entries[kind] for kind in kinds) + _DIGEST


def _zip(*bodies: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, body in enumerate(bodies):
            archive.writestr(str(number), body)
    return out.getvalue()


def _jar(*bodies: bytes, name: str = "pem") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, body in enumerate(bodies):
            archive.writestr(zipfile.ZipInfo(f"{number}.{name}"), body)
    return out.getvalue()


def _keys(number: int, padded: bytes, plain: bytes, path: str = "srv/a.pem", rule: str = _PRIVATE) -> Look:
    return Look(rule, number, {path: padded}, {path: plain})


def _infected(number: int, padded: bytes, plain: bytes, rules: str = RULE, rule: str = _MALWARE) -> Look:
    return Look(rule, number, {"srv/a": padded}, {"srv/a": plain}, yara=rules)


_SONAR, _SLACK = SAMPLES["sonar-token"][0].encode(), SAMPLES["slack-token"][0].encode()
_OTHER = 'rule another { strings: $a = "ZZZZ" condition: $a }\n'
_BLOCK = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
_TWO_FILES: Layers = {"srv/a.crt": _BLOCK * 20, "srv/b.pem": _pem()}
_CERTIFICATES, _MALWARE_ROOM = "hullmark.facets.certificates.", "hullmark.facets.malware."
_UNPACKING = "hullmark.facets.unpacking."

LOOKS: dict[tuple[str, str], Look] = {
    (_CERTIFICATES + "facet", "INSIDE_READ.limit"): _keys(300, _jar(_pem(), bytes(999)), _pem(), "srv/a.jar"),
    (_CERTIFICATES + "inside", "MAX_BYTES"): _keys(len(_pem()), _jar(b"x", _pem()), _jar(_pem()), "srv/a.jar"),
    (_CERTIFICATES + "inside", "MAX_FILES"): _keys(1, _jar(b"x", _pem()), _jar(_pem()), "srv/a.jar"),
    (_CERTIFICATES + "inside", "MAX_ENTRIES"): _keys(1, _jar(b"x", _pem()), _jar(_pem()), "srv/a.jar"),
    (_CERTIFICATES + "inside", "MAX_DEPTH"): _keys(1, _jar(_jar(_pem()), name="jar"), _jar(_pem()), "srv/a.jar"),
    (_CERTIFICATES + "facet", "FILE_LIMIT"): _keys(len(_pem()), _pem() + b"\n" * 500, _pem()),
    (_CERTIFICATES + "facet", "_LAYER_LIMIT"): Look(_PRIVATE, 1100, _TWO_FILES, {"srv/b.pem": _pem()}),
    (_CERTIFICATES + "facet", "CERTIFICATE_READ.layer_limit"): Look(_PRIVATE, 1100, _TWO_FILES, {"srv/b.pem": _pem()}),
    (_CERTIFICATES + "items", "MAX_BLOCKS"): _keys(1, _BLOCK + _pem(), _pem()),
    (_CERTIFICATES + "items", "MAX_BLOCK_BYTES"): _keys(
        1000, _pem().replace(b"\n-----END", b"\n" * 2000 + b"-----END"), _pem(), rule=_WEAK
    ),
    (_CERTIFICATES + "keystores", "MAX_ENTRIES"): _keys(1, _java(2, 1), _java(1), "srv/a.jks"),
    (_CERTIFICATES + "ber", "_LONGEST_LENGTH"): _keys(0, _store(None), _pem(), "srv/a.p12"),
    (_CERTIFICATES + "ber", "_MAX_DEPTH"): _keys(-1, _store(None), _pem(), "srv/a.p12"),
    (_CERTIFICATES + "pkcs12", "MAX_ROUNDS"): _keys(0, _store(b"changeit"), _store(None), "srv/a.p12"),
    (_CERTIFICATES + "pkcs12", "_MAX_BAGS"): _keys(0, _store(None), _pem(), "srv/a.p12"),
    (_CERTIFICATES + "pkcs12", "_MAX_DEPTH"): _keys(-1, _store(None), _pem(), "srv/a.p12"),
    ("hullmark.facets.secrets.facet", "MAX_SECRETS"): Look(_SECRET, 1, {"a": _SLACK, "b": _SONAR}, {"b": _SONAR}),
    ("hullmark.facets.secrets.finder", "MAX_SECRETS"): Look(_SECRET, 1, {"a": _SLACK + b"\n" + _SONAR}, {"a": _SONAR}),
    ("hullmark.facets.secrets.keywords", "MAX_MEETINGS"): Look(
        _SECRET, 1, {"a": _SLACK + b"\n" + _SONAR}, {"a": _SONAR}
    ),
    (_UNPACKING + "archives", "MAX_BYTES"): _infected(100, _zip(bytes(100), EICAR), gzip.compress(EICAR)),
    (_UNPACKING + "archives", "MAX_DEPTH"): _infected(1, gzip.compress(gzip.compress(EICAR)), gzip.compress(EICAR)),
    (_UNPACKING + "archives", "MAX_HELD_BYTES"): _infected(80, gzip.compress(EICAR + bytes(99)), gzip.compress(EICAR)),
    (_UNPACKING + "archives", "MAX_MEMBERS"): _infected(1, _zip(b"a", EICAR), gzip.compress(EICAR)),
    (_UNPACKING + "archives", "MAX_MEMBER_BYTES"): _infected(
        80, gzip.compress(EICAR + bytes(99)), gzip.compress(EICAR)
    ),
    (_UNPACKING + "archives", "MAX_TOTAL_BYTES"): _infected(100, _zip(bytes(100), EICAR), gzip.compress(EICAR)),
    (_UNPACKING + "streams", "MAX_WINDOW_BYTES"): _infected(
        2048, zstandard.compress(bytes(range(256)) * 99 + EICAR), zstandard.compress(EICAR)
    ),
    (_MALWARE_ROOM + "yara", "MAX_FILE_BYTES"): _infected(1 << 20, EICAR + bytes(1 << 20), EICAR),
    (_MALWARE_ROOM + "yara", "MAX_HITS"): _infected(
        1,
        EICAR + b"ZZZZ",
        EICAR,
        _OTHER + RULE,
        "gate: malware, trigger: found, params: {allow_signatures: [another]}",
    ),
    ("hullmark.facets.content", "_FILE_LIMIT"): Look(_LINE, 100, {"srv/a": b"evil\n" * 30}, {"srv/a": b"evil\n"}),
    ("hullmark.facets.content", "_LAYER_LIMIT"): Look(
        _LINE, 100, {"srv/a": b"a\n" * 50, "srv/b": b"evil\n"}, {"srv/b": b"evil\n"}
    ),
    ("hullmark.policy.facts", "CONTENT_LIMIT"): Look(_LINE, 100, {"srv/a": b"evil\n" * 30}, {"srv/a": b"evil\n"}),
}
