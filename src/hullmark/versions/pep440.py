"""Python versions: PEP 440 (packaging.python.org, version specifiers).

Versions from before PEP 440 sort before all others and among themselves by the generic scheme.
"""

from __future__ import annotations

import re

from hullmark.versions import generic
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"""v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_number>[0-9]*))?
    (?P<post>-(?P<implied_post>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
).fullmatch
_SEPARATORS = re.compile(r"[-_.]")
_PRE = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}

Key = tuple[object, ...]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1, local parts included. Refuses empty texts only."""
    key_a, key_b = _key(a), _key(b)
    if key_a is None and key_b is None:
        return generic.compare(a, b)
    if key_a is None or key_b is None:
        return sign(key_a is None, False)
    return sign(key_a < key_b, key_a == key_b)


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: the version's local part counts only if the bound has one."""
    return compare(version if "+" in bound else version.partition("+")[0], bound)


def _key(version: str) -> Key | None:
    found = _VERSION(version.strip())
    if found is None:
        if not version.strip():
            raise InvalidVersion("an empty text is not a Python version")
        return None
    release = [number(part) for part in found["release"].split(".")]
    while release and release[-1] == (0, ""):
        release.pop()
    return (number(found["epoch"] or ""), release, *_phases(found), _local(found["local"]))


def _phases(found: re.Match[str]) -> tuple[Key, Key, Key]:
    """Keys of the pre, post and dev parts. A dev version alone sorts before the pre-releases, a release after them."""
    pre: Key
    if found["pre"]:
        word = found["pre"].lower()
        pre = (1, _PRE.get(word, word), number(found["pre_number"]))
    else:
        pre = (0,) if found["dev"] and not found["post"] else (2,)
    post: Key = (1, number(found["implied_post"] or found["post_number"] or "")) if found["post"] else (0,)
    dev: Key = (0, number(found["dev_number"])) if found["dev"] else (1,)
    return pre, post, dev


def _local(local: str | None) -> Key:
    parts = _SEPARATORS.split(local.lower()) if local else []
    return tuple((1, number(part), "") if part.isdigit() else (0, (0, ""), part) for part in parts)


SCHEME = Scheme(name="pep440", compare=compare, types=("pypi",), against_bound=against_bound)
