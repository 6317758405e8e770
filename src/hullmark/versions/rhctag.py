"""Tags of Red Hat's container images: `v4.9.0-202111020858.p0.gb48f9ab`, `8.6-754`, `4-22`; for newer builds a time, `1744596866`.

A tag is VERSION-RELEASE of a build and ordered as that of an rpm is; a leading `v` does not count. Newer builds are named by the
seconds since 1970 at which they were made: a number above every version. A tag must begin with a number (`latest` is not one).
"""

from __future__ import annotations

import re

from hullmark.versions import rpm
from hullmark.versions.scheme import InvalidVersion, Scheme

FIRST_MOMENT = "1000000000"
"""The least of the tags that are moments (2001-09-09); versions lie below."""

_TAG = re.compile(r"v?(?P<version>[0-9]+(?:[.-][A-Za-z0-9_.+~^-]*)?)").fullmatch
_STREAM = re.compile(r"v?0*(?P<major>[0-9]+)(?:\.0*(?P<minor>[0-9]+)(?=[.-]|\Z))?").match
_MOMENT = re.compile(r"[0-9]{10}").fullmatch


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A version without a release sorts before the same with one. Refuses what is not a tag of a build."""
    return rpm.compare(_version(a), _version(b))


def key(version: str) -> bytes:
    """Bytes that sort as the tags do. Raises InvalidVersion where `compare` does."""
    return rpm.key(_version(version))


def is_moment(tag: str) -> bool:
    """Whether the tag is the time of a build, which does not show the version in it."""
    return _MOMENT(tag) is not None


def stream_of(tag: str) -> tuple[str, str]:
    """Major and minor version: the stream in which a build is followed by others. No minor version is the minor version 0.

    Raises InvalidVersion for other tags.
    """
    found = _STREAM(tag) if _TAG(tag) is not None else None
    if found is None:
        raise InvalidVersion(f"{tag[:60]!r} is not a tag of a build")
    return found["major"], found["minor"] or "0"


def start_of(stream: tuple[str, str]) -> str:
    """The least version of a stream: `4.7`; `4` where the minor version is 0, which may be left out."""
    major, minor = stream
    return major if minor == "0" else f"{major}.{minor}"


def _version(tag: str) -> str:
    found = _TAG(tag)
    if found is None:
        raise InvalidVersion(f"{tag[:60]!r} is not a tag of a build")
    return found["version"]


SCHEME = Scheme(name="rhctag", compare=compare, types=("oci",), key=key)
