"""Notices: what changed about images, the one cause of it, and what people are told."""

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
    """What can be seen: a finding that came or went, in which package, and the version that mends it ("": none is known).

    `fix_state` is as an advisory's; `rule` and `message` are the finding's. `subject` is the finding's subject.

    It is seen at `path`, in the layer of that number (-1: of none) which `instruction` made, by the value `detail`, and in `more_places`
    others. `since`: when it came to be known of the image, or went. `advice` is what to do, as a clause. `standing` says of a
    finding that is still there and counts less what became of it ("": it is gone). `reach` says whether the image's start reaches the
    package (None: nobody looked, or it was not looked up).
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
    """The one thing that brought transitions about. `key` is equal for all transitions of one cause, and differs between causes.

    `subject` is what it is about: a CVE, a policy, a reference. Its `evidence` is that of the first image; where there are several, only
    what findings say of themselves is true of all of them, and where they are seen is said with each image. `before` and `after` are
    the two inputs that were compared, in words.
    `seen_at` is when that which changed came to be known here.
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
    """What happened to one image under one policy in one environment; of transitions about no image, these are "" or None.

    `key` makes it one: written twice, it is one transition. `before` and `after` are verdicts (or digests, of a tag that moved).
    `history_id` is the verdict that it came with. `at` is the moment that counted as now.
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
    kept apart there ("": nobody told)."""

    name: str
    environment: str = ""
    grade: Grade | Literal[""] = ""
    since: datetime | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A transition as a message shows it. `link` leads to the verdict that it came with, as a page.

    `places` are the first of the `place_count` places where the image runs, those that are kept apart least first.
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
    """One message: what one cause led to, for one receiver.

    `id` is equal whenever this message is sent again: receivers know repetitions by it. `items` are the first of `count`, the most urgent
    first; `kinds` counts all by kind. `link` leads to all of them, page by page. `part` is above 1 where more came of a cause that was
    told already. An `is_replay` was sent before, or tried to be, and somebody had it sent once more.
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
    """One message about what many causes led to since the last one: `groups` are the first of `count` causes."""

    id: str
    account: str
    subscription: str
    groups: tuple[Notice, ...]
    count: int
    since: datetime
    until: datetime
    link: str = ""
    is_replay: bool = False
