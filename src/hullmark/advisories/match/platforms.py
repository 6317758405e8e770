"""Whether what an advisory wants to be there beside a package is there. Of what may be, a container has Linux for certain.

Platforms are CPE 2.3 names (NISTIR 7695). All but Linux itself (other systems, WordPress and what else a product may be a part of)
counts as absent: what is affected only there is not listed, but counted. Many records have no such names and say it in their words
alone: what those affect is told, as weakly as a guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_LINUX = ("linux", "linux_kernel", "unix")
_ANY = ("*", "-", "")
_PART, _VENDOR, _PRODUCT, _VERSION = range(2, 6)
_TARGET_FROM_END = -3
_TITLES = {"windows": "Windows", "macos": "macOS", "mac_os_x": "macOS", "iphone_os": "iOS", "android": "Android",
           "wordpress": "WordPress", "linux_kernel": "another Linux", "debian_linux": "Debian"}  # fmt: skip
_OTHERS = re.compile(r"\b(?:linux|unix|posix|mac ?os|os x|bsd|android|ios|all platforms|64[- ]bit)\b", re.IGNORECASE)
_WINDOWS = re.compile(
    r"\b(?:on|affects|affecting) (?:Microsoft )?Windows\b|\bWindows[- ](?:only|specific)\b", re.IGNORECASE
)
_NARROW = re.compile(r"\bon (?:[\w-]+ )?32[- ]bit\b|\b32[- ]bit[- ]only\b", re.IGNORECASE)
_NARROW_ARCHITECTURES = frozenset(
    (
        "386",
        "i386",
        "i486",
        "i586",
        "i686",
        "x86",
        "arm",
        "armel",
        "armhf",
        "armv6l",
        "armv7",
        "armv7hl",
        "armv7l",
        "mips",
        "mipsel",
    )
)


def hold(platforms: Collection[str]) -> bool:
    """Whether one of the platforms is there, or none is wanted."""
    return not platforms or any(_is_linux(platform.lower().split(":")) for platform in platforms)


def title(platforms: Collection[str]) -> str:
    """What the platforms are called, for people: `Windows`, `node.js`; "another platform" where they do not say."""
    names = {_title(platform.lower().split(":")) for platform in platforms}
    return " or ".join(sorted(names - {""})) or "another platform"


def spoken_of(text: str, arch: str) -> str:
    """The one platform that an advisory's words are about: `Windows`, `32-bit systems`; "" if there is none.

    `arch` is the package's, "" where it is not known: what is 32-bit itself is meant.
    """
    if "indows" not in text and "32" not in text:
        return ""
    if _OTHERS.search(text):
        return ""
    if _WINDOWS.search(text):
        return "Windows"
    return "32-bit systems" if arch not in _NARROW_ARCHITECTURES and _NARROW.search(text) else ""


def _title(parts: list[str]) -> str:
    if len(parts) <= _VERSION:
        return ""
    is_target = parts[_VENDOR] in _ANY and parts[_PRODUCT] in _ANY
    name = parts[_TARGET_FROM_END] if is_target else parts[_PRODUCT]
    return "" if name in _ANY else _TITLES.get(name, name.replace("_", " "))


def _is_linux(parts: list[str]) -> bool:
    """Whether a CPE means Linux in any version, or software for it."""
    if len(parts) <= _VERSION:
        return False
    if parts[_VENDOR] in _ANY and parts[_PRODUCT] in _ANY:
        return parts[_TARGET_FROM_END] in _LINUX
    return parts[_PART:_VERSION] == ["o", "linux", "linux_kernel"] and parts[_VERSION] in _ANY
