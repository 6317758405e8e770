"""How well a container is kept apart, and its facts as they are kept."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from hullmark.isolation.grades import assess, weakened
from hullmark.model.isolation import GRADES, Isolation
from hullmark.model.limit import Limit
from hullmark.server.tables.places.shared import GradedFacts

_MOST_OF_A_LIST = Limit(200, "paths, devices, ports or capabilities that are kept of one container", "shortened")
_LONGEST_TEXT = Limit(1000, "characters of a text of isolation facts that are kept", "shortened")


class KeptFacts(NamedTuple):
    """Facts by the digest of their content."""

    digest: bytes
    graded: GradedFacts


def kept_facts(isolation: Isolation) -> KeptFacts:
    """The facts as they are kept: lists sorted, long ones cut. Their grade goes by all of them."""
    assessment = assess(isolation)
    if isolation.escapes:
        assessment = weakened(assessment, f"the host has a known escape: {isolation.escapes[0]}")
    told = {name: _bounded(value) for name, value in msgspec.to_builtins(isolation).items()}
    rank = GRADES.index(assessment.grade)
    reason = "; ".join(reason.text for reason in assessment.reasons)[:_LONGEST_TEXT].replace("\0", "")
    encoded = msgspec.json.encode((told, rank, reason), order="deterministic")
    return KeptFacts(hashlib.sha256(encoded).digest(), GradedFacts(facts=told, grade=rank, reason=reason))


def _bounded(value: object) -> object:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT].replace("\0", "")
    if isinstance(value, list | tuple):
        return sorted(map(_bounded, value), key=str)[:_MOST_OF_A_LIST]
    if isinstance(value, dict):
        return {key: _bounded(each) for key, each in value.items()}
    return value
