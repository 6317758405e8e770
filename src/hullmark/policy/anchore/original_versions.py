"""The original's own comparison of distribution package versions where a minimum is required; it differs from the distributions' rules."""

from __future__ import annotations

import re
from itertools import groupby

from hullmark.model.limit import Limit
from hullmark.versions import InvalidVersion, scheme_for

_MAX_TEXT = Limit(1000, "characters of a version that is compared as Anchore does", "unseen")
_EPOCH = re.compile(r"\s*\+?[0-9]{1,18}\s*").fullmatch


def is_lower(flavor: str, name: str, installed: str, wanted: str) -> bool:
    """Whether the installed version, without its release for rpm and apk, is below the wanted one. Raises InvalidVersion."""
    if max(len(name), len(installed), len(wanted)) > _MAX_TEXT:
        raise InvalidVersion(f"a version of more than {_MAX_TEXT} characters is not compared")
    if installed == wanted:
        return False
    if flavor == "RHEL":
        return _rpm_order(_last_two(name, installed), _last_two(name, wanted)) < 0
    if flavor == "DEB":
        return _deb_is_lower(installed, wanted)
    if flavor == "ALPINE":
        return scheme_for("apk").compare(installed, wanted) < 0
    raise InvalidVersion("versions of this distribution's packages are not compared")


def _last_two(name: str, version: str) -> tuple[str, str]:
    """Version and release: the parts after the last two dashes of "name-version", even if a dash belongs to the name."""
    _, *parts = f"-{name}-{version}".rsplit("-", 2)
    return parts[0], parts[1]


def _rpm_order(left: tuple[str, str], right: tuple[str, str]) -> int:
    """A negative number, 0 or a positive number if left is below, equal to or above right. An epoch is treated like any other number, and
    no character sorts before the end of a text.
    """
    return _order(left[0], right[0]) or _order(left[1], right[1])


def _order(left: str, right: str) -> int:
    """Compare runs of digits and runs of other characters in turn. Between letters and a number, the one on the left is always above."""
    rests = [list(left.strip()), list(right.strip())]
    while all(rests):
        for rest in rests:
            while rest and not rest[0].isalnum():
                del rest[0]
        if not all(rests):
            break
        is_number = rests[0][0].isdigit()
        one, other = (_run(rest, is_number=is_number) for rest in rests)
        if is_number:
            one, other = one.lstrip("0"), other.lstrip("0")
            if len(one) != len(other):
                return len(one) - len(other)
        if one != other:
            return 1 if one > other else -1
    return 1 if rests[0] else -1 if rests[1] else 0


def _run(rest: list[str], *, is_number: bool) -> str:
    """Remove and return the leading run of digits (or of non-digits if `is_number` is False); "" if the text begins with the other kind."""
    key, group = next(groupby(rest, str.isdigit))
    if key is not is_number:
        return ""
    taken = "".join(group)
    del rest[: len(taken)]
    return taken


def _deb_is_lower(installed: str, wanted: str) -> bool:
    """Whether the installed version is lower. Epochs count only if both versions have one, and then even a lower one is not seen as lower.
    Raises InvalidVersion.
    """
    (epoch, upstream, revision), (other_epoch, *others) = _deb_parts(installed), _deb_parts(wanted)
    if epoch is not None and other_epoch is not None and epoch != other_epoch:
        return False
    return (_deb_order(upstream, others[0]) or _deb_order(revision, others[1])) < 0


def _deb_parts(text: str) -> tuple[int | None, str, str]:
    before, colon, rest = text.strip().rpartition(":")
    if colon and (not _EPOCH(before) or not rest):
        raise InvalidVersion(f"{text[:60]!r} has no valid epoch before the colon, or nothing after it")
    upstream, dash, revision = rest.rpartition("-")
    return int(before) if colon else None, upstream if dash else rest, revision if dash else "0"


def _deb_order(left: str, right: str) -> int:
    """Compare parts of versions as dpkg does. The digit and letter put in front allow the parts to begin with any character."""
    return scheme_for("deb").compare(f"0:0z{left}-0", f"0:0z{right}-0")
