"""What gates decide by: the verdicts in force on images, as a server provides them and as gates store them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hullmark.model.isolation import ImageNeeds
from hullmark.model.verdict import Outcome


class PlaceDemands(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy demands of the place where an image is to run, and its verdict on the image in any place.

    `verdict` and `reason` are based on everything that does not depend on the place. `stops` is how many findings, including those at its
    places, stopped the image at that time; if the verdict names more, the image itself has been stopped since. `needs` is what the image
    needs. `rules` is a native policy, as JSON, with the rules about isolation that apply to this image ("": none). `doubts` are the ids of
    rules that may or may not apply to it, with the reason.
    """

    verdict: Outcome
    reason: str
    stops: int
    needs: ImageNeeds = ImageNeeds()
    rules: str
    doubts: dict[str, str] = {}


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's verdict on an image in an environment ("": in any), since when it holds, and why.

    `grace_until`: findings that would stop the image are softened, because it ran before they were first seen; until then it may start
    again where it ran. None: no grace was granted. `grace_reason` names these findings. `demands`: the verdict depends on where the image
    runs; None: it does not. `stops` is how many findings stop the image.
    """

    policy: str
    environment: str = ""
    verdict: Outcome
    reason: str
    since: datetime
    grace_until: datetime | None = None
    grace_reason: str = ""
    stops: int = 0
    demands: PlaceDemands | None = None


class AdmissibleImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image with the verdicts in force on it. Without any, the image is no longer judged, and a gate forgets it.

    `digest` is that of its manifest, `indexes` are those of the indexes that list it, `config` is that of its configuration ("": unknown).
    `tags` currently point to it, as HOST/REPOSITORY:TAG. `certified_at`: when a verdict first passed it; None: none ever did.
    """

    digest: str
    indexes: tuple[str, ...] = ()
    config: str = ""
    platform: str = ""
    tags: tuple[str, ...] = ()
    certified_at: datetime | None = None
    verdicts: tuple[PolicyVerdict, ...] = ()


class AdmissionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some images whose verdicts, names or digests are new to the requesting gate, in the order in which they changed.

    `cursor` is where the next page begins. `is_last`: there are no more for now. `begins`: the page is the first of a complete list; images
    missing from the list are not judged.
    """

    images: tuple[AdmissibleImage, ...]
    cursor: str
    is_last: bool
    begins: bool = False
