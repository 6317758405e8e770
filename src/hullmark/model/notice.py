"""Notices: what changed about images, the one cause of it, and what people are notified of."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.isolation import Grade
from hullmark.model.reach import MatchReach

TransitionKind = Literal[
    "compliance.lost",
    "compliance.regained",
    "finding.new",
    "finding.worse",
    "finding.retracted",
    "fix.available",
    "grace.ending",
    "tag.moved",
    "analysis.failed",
    "data.stale",
    "exception.expiring",
    "exception.expired",
    "place.uncertified",
    "place.drift",
    "place.host",
    "place.problem",
    "place.silent",
    "place.heard",
]
TRANSITION_KINDS: dict[TransitionKind, str] = {
    "compliance.lost": "an image that was in compliance no longer is",
    "compliance.regained": "an image is in compliance again",
    "finding.new": "an image that is out of compliance has one more reason",
    "finding.worse": "a vulnerability of an image that is out of compliance weighs more than before",
    "finding.retracted": "what an image was held against is no longer so, and others are left",
    "fix.available": "a vulnerability that an image is held against can be fixed now",
    "grace.ending": "the time in which a running image may start again in spite of a finding runs out",
    "tag.moved": "a tag points to another image",
    "analysis.failed": "an image could not be analysed",
    "data.stale": "advisories are older than they should be",
    "exception.expiring": "an exception ends soon",
    "exception.expired": "an exception has ended",
    "place.uncertified": "an image that no verdict lets pass started somewhere",
    "place.drift": "a running container differs from its image",
    "place.host": "a host weakens what runs on it",
    "place.problem": "what runs somewhere is not completely known",
    "place.silent": "a collector says nothing any more",
    "place.heard": "a collector that was silent reports again",
}
"""Every kind of transition, and what it says."""

CauseKind = Literal[
    "advisory",
    "retraction",
    "severity",
    "exploitation",
    "fix",
    "lifecycle",
    "vex",
    "exception",
    "policy",
    "image",
    "time",
    "analyzer",
    "data",
    "place",
    "signatures",
]
"""What brought a transition about: an advisory is new or says something else, or was withdrawn; its rating; KEV or EPSS; a fix; the end of
support; a VEX statement; an exception began, changed or ended; a policy was put in force, or out of it; a tag moved to another image; a
day came; the analyzer changed; feeds or registries do not answer; something started or changed where images run; what others signed about
an image came or went."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence for a change: a finding that appeared or disappeared, its package, and the version that fixes it ("": none is known).

    `fix_state` is as in an advisory; `rule`, `message` and `subject` are the finding's.

    It is seen at `path`, in the layer with that number (-1: none), which `instruction` created, by the value `detail`, and in `more_places`
    other places. `since`: when it became known for the image, or disappeared. `advice` is what to do, as a clause. `standing` says why a
    finding that still exists counts for less ("": it is gone). `reach` is whether the image's start reaches the package (None: nobody
    looked, or it was not looked up).
    """

    rule: str = ""
    subject: str = ""
    message: str = ""
    advisory: str = ""
    package: str = ""
    path: str = ""
    fix_state: str = ""
    fix_version: str = ""
    is_gained: bool = True
    severity: Severity = "unknown"
    layer: int = -1
    instruction: str = ""
    detail: str = ""
    more_places: int = 0
    since: datetime | None = None
    advice: str = ""
    standing: str = ""
    reach: MatchReach | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The one cause of some transitions. `key` is the same for all transitions of one cause, and differs between causes.

    `subject` is what it is about: a CVE, a policy, a reference. Its `evidence` is that of the first image. If there are several images,
    only what the findings themselves state holds for all of them; where they are seen is given with each image. `before` and `after` are
    the two inputs that were compared, in words. `seen_at` is when the change became known here.
    """

    kind: CauseKind
    key: str
    subject: str
    sentence: str
    seen_at: datetime
    severity: Severity = "unknown"
    before: str = ""
    after: str = ""
    evidence: tuple[Evidence, ...] = ()


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one image under one policy in one environment. For transitions that are not about an image, these fields are "" or
    None.

    `key` identifies it: if written twice, it is still one transition. `before` and `after` are verdicts (or digests, for a tag that moved).
    `history_id` is the verdict that it came with. `at` is the time that counted as now.
    """

    kind: TransitionKind
    key: str
    at: datetime
    image_id: int | None = None
    image_digest: str = ""
    reference: str = ""
    policy_id: int | None = None
    policy: str = ""
    environment: str = ""
    before: str = ""
    after: str = ""
    severity: Severity = "unknown"
    history_id: int | None = None
    evidence: tuple[Evidence, ...] = ()


class ItemPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the image of an item runs, as people call it (`CLUSTER/NAMESPACE/WORKLOAD/CONTAINER`), since when, and how well it is
    isolated there ("": not known).
    """

    name: str
    environment: str = ""
    grade: Grade | Literal[""] = ""
    since: datetime | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A transition in the form a message shows. `link` leads to the page of the verdict that it came with.

    `places` are the first of the `place_count` places where the image runs, the least isolated first.
    """

    id: int
    kind: TransitionKind
    at: datetime
    image: str = ""
    reference: str = ""
    policy: str = ""
    environment: str = ""
    before: str = ""
    after: str = ""
    severity: Severity = "unknown"
    is_deployed: bool = False
    history_id: int | None = None
    evidence: tuple[Evidence, ...] = ()
    link: str = ""
    places: tuple[ItemPlace, ...] = ()
    place_count: int = 0


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message: the effects of one cause, for one receiver.

    `id` is the same whenever this message is sent again, so that receivers can recognise repetitions. `items` are the first of `count`, the
    most urgent first; `kinds` counts all by kind. `link` leads to all of them, page by page. `part` is above 1 if the cause was already
    reported and had further effects. `is_replay`: it was sent (or attempted) before, and someone had it sent again.
    """

    id: str
    account: str
    cause: Cause
    items: tuple[Item, ...]
    count: int
    kinds: dict[str, int]
    at: datetime
    severity: Severity = "unknown"
    link: str = ""
    part: int = 1
    is_test: bool = False
    is_replay: bool = False


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One message about the effects of many causes since the last one: `groups` are the first of `count` causes."""

    id: str
    account: str
    subscription: str
    groups: tuple[Notice, ...]
    count: int
    since: datetime
    until: datetime
    link: str = ""
    is_replay: bool = False
