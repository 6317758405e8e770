"""The whole report on an image: what a policy says of it, and what is known to be wrong with its packages."""

from __future__ import annotations

import msgspec

from hullmark.model.match import Matches
from hullmark.model.verdict import Verdict


class ImageReport(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict` is None where no policy judged the image."""

    matches: Matches
    verdict: Verdict | None = None
