"""What is compared to tell of a change: two verdicts, and what was judged by what, and how that is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from hullmark.model.notice import CauseKind
from hullmark.model.verdict import Finding, Verdict

ExceptionName = tuple[str, str, str, str, str]
"""What identifies an exception in a finding: rule, subject, owner, reason, last day."""


class KeptException(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that has an id, and when a person made and ended it."""

    id: str
    created_at: datetime
    ended_at: datetime | None = None


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged by what, and how that is called. `at` is the moment that counted as now.

    `snapshot` is the number of the advisories that count, `activation` that of the policy's coming into force. `is_moved`: the verdict
    before is that on another image, from which the tag `reference` moved here. `seen` tells of what may be a cause when it came to be
    known. `has_vex`: VEX statements may have changed meanwhile. `is_redeployed`: since when the image runs is told otherwise than before.
    `first_seen` tells since when findings are known of the image, by their trigger_id, and `advice` what mends one, as a clause.
    """

    image_id: int | None
    image_digest: str
    policy_id: int | None
    policy: str
    environment: str
    reference: str
    at: datetime
    snapshot: str = ""
    activation: str = ""
    is_moved: bool = False
    seen: Mapping[CauseKind, datetime] = {}
    exceptions: Mapping[ExceptionName, KeptException] = {}
    has_vex: bool = False
    is_redeployed: bool = False
    first_seen: Mapping[str, datetime] = {}
    advice: Callable[[Finding], str] | None = None


class Pair(msgspec.Struct, frozen=True):
    """The two verdicts that are compared."""

    before: Verdict
    after: Verdict
