"""Whether what an advisory wants to be there beside a package is there. Of what may be, a container has Linux for certain.

Platforms are CPE 2.3 names (NISTIR 7695). All but Linux itself (other systems, WordPress and what else a product may be a part of)
counts as absent: what is affected only there is not told.
"""

from __future__ import annotations

from collections.abc import Collection

_LINUX = ("linux", "linux_kernel", "unix")
_ANY = ("*", "-", "")
_PART, _VENDOR, _PRODUCT, _VERSION = range(2, 6)
_TARGET_FROM_END = -3


def hold(platforms: Collection[str]) -> bool:
    """Whether one of the platforms is there, or none is wanted."""
    return not platforms or any(_is_linux(each.lower().split(":")) for each in platforms)


def _is_linux(parts: list[str]) -> bool:
    """Whether a CPE means Linux in any version, or software for it."""
    if len(parts) <= _VERSION:
        return False
    if parts[_VENDOR] in _ANY and parts[_PRODUCT] in _ANY:
        return parts[_TARGET_FROM_END] in _LINUX
    return parts[_PART:_VERSION] == ["o", "linux", "linux_kernel"] and parts[_VERSION] in _ANY
