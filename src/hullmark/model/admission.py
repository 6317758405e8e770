"""What gates go by: the verdicts in force on images, as a server hands them out and as gates keep them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hullmark.model.isolation import ImageNeeds
from hullmark.model.verdict import Outcome


class PlaceDemands(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy asks of the place where an image is to run, and what it says of the image wherever that is.

    `verdict` and `reason` are those of all that does not depend on the place; `stops` is how many findings stopped the image then, at its
    places too: where the verdict names more, the image itself was stopped since. `needs` is what the image needs. `rules` is a native
    policy, as JSON, of the rules that ask for isolation and are for this image ("": none). `doubts` are the ids of rules that may or
    may not apply to it, with the reason.
    """

    verdict: Outcome
    reason: str
    stops: int
    needs: ImageNeeds = ImageNeeds()
    rules: str
    doubts: dict[str, str] = {}


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says of an image in an environment ("": in any), since when it says so, and why.

    `grace_until`: findings that would stop the image are softened, since it ran before they were met; until then it may start again
    where it ran. `grace_reason` says what they are. None: no grace was granted. `demands`: the verdict depends on where the image runs;
    None: it does not. `stops` is how many findings stop the image.
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
    """An image with the verdicts in force on it; without any, nobody judges it any more, and a gate forgets it.

    `digest` is that of its manifest, `indexes` are those of the indexes that name it, `config` is its configuration's ("": unknown).
    `tags` point to it now, as HOST/REPOSITORY:TAG. `certified_at`: when a verdict passed first; None: none ever did.
    """

    digest: str
    indexes: tuple[str, ...] = ()
    config: str = ""
    platform: str = ""
    tags: tuple[str, ...] = ()
    certified_at: datetime | None = None
    verdicts: tuple[PolicyVerdict, ...] = ()


class AdmissionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some images whose verdicts, names or digests are new to the one who asks, in the order in which they changed.

    `cursor` says where the next page begins. `is_last`: there is no more for now. `begins`: the page is the first of a whole list; what
    is not in the list is not judged.
    """

    images: tuple[AdmissibleImage, ...]
    cursor: str
    is_last: bool
    begins: bool = False
