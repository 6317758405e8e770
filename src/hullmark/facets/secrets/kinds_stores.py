"""Private keys that are not text: in DER (RFC 5208, RFC 8017, RFC 5915), in PKCS #12 (RFC 7292) and in Java's key stores; keys of VPNs."""

from __future__ import annotations

from hullmark.facets.secrets.kind import Kind, random_enough

_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...)"
_RSA = rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
_EC = rb"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
_ED = rb"\x06\x03\x2b\x65[\x6e-\x71]"
_SHROUDED, _PLAIN_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01"
_JKS, _JCEKS = b"\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01", b"\x2b\x06\x01\x04\x01\x2a\x02\x13\x01"


KINDS = (
    Kind(
        "pkcs12-key",
        "private key in a PKCS #12 file",
        "high",
        (_SHROUDED, _PLAIN_BAG),
        rb"(?s)\A\x30[\x80-\x84].{0,4}\x02\x01\x03\x30.{10,15000}?\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01[\x01\x02](?P<s>.{40,200})",
        is_whole=True,
    ),
    Kind(
        "java-key-store-key",
        "private key in a Java key store",
        "high",
        (_JKS, _JCEKS),
        rb"(?s)\A(?:\xfe\xed\xfe\xed|\xce\xce\xce\xce)\0\0\0[\x01\x02]\0\0.{4,15000}?\x2b\x06\x01\x04\x01\x2a\x02(?:"
        rb"\x11\x01|\x13)\x01(?P<s>.{40,200})",
        is_whole=True,
    ),
    Kind(
        "der-private-key",
        "private key in DER",
        "critical",
        (
            b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
            b"\x2a\x86\x48\xce\x3d\x02\x01",
            b"\xa0\x0a\x06\x08\x2a",
            b"\xa0\x07\x06\x05\x2b",
            b"\x04\x22\x04\x20",
            b"\x02\x01\x00\x02\x82",
        ),
        rb"(?s)\A\x30"
        + _LENGTH
        + rb"(?:\x02\x01[\x00\x01]\x30.(?:"
        + _RSA
        + rb"\x05\x00|"
        + _EC
        + rb".{2,30}?|"
        + _ED
        + rb")\x04(?P<s>.{30,200})"
        + rb"|\x02\x01\x00\x02\x82[\x01-\x04].\x00(?P<t>.{200})"
        + rb"|\x02\x01\x01\x04[\x1c-\x42](?P<u>.{28,66})\xa0.\x06)",
        random_enough(4.0),
        is_whole=True,
    ),
    Kind(
        "openvpn-static-key",
        "static key of OpenVPN",
        "critical",
        (b"-----BEGIN OpenVPN ",),
        rb"-----BEGIN OpenVPN (?:Static key V1|tls-crypt-v2 (?:client|server) key)-----(?P<s>[A-Za-z0-9+/=\s]{200,4000})-----END",
        random_enough(3.0),
        after=4200,
    ),
    Kind(
        "wireguard-key",
        "key of WireGuard",
        "critical",
        (b"privatekey", b"presharedkey"),
        rb"(?i:privatekey|presharedkey)[ \t]{0,9}=[ \t]{0,9}(?P<s>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)",
        random_enough(4.0),
        any_case=True,
    ),
    Kind(
        "json-web-key",
        "private key in a JSON Web Key",
        "critical",
        (b'"d"',),
        rb"\"d\"\s{0,9}:\s{0,9}\"(?P<s>[A-Za-z0-9_-]{40,1000})\"",
        random_enough(4.0),
        after=1100,
        tail=rb"\s{0,9}:\s{0,9}\"[A-Za-z0-9_-]{40}",
    ),
)
