"""Image references as gates compare them: the digest, or the tag with its registry and repository written out. Pure.

https://github.com/distribution/reference: a name without a registry is Docker's; without a tag it is `latest`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference


class ImageName(NamedTuple):
    """What an image is called: as it is written, without a digest; in full, as HOST/REPOSITORY:TAG; and its digest ("": it has none)."""

    text: str
    tagged: str
    digest: str


@lru_cache(8192)
def name_of(text: str) -> ImageName | None:
    """The name in a reference; None where it is not a valid one."""
    try:
        found = parse_reference(text)
    except HullmarkError:
        return None
    written = text.partition("@")[0]
    return ImageName(written, f"{found.host}/{found.repository}:{found.tag or 'latest'}", found.digest)
