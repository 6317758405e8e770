"""The complete report on an image: a policy's verdict, and what is known to be wrong with its packages."""

from __future__ import annotations

import msgspec

from hullmark.model.match import Matches
from hullmark.model.verdict import Verdict


class ImageReport(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict` is None if no policy judged the image."""

    matches: Matches
    verdict: Verdict | None = None
