"""Ruby gems' versions, as Gem::Version orders them and Gem::Requirement reads ranges (guides.rubygems.org, patterns).

A platform after the version (`1.13.1-x86_64-linux`, `9.4.0-java`), as gems' file names have it, does not count.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions import generic
from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(r"(?:[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?").fullmatch
_DIGITS_OR_LETTERS = re.compile(r"[0-9]+|[A-Za-z]+")
_ZEROS = re.compile(r"[0.]+")
_PLATFORM = re.compile(
    r"-(?:x86|x64|x32|i[3-6]86|amd64|arm|aarch64|universal|powerpc|ppc|sparc|s390x?|riscv|mips|loongarch|java|jruby|dalvik|mswin"
    r"|mingw|darwin|linux|freebsd|solaris|wasm)(?:v?[0-9]+[a-z]{0,4})?(?=[-_.]|\Z)",
    re.ASCII,
)

# A word is (-1, no number, word); a number (1, number, ""), but zero ranks between words and numbers.
Segment = tuple[int, tuple[int, str], str]
_ZERO: Segment = (0, (0, ""), "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Words sort before numbers; missing parts are zeros. Refuses what Gem::Version refuses."""
    for x, y in zip_longest(_segments(a), _segments(b), fillvalue=_ZERO):
        if x != y:
            return sign(x < y, False)
    return 0


def key(version: str) -> bytes:
    """Bytes that sort as the versions do. Raises InvalidVersion where `compare` does."""
    return generic.padded_key(
        (rank, generic.word_key(word) if rank < 0 else generic.number_key(value))
        for rank, value, word in _segments(version)
    )


def ranges(text: str) -> Condition:
    """Read requirements: `~> 2.1`, `>= 1, != 1.5`; `||` parts alternatives. Raises ValueError saying what was not understood.

    `~> 2.1` ends before `3.A`, a pre-release before all those of 3 but ones that have `A` twice.
    """
    parts = []
    for items in generic.operator_items(text):
        bounds: list[Bound] = []
        for operator, version in items:
            if operator == "~>":
                bounds += (generic.plain_bound(">=", version, _segments), Bound("<", _bump_version(version)))
            else:
                bounds.append(generic.plain_bound(operator, version, _segments))
        parts.append(tuple(bounds))
    return Condition(text, tuple(parts))


def _bump_version(version: str) -> str:
    """What `~> VERSION` ends before: the numbers up to the first word, without the last if there are several, and one more."""
    numbers = []
    for part in _DIGITS_OR_LETTERS.findall(_plain(version)):
        if not part.isdigit():
            break
        numbers.append(part)
    numbers = numbers[: max(1, len(numbers) - 1)]
    return ".".join((*numbers[:-1], str(int(numbers[-1]) + 1), "A"))


def _segments(version: str) -> list[Segment]:
    return [_segment(part) for part in _DIGITS_OR_LETTERS.findall(_without_zeros(_plain(version)))]


def _plain(version: str) -> str:
    """The version without its platform, a hyphen written as the word that Gem::Version reads in its place."""
    text = version.strip()
    platform = _PLATFORM.search(text)
    if platform and platform.start():
        text = text[: platform.start()]
    if not _VERSION(text):
        raise InvalidVersion(f"{version[:60]!r} is not a gem version")
    return text.replace("-", ".pre.")


def _without_zeros(text: str) -> str:
    """Without the zeros before a word, where first there are some that follow a dot: later ones count."""
    for run in _ZEROS.finditer(text):
        if not text[run.end() : run.end() + 1].isalpha():
            continue
        start = text.find(".", run.start(), run.end()) + 1 if run.start() else 0
        if 0 < start < run.end() or not run.start():
            return text[:start] + text[run.end() :]
    return text


def _segment(part: str) -> Segment:
    if not part.isdigit():
        return (-1, _ZERO[1], part)
    value = number(part)
    return (1, value, "") if value[0] else _ZERO


SCHEME = Scheme(name="gem", compare=compare, types=("gem",), aliases=("rubygems",), key=key, ranges=ranges)
