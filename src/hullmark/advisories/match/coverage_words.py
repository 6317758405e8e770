"""What is said where advisories do not cover packages; and what can be read from it again: of what they tell, and how much."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

ALL = "all"
"""What advisories cover where nothing else is said."""

_NAME = r".{1,300}?"
_SAID = re.compile(
    rf"the snapshot has no advisories for (?P<none>{_NAME})(?=; |\.\s|\.?\Z)"
    rf"|the snapshot has only a part of the advisories for (?P<part>{_NAME}): (?:no whole feed|the folder)"
    rf"|the advisories for (?P<old>{_NAME}) end on (?P<day>\d{{4}}-\d\d-\d\d)"
    r"|(?:\A|: |; )(?P<release>[^:;]{1,300}?) has been past its end of life(?: since (?P<since>[^\s:]{1,40}))?: ",
    re.DOTALL,
)


class Lack(NamedTuple):
    """That advisories do not tell all of `about`, a namespace or release as it is called. `covers` is what they do: `none`, `a part`,
    `all until 2026-03-01`. `is_end`: the release has ended, `covers` is the last day on which it was maintained, or `ended`."""

    about: str
    covers: str
    is_end: bool = False


def none_for(name: str) -> str:
    """There are none."""
    return f"the snapshot has no advisories for {name}"


def part_for(name: str, *, is_given: bool) -> str:
    """Nobody says that these are all. `is_given`: somebody gave them as a folder."""
    who = "the folder does not declare them whole" if is_given else "no whole feed stands behind them"
    return f"the snapshot has only a part of the advisories for {name}: {who}"


def until(name: str, day: str) -> str:
    """They are too old: the last day (ISO 8601) that they cover completely."""
    return f"the advisories for {name} end on {day}"


def past_its_end(label: str, since: str) -> str:
    """The release has ended; `since` is its last day ("": not known)."""
    when = f" since {since}" if since else ""
    return f"{label} has been past its end of life{when}: what is found in it now is no longer recorded"


def lacks_in(text: str) -> Iterator[Lack]:
    """All that a text says of the kind, in its order."""
    for match in _SAID.finditer(text):
        if match["release"]:
            yield Lack(match["release"], match["since"] or "ended", is_end=True)
        elif match["old"]:
            yield Lack(match["old"], f"{ALL} until {match['day']}")
        else:
            yield Lack(match["none"] or match["part"], "none" if match["none"] else "a part")
