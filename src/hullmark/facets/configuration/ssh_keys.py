"""Keys of SSH: those that let someone in (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and the host's own, which an image should not carry.

Only the public facts of a key are shown: its type, its size and the fingerprint of its public half (RFC 4253, RFC 4716).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.bracketed import BracketedNames
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files, Parser, Status
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.sshd import MAIN
from hullmark.facets.configuration.sshd import settings as sshd_settings
from hullmark.facets.configuration.start import Command
from hullmark.facets.configuration.written import split_at_commas
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.problem import OPEN
from hullmark.model.setting import Setting, Value
from hullmark.rootfs.reads import kind_of

_MAX_USERS = Limit(10_000, "users whose authorized keys are looked for")
_MAX_FILES = Limit(1_000, "files of authorized keys")
_MAX_PATTERNS = Limit(20, "places of authorized keys for each user")
_USUAL = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_OPTION = re.compile(r'(?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+').match
_TYPE = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]{1,80}").fullmatch
_HOST_KEY = re.compile(r"ssh_host_([a-z0-9]+)_key").fullmatch
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")
_PEM_TYPES = {"RSA ": "ssh-rsa", "DSA ": "ssh-dss", "EC ": "ecdsa"}
_CURVE_BITS = {"nistp256": 256, "nistp384": 384, "nistp521": 521, "ed25519": 256, "ed448": 456}
_MAGIC = b"openssh-key-v1\0"


class PublicKey(msgspec.Struct, frozen=True):
    """A public key. `bits` is 0 where the type does not say. `fingerprint` is as ssh-keygen prints it, without padding."""

    type: str
    bits: int
    fingerprint: str


class _Quiet:
    """The files as another parser sees them, which reports Problems itself; what it did not see is missing here too."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @property
    def distro(self) -> Distro | None:
        return self._files.distro

    def releases(self, *names: str) -> frozenset[tuple[int, ...]]:
        return self._files.releases(*names)

    def unset(self, key: str, reason: str = "") -> None:
        """The other parser tells it itself."""

    def matching(self, glob: str) -> list[str]:
        return self._files.matching(glob)

    def named(self, name: str) -> list[str]:
        return self._files.named(name)

    def text(self, path: str) -> str | None:
        return self._files.text(path)

    def status(self, path: str) -> Status | None:
        return self._files.status(path)

    def real(self, path: str) -> str | None:
        return self._files.real(path)

    @property
    def commands(self) -> tuple[Command, ...]:
        return self._files.commands

    def environment(self, name: str) -> StartWord | None:
        return self._files.environment(name)

    def variables(self, beginning: str) -> Mapping[str, StartWord]:
        return self._files.variables(beginning)

    def problem(self, path: str, reason: str, line: int = 0) -> None:
        """Pass on what leaves it open where keys are."""
        if kind_of(reason) in OPEN:
            self._files.problem(path, reason, line)


def _string(blob: bytes, at: int) -> tuple[bytes, int]:
    """A string of SSH's wire format. Raises ValueError where it ends early."""
    size = int.from_bytes(blob[at : at + 4], "big")
    if len(blob) < at + 4 + size:
        raise ValueError
    return blob[at + 4 : at + 4 + size], at + 4 + size


def _fields(blob: bytes, at: int, kind: str) -> list[bytes]:
    """What follows the type: all of a plain key; of a certificate, the key after its nonce.

    Raises ValueError where it ends early.
    """
    is_certificate = "-cert-" in kind
    wanted = 2 if "ed25519" in kind else 3
    found: list[bytes] = []
    while at < len(blob) and not (is_certificate and len(found) == wanted):
        field, at = _string(blob, at)
        found.append(field)
    return found[1:] if is_certificate else found


def public_key(blob: bytes) -> PublicKey | None:
    """The key in a public blob; None if it is not one."""
    try:
        name, at = _string(blob, 0)
        kind = name.decode("ascii")
        fields = _fields(blob, at, kind)
    except ValueError:
        return None
    bits = next((bits for curve, bits in _CURVE_BITS.items() if curve in kind), 0)
    modulus = 1 if kind.startswith("ssh-rsa") else 0
    if not _TYPE(kind) or len(fields) <= modulus:
        return None
    if not bits and kind.startswith(("ssh-rsa", "ssh-dss")):
        bits = int.from_bytes(fields[modulus], "big").bit_length()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PublicKey(kind, bits, f"SHA256:{digest}")


def _decode_base64(word: str) -> bytes | None:
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return None


class AuthorizedKey(NamedTuple):
    """A line of an authorized_keys file."""

    key: PublicKey
    comment: str
    options: tuple[str, ...]


def parse_authorized_key(line: str) -> AuthorizedKey | None:
    """The key in a line of an authorized_keys file; None for any other line."""
    options: tuple[str, ...] = ()
    words = line.split(None, 2)
    if not (words and _TYPE(words[0])):
        found = _OPTION(line)
        if found is None:
            return None
        options = tuple(split_at_commas(found[0]))
        words = line[found.end() :].split(None, 2)
    if len(words) < 2 or not _TYPE(words[0]):
        return None
    blob = _decode_base64(words[1])
    key = public_key(blob) if blob is not None else None
    if key is None or key.type != words[0]:
        return None
    return AuthorizedKey(key, words[2].strip() if len(words) > 2 else "", options)


def _homes(files: Files) -> Iterator[tuple[str, str]]:
    """(user, home) of the accounts; without passwd(5) those that folders let suppose."""
    text = files.text("/etc/passwd") if files.status("/etc/passwd") is not None else None
    lines = (text or "").split("\n")
    if len(lines) > _MAX_USERS:
        files.problem("/etc/passwd", "the keys of so many users are not looked for")
    for line in lines[:_MAX_USERS]:
        fields = line.split(":")
        if len(fields) == 7 and fields[0] and fields[5].startswith("/"):
            yield fields[0], fields[5].rstrip("/")
    yield "root", "/root"
    for name in _USUAL:
        for path in files.matching(f"/home/*/{name}"):
            home = path.removesuffix(f"/{name}")
            yield posixpath.basename(home), home


def _expand_path(pattern: str, user: str, home: str) -> str:
    """The file that AuthorizedKeysFile means for a user."""
    done = re.sub(r"%([%hu])", lambda found: {"%": "%", "h": home, "u": user}[found[1]], pattern)
    return done if done.startswith("/") else f"{home}/{done}"


def _files_of_users(files: Files, patterns: tuple[str, ...]) -> dict[str, str]:
    """Existing files of authorized keys → whose they are (empty: several users')."""
    found: dict[str, str] = {}
    if len(patterns) > _MAX_PATTERNS:
        files.problem(MAIN, "so many files of authorized keys for each user are not looked for")
    for user, home in _homes(files):
        for pattern in patterns[:_MAX_PATTERNS]:
            path = _expand_path(pattern, user, home)
            if path not in found and len(found) < _MAX_FILES and files.status(path) is not None:
                is_shared = "%" not in pattern and pattern.startswith("/")
                found[path] = "" if is_shared else user
    if len(found) >= _MAX_FILES:
        files.problem("/etc/passwd", "so many files of authorized keys are not read")
    return found


def _add_authorized(collected: SettingCollector, files: Files, patterns: tuple[str, ...]) -> None:
    count = 0
    for path, user in _files_of_users(files, patterns).items():
        for number, line in enumerate((files.text(path) or "").split("\n"), 1):
            line = line.strip()
            if not line or line.startswith("#") or collected.is_full:
                continue
            found = parse_authorized_key(line)
            if found is None:
                files.problem(path, "a line that is not a key", number)
                continue
            key, comment, options = found
            values: tuple[tuple[str, Value], ...] = (
                ("user", user),
                ("type", key.type),
                ("bits", key.bits),
                ("fingerprint", key.fingerprint),
                ("comment", comment),
                ("options", options),
            )
            for name, value in values:
                collected.add(f"ssh_keys.authorized[{count}].{name}", value, path, number)
            count += 1


class PrivateKey(NamedTuple):
    """What a private key's file shows: its public half, its type, and whether it is encrypted. None or "": not known."""

    public: PublicKey | None = None
    type: str = ""
    is_encrypted: bool | None = None


def private_key(text: str) -> PrivateKey:
    """What can be seen of a private key.

    The body may be masked; then only the first line says anything.
    """
    pem = _PEM.search(text)
    if pem is None:
        return PrivateKey()
    if pem[1] != "OPENSSH ":
        is_encrypted = True if pem[1] == "ENCRYPTED " or "Proc-Type: 4,ENCRYPTED" in text[:4096] else None
        return PrivateKey(None, _PEM_TYPES.get(pem[1], ""), is_encrypted)
    body = _decode_base64("".join(text[pem.end() :].partition("-----END")[0].split()))
    if body is None or not body.startswith(_MAGIC):
        return PrivateKey()
    try:
        cipher, at = _string(body, len(_MAGIC))
        _, at = _string(body, at)
        _, at = _string(body, at)
        blob, _ = _string(body, at + 4)
    except ValueError:
        return PrivateKey()
    key = public_key(blob)
    return PrivateKey(key, key.type if key else "", cipher != b"none")


def _add_host_keys(collected: SettingCollector, files: Files, named: tuple[str, ...]) -> None:
    names = BracketedNames()
    for path in dict.fromkeys((*files.matching("/etc/ssh/ssh_host_*_key"), *named)):
        status = files.status(path)
        if status is None or collected.is_full:
            continue
        name = names.name(posixpath.basename(path) if path.startswith("/etc/ssh/") else path)
        public, kind, is_encrypted = private_key(files.text(path) or "")
        public = public or _public_half(files, f"{path}.pub")
        by_name = _HOST_KEY(posixpath.basename(path))
        type_name = public.type if public else kind or (by_name[1] if by_name else None)
        key = f"ssh_keys.host[{name}]"
        collected.add(f"{key}.type", type_name, path, 1)
        if public is not None:
            collected.add(f"{key}.bits", public.bits, path, 1)
            collected.add(f"{key}.fingerprint", public.fingerprint, path, 1)
        collected.add(f"{key}.encrypted", is_encrypted, path, 1)
        collected.add(f"{key}.mode", f"{status.mode & 0o7777:04o}", path, 1)


def _public_half(files: Files, path: str) -> PublicKey | None:
    text = files.text(path) if files.status(path) is not None else None
    found = parse_authorized_key(text.strip().partition("\n")[0]) if text else None
    return found[0] if found else None


def settings(files: Files) -> list[Setting]:
    """The keys in the image: `ssh_keys.authorized[i]` and `ssh_keys.host[NAME]`."""
    collected = SettingCollector(files, MAIN)
    sshd = {setting.key: setting.value for setting in sshd_settings(_Quiet(files))}
    patterns, named = sshd.get("sshd.AuthorizedKeysFile"), sshd.get("sshd.HostKey")
    paths = patterns if isinstance(patterns, tuple) else ()
    _add_host_keys(collected, files, named if isinstance(named, tuple) else ())
    _add_authorized(collected, files, tuple(dict.fromkeys((*(path for path in paths if path != "none"), *_USUAL))))
    return collected.settings()


PARSER = Parser(
    name="ssh_keys",
    globs=("etc/ssh/*", "etc/passwd", "**/.ssh/authorized_keys", "**/.ssh/authorized_keys2"),
    settings=settings,
    programs=("sshd",),
)
"""Keys that let someone in, and the host's own keys; `encrypted` has no value where it cannot be seen."""
