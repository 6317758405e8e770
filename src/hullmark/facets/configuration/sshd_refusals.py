"""What sshd refuses to start with (`sshd -t`), besides words that it does not know: ports, algorithms, lists that are too short."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hullmark.model.setting import Value


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_PORT = re.compile(r"0*[1-9][0-9]{0,4}").fullmatch
_HIGHEST_PORT = 65535
_LEAST_WORDS: Mapping[str, int] = {"Subsystem": 2}
_ALGORITHMS: Mapping[str, frozenset[str]] = {
    "Ciphers": _names("""
    3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com aes256-gcm@openssh.com arcfour
    arcfour128 arcfour256 blowfish-cbc cast128-cbc chacha20-poly1305@openssh.com rijndael-cbc@lysator.liu.se
    """),
    "KexAlgorithms": _names("""
    curve25519-sha256 curve25519-sha256@libssh.org diffie-hellman-group-exchange-sha1 diffie-hellman-group-exchange-sha256
    diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group14-sha256 diffie-hellman-group16-sha512
    diffie-hellman-group18-sha512 ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521 mlkem768x25519-sha256
    sntrup4591761x25519-sha512@tinyssh.org sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com
    """),
    "MACs": _names("""
    hmac-md5 hmac-md5-96 hmac-md5-96-etm@openssh.com hmac-md5-etm@openssh.com hmac-ripemd160 hmac-ripemd160-etm@openssh.com
    hmac-ripemd160@openssh.com hmac-sha1 hmac-sha1-96 hmac-sha1-96-etm@openssh.com hmac-sha1-etm@openssh.com hmac-sha2-256
    hmac-sha2-256-96 hmac-sha2-256-etm@openssh.com hmac-sha2-512 hmac-sha2-512-96 hmac-sha2-512-etm@openssh.com umac-64@openssh.com
    umac-64-etm@openssh.com umac-128@openssh.com umac-128-etm@openssh.com
    """),
}
"""The algorithms of releases up to 10.0 (`ssh -Q`)."""


def refusal(name: str, value: Value) -> str:
    """Why sshd refuses a value that it can read, "" if it does not."""
    if not isinstance(value, tuple):
        return ""
    if name == "Port":
        wrong = next((port for port in value if not _PORT(port) or int(port) > _HIGHEST_PORT), None)
        return f"{wrong[:100]} is not a port" if wrong is not None else ""
    if name in _LEAST_WORDS and any(len(line.split()) < _LEAST_WORDS[name] for line in value):
        return f"{name} needs {_LEAST_WORDS[name]} words"
    known = _ALGORITHMS.get(name)
    if known is None or value[0][:1] == "-":
        return ""
    first = value[0][1:] if value[0][:1] in ("+", "^") else value[0]
    unknown = next((word for word in (first, *value[1:]) if word not in known and not set("*?") & set(word)), None)
    return f"{unknown[:100]} is not an algorithm for {name}" if unknown is not None else ""
